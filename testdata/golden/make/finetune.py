"""Makes testdata/golden/finetune: what open_clip locks, how timm averages weights, a model at other sizes.

    python3 testdata/golden/make/finetune.py testdata/golden/model/clip-gelu testdata/golden/finetune

Needs open_clip_torch, timm, torch and safetensors from PyPI.
"""
import copy
import json
import os
import sys

import torch
from safetensors.torch import load_file, save_file
from open_clip.model import CLIP, CustomTextCLIP, resize_pos_embed, resize_text_pos_embed
from timm.layers import resample_abs_pos_embed
from timm.utils import ModelEmaV3

BASE, OUT = sys.argv[1], sys.argv[2]
torch.manual_seed(7)

TEXT = dict(context_length=8, vocab_size=64, width=16, heads=2, layers=3)
MODELS = {
    "vit": (CLIP, dict(embed_dim=16, vision_cfg=dict(image_size=32, layers=3, width=16, head_width=8, patch_size=16), text_cfg=TEXT)),
    "vit-scaled-no-ln-pre": (CLIP, dict(embed_dim=16, vision_cfg=dict(image_size=32, layers=2, width=16, head_width=8, patch_size=16,
                             ls_init_value=0.1, no_ln_pre=True), text_cfg=dict(TEXT, layers=1, ls_init_value=0.1))),
    "siglip": (CustomTextCLIP, dict(embed_dim=768, init_logit_bias=-10, vision_cfg=dict(image_size=224, timm_model_name="vit_base_patch16_siglip_224", timm_model_pretrained=False, timm_pool="map", timm_proj="none"),
               text_cfg=dict(context_length=64, vocab_size=64, width=768, heads=12, layers=3, no_causal_mask=True, proj_bias=True,
                             pool_type="last", norm_kwargs={"eps": 1e-6}, act_kwargs={"approximate": "tanh"}))),
}


def trained(model):
    return [name for name, p in model.named_parameters() if p.requires_grad]


def locks():
    with open(os.path.join(OUT, "models.json"), "w") as out:
        json.dump({name: dict(cfg, custom_text=True) if cls is CustomTextCLIP else cfg for name, (cls, cfg) in MODELS.items()}, out, indent=1)
    with open(os.path.join(OUT, "locks.jsonl"), "w") as out:
        for name, (cls, cfg) in MODELS.items():
            model = cls(**copy.deepcopy(cfg))
            for tower in ("image", "text"):
                layers = 12 if name == "siglip" and tower == "image" else cfg["vision_cfg" if tower == "image" else "text_cfg"]["layers"]
                for n in range(layers + 4):
                    for p in model.parameters():
                        p.requires_grad = True
                    (model.lock_image_tower if tower == "image" else model.lock_text_tower)(n)
                    row = {"model": name, "tower": tower, "unlocked": n, "locked": sorted(set(k for k, _ in model.named_parameters()) - set(trained(model)))}
                    out.write(json.dumps(row) + "\n")


def averages():
    with open(os.path.join(OUT, "averages.jsonl"), "w") as out:
        for decay in (0.0, 0.5, 0.9, 0.99, 0.9999):
            model = torch.nn.Linear(3, 1)
            ema = ModelEmaV3(model, decay=decay, use_warmup=True, foreach=False)
            steps = []
            for step in range(1, 41):
                with torch.no_grad():
                    for p in model.parameters():
                        p.copy_(torch.randn_like(p))
                ema.update(model, step=step)
                steps.append({"value": model.weight.flatten().tolist(), "average": ema.module.weight.flatten().tolist()})
            out.write(json.dumps({"decay": decay, "steps": steps}) + "\n")


def resized():
    cfg = json.load(open(os.path.join(BASE, "config.json")))
    state = load_file(os.path.join(BASE, "model.safetensors"))
    mean, std = torch.tensor([0.48145466, 0.4578275, 0.40821073]), torch.tensor([0.26862954, 0.26130258, 0.27577711])
    tensors, cases = {}, []
    size, patch, length = cfg["vision_cfg"]["image_size"], cfg["vision_cfg"]["patch_size"], cfg["text_cfg"]["context_length"]
    for image, context in ((size + patch, length), (size - patch, length), (size, length + 5), (size, length - 3), (2 * size, 2 * length)):
        name = f"{image}-{context}"
        c = copy.deepcopy(cfg)
        c["vision_cfg"]["image_size"], c["text_cfg"]["context_length"] = image, context
        model, s = CLIP(**c).eval(), dict(state)
        resize_pos_embed(s, model)
        resize_text_pos_embed(s, model)
        model.load_state_dict(s)
        pixels = torch.randint(0, 256, (2, image, image, 3), dtype=torch.uint8)
        ids = torch.randint(1, cfg["text_cfg"]["vocab_size"] - 1, (2, context))
        ids[0, -1], ids[1, context // 2], ids[1, context // 2 + 1:] = cfg["text_cfg"]["vocab_size"] - 1, cfg["text_cfg"]["vocab_size"] - 1, 0
        with torch.no_grad():
            x = ((pixels.float() / 255 - mean) / std).permute(0, 3, 1, 2)
            out = {"image_features": model.encode_image(x, normalize=True), "text_features": model.encode_text(ids, normalize=True)}
        for key, t in {"pixels": pixels, "ids": ids, **out}.items():
            tensors[f"{name}.{key}"] = t.contiguous()
        cases.append({"name": name, "image_size": image, "context_length": context})
    save_file(tensors, os.path.join(OUT, "resized.safetensors"))
    with open(os.path.join(OUT, "resized.jsonl"), "w") as out:
        out.writelines(json.dumps(c) + "\n" for c in cases)


def siglip_positions():
    table = load_file(os.path.join(os.path.dirname(BASE), "siglip-tiny", "open_clip", "model.safetensors"))["visual.trunk.pos_embed"]
    save_file({f"{n}": resample_abs_pos_embed(table, [n, n], num_prefix_tokens=0).contiguous() for n in (2, 3, 5, 8)},
              os.path.join(OUT, "siglip_positions.safetensors"))


locks()
averages()
resized()
siglip_positions()
