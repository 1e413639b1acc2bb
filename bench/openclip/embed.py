"""open_clip's rate from a folder of pictures to features, or of reading and decoding alone, as one JSON object."""
import argparse
import json
import os
import time

import numpy
import open_clip
import torch
from PIL import Image
from torch.utils.data import DataLoader, Dataset

p = argparse.ArgumentParser()
p.add_argument("folder")
p.add_argument("--model", required=True)
p.add_argument("--out", help="file that the features are written to; without it nothing is encoded")
p.add_argument("--passes", type=int, default=1, help="times that the folder is read")
p.add_argument("--batch-size", type=int, default=32)
p.add_argument("--precision", choices=["fp32", "bf16"], default="fp32")
p.add_argument("--workers", type=int, required=True)
p.add_argument("--threads", type=int, required=True)
a = p.parse_args()

torch.set_num_threads(a.threads)
model, _, preprocess = open_clip.create_model_and_transforms(a.model)
model.eval()
files = [os.path.join(a.folder, name) for name in sorted(os.listdir(a.folder))] * a.passes


class Pictures(Dataset):
    def __len__(self):
        return len(files)

    def __getitem__(self, i):
        return preprocess(Image.open(files[i]))


begun = time.perf_counter()
features = []
with torch.no_grad(), torch.autocast("cpu", dtype=torch.bfloat16, enabled=a.precision == "bf16"):
    for batch in DataLoader(Pictures(), batch_size=a.batch_size, num_workers=a.workers):
        if a.out:
            features.append(model.encode_image(batch, normalize=True).float())
if a.out:
    numpy.save(a.out, torch.cat(features).numpy())
seconds = time.perf_counter() - begun
print(json.dumps({"tool": "open_clip " + open_clip.__version__, "torch": torch.__version__, "workers": a.workers,
                  "images_per_second": len(files) / seconds}))
