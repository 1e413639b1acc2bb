"""Makes model/*/hf and model/clip-gelu/formats from the open_clip models beside them.

    PYTHONPATH=... python3 layouts.py GOLDEN OUT

needs torch, open_clip_torch, transformers and safetensors. GOLDEN is the folder of the fixtures; OUT gets the new ones in the same
layout, and they are compared with those in GOLDEN where there are any.
"""
import json
import pathlib
import sys

import open_clip
import torch
from safetensors.torch import load_file, save_file
from transformers import CLIPConfig, CLIPImageProcessor, CLIPModel

torch.set_num_threads(1)
golden, out = pathlib.Path(sys.argv[1]) / "model", pathlib.Path(sys.argv[2]) / "model"


def tower(prefix, blocks, state):
    """One tower's blocks under transformers' names."""
    new = {}
    for i in range(blocks):
        ours, theirs = f"{prefix}transformer.resblocks.{i}.", f"encoder.layers.{i}."
        for kind in ("weight", "bias"):
            for name, part in zip("qkv", state[f"{ours}attn.in_proj_{kind}"].chunk(3)):
                new[f"{theirs}self_attn.{name}_proj.{kind}"] = part.clone()
            for a, b in (("attn.out_proj", "self_attn.out_proj"), ("ln_1", "layer_norm1"), ("ln_2", "layer_norm2"), ("mlp.c_fc", "mlp.fc1"), ("mlp.c_proj", "mlp.fc2")):
                new[f"{theirs}{b}.{kind}"] = state[f"{ours}{a}.{kind}"]
    return new


def to_hf(cfg, s):
    v, t = cfg["vision_cfg"], cfg["text_cfg"]
    act = "quick_gelu" if cfg.get("quick_gelu") else "gelu"
    sizes = lambda c, heads: dict(hidden_size=c["width"], intermediate_size=int(c["width"] * c.get("mlp_ratio", 4)), num_hidden_layers=c["layers"],
                                  num_attention_heads=heads, hidden_act=act, projection_dim=cfg["embed_dim"])
    m = CLIPModel(CLIPConfig(
        projection_dim=cfg["embed_dim"],
        text_config=dict(sizes(t, t["heads"]), vocab_size=t["vocab_size"], max_position_embeddings=t["context_length"],
                         bos_token_id=t["vocab_size"] - 2, eos_token_id=t["vocab_size"] - 1, pad_token_id=0),
        vision_config=dict(sizes(v, v["width"] // v.get("head_width", 64)), image_size=v["image_size"], patch_size=v["patch_size"]))).eval()
    new = {
        "logit_scale": s["logit_scale"], "text_projection.weight": s["text_projection"].T.contiguous(), "visual_projection.weight": s["visual.proj"].T.contiguous(),
        "text_model.embeddings.token_embedding.weight": s["token_embedding.weight"], "text_model.embeddings.position_embedding.weight": s["positional_embedding"],
        "vision_model.embeddings.class_embedding": s["visual.class_embedding"], "vision_model.embeddings.patch_embedding.weight": s["visual.conv1.weight"],
        "vision_model.embeddings.position_embedding.weight": s["visual.positional_embedding"],
    }
    for kind in ("weight", "bias"):
        new[f"text_model.final_layer_norm.{kind}"] = s[f"ln_final.{kind}"]
        new[f"vision_model.pre_layrnorm.{kind}"] = s[f"visual.ln_pre.{kind}"]
        new[f"vision_model.post_layernorm.{kind}"] = s[f"visual.ln_post.{kind}"]
    new |= {"text_model." + k: x for k, x in tower("", t["layers"], s).items()} | {"vision_model." + k: x for k, x in tower("visual.", v["layers"], s).items()}
    m.load_state_dict(new, strict=True)
    return m


def load(cfg, state):
    m = open_clip.CLIP(**cfg).eval()
    m.load_state_dict({k: x.float() for k, x in state.items()})
    return m


for name in ("clip-gelu", "clip-quickgelu"):
    cfg, state = json.loads((golden / name / "config.json").read_text()), load_file(golden / name / "model.safetensors")
    x, size = load_file(golden / name / "inputs.safetensors"), cfg["vision_cfg"]["image_size"]
    hf = out / name / "hf"
    m = to_hf(cfg, state)
    m.save_pretrained(hf)
    CLIPImageProcessor(size={"shortest_edge": size}, crop_size={"height": size, "width": size}).save_pretrained(hf)
    with torch.no_grad():
        y = m(input_ids=x["tokens"], pixel_values=x["images"], return_loss=True)
    outputs = {"image_embeds": y.image_embeds, "text_embeds": y.text_embeds, "logits_per_image": y.logits_per_image,
               "logits_per_text": y.logits_per_text, "loss": y.loss,
               "vision_last_hidden_state": y.vision_model_output.last_hidden_state, "vision_pooler_output": y.vision_model_output.pooler_output,
               "text_last_hidden_state": y.text_model_output.last_hidden_state, "text_pooler_output": y.text_model_output.pooler_output}
    save_file({k: v.contiguous().clone() for k, v in outputs.items()}, hf / "outputs.safetensors")
    if name != "clip-gelu":
        continue
    formats = out / name / "formats"
    formats.mkdir(parents=True, exist_ok=True)
    model = load(cfg, state)
    optimizer = torch.optim.AdamW(model.parameters())
    torch.save({"epoch": 1, "name": "golden", "state_dict": {"module." + k: v for k, v in state.items()}, "optimizer": optimizer.state_dict()}, formats / "epoch_1.pt")
    torch.save(state, formats / "open_clip_pytorch_model.bin")
    low = {}
    for short, dtype in (("fp16", torch.float16), ("bf16", torch.bfloat16)):
        cast = {k: v.to(dtype) for k, v in state.items()}
        save_file(cast, formats / f"model_{short}.safetensors")
        with torch.no_grad():
            m = load(cfg, cast)
            low[f"{short}.image_features"] = m.encode_image(x["images"], normalize=True)
            low[f"{short}.text_features"] = m.encode_text(x["tokens"], normalize=True)
    save_file(low, formats / "outputs_low_precision_weights.safetensors")
    preprocess = {"mean": [0.48145466, 0.4578275, 0.40821073], "std": [0.26862954, 0.26130258, 0.27577711], "interpolation": "bicubic",
                  "resize_mode": "shortest", "size": [size, size]}
    (formats / "open_clip_config.json").write_text(json.dumps({"model_cfg": cfg, "preprocess_cfg": preprocess}, indent=2))

for path in sorted(out.rglob("*.safetensors")):
    old = golden / path.relative_to(out)
    if old.exists():
        a, b = load_file(path), load_file(old)
        worst = max((a[k].float() - b[k].float()).abs().max().item() for k in b)
        print(f"{path.relative_to(out)}: {'same names' if a.keys() == b.keys() else a.keys() ^ b.keys()}, off by {worst:.1e}")
