"""Opens clipgo's folders with the libraries that they are for, open_clip and transformers.

Jobs come as JSON on stdin: layout (hf or open_clip), folder, and what is wanted of it: the features of a fixture's inputs, or
the ids of captions, the size of pictures and, where pictures are named, the cosines of captions and pictures.
"""
import json
import logging
import sys

import open_clip
import timm
import torch
from PIL import Image
from safetensors.torch import load_file
from timm.models.vision_transformer import VisionTransformer
from transformers import AutoConfig, AutoImageProcessor, AutoTokenizer, CLIPModel, CLIPProcessor, SiglipModel, SiglipProcessor

logging.disable(logging.WARNING)
torch.set_num_threads(1)
FAMILIES = {"clip": (CLIPModel, CLIPProcessor), "siglip": (SiglipModel, SiglipProcessor)}


def register(folder):
    """Makes a tower known to timm that has no name there, from the sizes that the folder's config gives beside it."""
    with open(folder + "/open_clip_config.json") as f:
        c = json.load(f)["model_cfg"]["vision_cfg"]
    name = c.get("timm_model_name")
    if name is None or timm.is_model(name):
        return
    sizes = dict(img_size=c["image_size"], patch_size=c["patch_size"], embed_dim=c["width"], depth=c["layers"], num_heads=c["width"] // c["head_width"],
                 mlp_ratio=c["mlp_ratio"], class_token=False, global_pool="map", num_classes=0, act_layer={"tanh": "gelu_tanh", "none": "gelu"}[c["act_kwargs"]["approximate"]])

    def make(pretrained=False, **_):
        return VisionTransformer(**sizes)

    make.__name__, make.__module__ = name, __name__
    timm.models.register_model(make)


def opened(job):
    """The model's two encoders to unit features."""
    if job["layout"] == "hf":
        kind = AutoConfig.from_pretrained(job["folder"]).model_type
        m = FAMILIES[kind][0].from_pretrained(job["folder"]).eval()
        return lambda images, ids: (lambda y: (y.image_embeds, y.text_embeds))(m(input_ids=ids, pixel_values=images))
    register(job["folder"])
    m, _, _ = open_clip.create_model_and_transforms("local-dir:" + job["folder"])
    m.eval()
    return lambda images, ids: (m.encode_image(images, normalize=True), m.encode_text(ids, normalize=True))


def prepared(job):
    """Ids of the captions, size of pictures, pixels."""
    pictures = [Image.open(p).convert("RGB") for p in job["pictures"] or []]
    if job["layout"] == "hf":
        config = AutoConfig.from_pretrained(job["folder"])
        p = FAMILIES[config.model_type][1].from_pretrained(job["folder"])
        assert p.tokenizer(job["captions"]).input_ids == AutoTokenizer.from_pretrained(job["folder"])(job["captions"]).input_ids
        whole = dict(padding="max_length", truncation=True, max_length=config.text_config.max_position_embeddings) if pictures else {}
        ids = p.tokenizer(job["captions"], **whole).input_ids
        pil = AutoImageProcessor.from_pretrained(job["folder"], backend="pil")  # Pillow resizes, as open_clip and clipgo do
        size = getattr(p.image_processor, "crop_size", None) or p.image_processor.size
        return ids, size["height"], pil(pictures, return_tensors="pt").pixel_values if pictures else None
    register(job["folder"])
    _, _, p = open_clip.create_model_and_transforms("local-dir:" + job["folder"])
    ids = open_clip.get_tokenizer("local-dir:" + job["folder"])(job["captions"]).tolist()
    size = p.transforms[0].size
    return ids, size if isinstance(size, int) else size[0], torch.stack([p(i) for i in pictures]) if pictures else None


def read(job):
    with torch.no_grad():
        if job["inputs"]:
            x = load_file(job["inputs"])
            image, text = opened(job)(x["images"], x["tokens"])
            return {"image": image.flatten().tolist(), "text": text.flatten().tolist()}
        ids, size, pixels = prepared(job)
        cosines = []
        if pixels is not None:
            image, text = opened(job)(pixels, torch.tensor(ids))
            cosines = (text @ image.T).tolist()
        return {"ids": ids, "size": size, "cosines": cosines}


print(json.dumps([read(job) for job in json.load(sys.stdin)]))
