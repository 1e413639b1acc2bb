"""Makes testdata/golden/masked: a masked language model on open_clip's text tower, its loss and gradients in float64.

    python3 testdata/golden/make/masked_words.py testdata/golden/model/clip-gelu testdata/golden/masked

The tower is read without its causal mask and with padding hidden; a vector stands for the holes; the head is BERT's: dense, GELU,
LayerNorm, and the token embedding with a bias. Needs open_clip_torch, torch and safetensors from PyPI.
"""
import json
import os
import sys

import torch
from torch import nn
from safetensors.torch import load_file, save_file
from open_clip.model import CLIP

BASE, OUT = sys.argv[1], sys.argv[2]
os.makedirs(OUT, exist_ok=True)
torch.manual_seed(11)

cfg = json.load(open(os.path.join(BASE, "config.json")))
model = CLIP(**cfg)
model.load_state_dict(load_file(os.path.join(BASE, "model.safetensors")))
model = model.double()
V, D, H = cfg["text_cfg"]["vocab_size"], cfg["text_cfg"]["width"], cfg["text_cfg"]["heads"]

head = {"mlm.mask_embedding": torch.randn(D) * 0.3, "mlm.dense.weight": torch.randn(D, D) * 0.2, "mlm.dense.bias": torch.randn(D) * 0.1,
        "mlm.ln.weight": 1 + torch.randn(D) * 0.1, "mlm.ln.bias": torch.randn(D) * 0.1, "mlm.bias": torch.randn(V) * 0.1}
save_file(head, os.path.join(OUT, "heads.safetensors"))
leaf = {k: v.double().requires_grad_() for k, v in head.items()}

B, L = 4, min(9, cfg["text_cfg"]["context_length"])
lengths = [L, L - 2, 4, L - 3]
ids = torch.randint(1, V - 2, (B, L))
for b, n in enumerate(lengths):
    ids[b, n:] = 0
labels = torch.full((B, L), -100)
hidden = torch.zeros(B, L, dtype=torch.bool)
for b, t, what in [(0, 1, "hole"), (0, 4, "hole"), (0, L - 1, "kept"), (1, 2, "random"), (2, 3, "hole"), (3, 0, "kept"), (3, 4, "hole")]:
    labels[b, t] = ids[b, t]
    hidden[b, t] = what == "hole"
    if what == "random":
        ids[b, t] = (ids[b, t] + 7) % (V - 3) + 1

x = model.token_embedding(ids)
x = torch.where(hidden[..., None], leaf["mlm.mask_embedding"], x) + model.positional_embedding[:L]
mask = torch.zeros(B, L, L, dtype=torch.double)
for b, n in enumerate(lengths):
    mask[b, :, n:] = float("-inf")
x = model.transformer(x, attn_mask=mask.repeat_interleave(H, 0))
x = nn.functional.gelu(nn.functional.linear(model.ln_final(x), leaf["mlm.dense.weight"], leaf["mlm.dense.bias"]))
x = nn.functional.layer_norm(x, (D,), leaf["mlm.ln.weight"], leaf["mlm.ln.bias"])
scores = x @ model.token_embedding.weight.T + leaf["mlm.bias"]
loss = nn.functional.cross_entropy(scores.flatten(0, 1), labels.flatten(), ignore_index=-100)
loss.backward()

out = {"ids": ids, "labels": labels, "hidden": hidden.to(torch.uint8), "lengths": torch.tensor(lengths)}
last = "transformer.resblocks.%d." % (cfg["text_cfg"]["layers"] - 1)
kept = ["token_embedding.weight", "positional_embedding", "ln_final.weight", "transformer.resblocks.0.attn.in_proj_weight", last + "mlp.c_proj.weight"]
grads = {k: p.grad for k, p in model.named_parameters() if k in kept} | {k: v.grad for k, v in leaf.items()}
assert all(k in grads for k in kept)
save_file(out | {"d_" + k: g.float() for k, g in grads.items()}, os.path.join(OUT, "case.safetensors"))
chosen = labels != -100
right = int((scores.argmax(-1)[chosen] == labels[chosen]).sum())
json.dump({"loss": loss.item(), "right": right}, open(os.path.join(OUT, "case.json"), "w"))
print(loss.item(), right, {k: tuple(g.shape) for k, g in grads.items()})
