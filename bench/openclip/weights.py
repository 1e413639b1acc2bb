"""Writes a model with random weights as a folder that open_clip and clipgo both read."""
import json
import os
import sys

import open_clip
import torch
from safetensors.torch import save_file

name, folder = sys.argv[1:]
torch.manual_seed(0)
model = open_clip.create_model(name)
os.makedirs(folder)
preprocess = {"mean": open_clip.OPENAI_DATASET_MEAN, "std": open_clip.OPENAI_DATASET_STD,
              "interpolation": "bicubic", "resize_mode": "shortest"}
with open(os.path.join(folder, "open_clip_config.json"), "w") as f:
    json.dump({"model_cfg": open_clip.get_model_config(name), "preprocess_cfg": preprocess}, f)
save_file({k: v.contiguous() for k, v in model.state_dict().items()}, os.path.join(folder, "open_clip_model.safetensors"))
