"""The shortest program that gives one caption's features with open_clip: what a process costs from its start."""
import sys

import open_clip
import torch

folder, caption = sys.argv[1:]
model = open_clip.create_model("local-dir:" + folder)
model.eval()
with torch.no_grad():
    features = model.encode_text(open_clip.get_tokenizer("ViT-B-32")([caption]), normalize=True)
print('{"features": %d}' % features.shape[1])
