"""Makes testdata/golden/siglip: a tokenizer small enough for model/siglip-tiny, and what transformers makes of captions and
pictures with both.

    python3 testdata/golden/make/siglip.py testdata/golden

Needs sentencepiece, torch, transformers, Pillow and torchvision from PyPI. All text is generated here.
"""
import json
import os
import random
import shutil
import sys
import tempfile

import sentencepiece
import torch
from PIL import Image
from transformers import AutoImageProcessor, SiglipModel, SiglipTokenizer

ROOT = sys.argv[1]
OUT, MODEL, PICTURES = os.path.join(ROOT, "siglip"), os.path.join(ROOT, "model", "siglip-tiny"), os.path.join(ROOT, "jpeg", "src")
WORDS = "a an the photo picture of red blue green yellow heart star circle square dog cat house tree in on with big small two three".split()
CAPTIONS = ["a red heart", "A photo, of a RED heart!", "two big dogs on the tree", "it's 3 o'clock", "", "the small blue star in a green circle with "
            "a yellow square and a red heart on the house of the cat"]
FILES = ["baseline_420_row.jpg", "progressive_444_3.jpg"]

rng = random.Random(5)
os.makedirs(OUT, exist_ok=True)
with tempfile.TemporaryDirectory() as tmp:
    corpus = os.path.join(tmp, "corpus.txt")
    with open(corpus, "w") as f:
        for _ in range(3000):
            f.write(" ".join(rng.choice(WORDS) + rng.choice(["", "", "s"]) for _ in range(rng.randint(3, 9))) + "\n")
        for _ in range(500):
            f.write("".join(rng.choice("abcdefghijklmnopqrstuvwxyz0123456789") for _ in range(6)) + "\n")
    sentencepiece.SentencePieceTrainer.train(
        input=corpus, model_prefix=os.path.join(tmp, "sp"), vocab_size=160, model_type="unigram", pad_id=-1, bos_id=-1, eos_id=1, unk_id=2,
        control_symbols=["<pad>"], normalization_rule_name="identity", minloglevel=2)
    shutil.copy(os.path.join(tmp, "sp.model"), os.path.join(OUT, "spiece.model"))

tokenizer = SiglipTokenizer(os.path.join(OUT, "spiece.model"))
tokenizer.save_pretrained(OUT)
model = SiglipModel.from_pretrained(MODEL).eval()
processor = AutoImageProcessor.from_pretrained(MODEL, backend="pil")  # Pillow resizes, as open_clip and clipgo do
pixels = processor([Image.open(os.path.join(PICTURES, f)).convert("RGB") for f in FILES], return_tensors="pt")["pixel_values"]
ids = tokenizer(CAPTIONS, padding="max_length", truncation=True, max_length=16, return_tensors="pt")["input_ids"]
with torch.no_grad():
    out = model(input_ids=ids, pixel_values=pixels)
with open(os.path.join(OUT, "similarities.json"), "w") as f:
    json.dump({"captions": CAPTIONS, "pictures": FILES, "ids": ids.tolist(), "cosines": (out.text_embeds @ out.image_embeds.T).tolist()}, f, indent=1)
