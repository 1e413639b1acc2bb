"""open_clip's training step on this machine: seconds of each step, as one JSON object."""
import argparse
import json
import time

import numpy
import open_clip
import torch

p = argparse.ArgumentParser()
p.add_argument("--model", required=True)
p.add_argument("--config", help="model config that open_clip doesn't have")
p.add_argument("--ids", required=True, help="int32 ids, one batch of captions a step")
p.add_argument("--batch-size", type=int, required=True)
p.add_argument("--precision", choices=["fp32", "bf16"], required=True)
p.add_argument("--threads", type=int, required=True)
a = p.parse_args()

torch.set_num_threads(a.threads)
torch.manual_seed(0)
if a.config:
    open_clip.add_model_config(a.config)
model = open_clip.create_model(a.model)
model.train()
ids = numpy.fromfile(a.ids, dtype=numpy.int32).reshape(-1, a.batch_size, model.context_length)
size = model.visual.image_size[0]
images = torch.randn(a.batch_size, 3, size, size)
# What open_clip_train makes of its defaults: no decay of norms, biases and the scale.
plain = [q for name, q in model.named_parameters() if q.ndim < 2 or "bn" in name or "ln" in name or "bias" in name or "logit_scale" in name]
decayed = [q for q in model.parameters() if all(q is not other for other in plain)]
optimizer = torch.optim.AdamW(
    [{"params": plain, "weight_decay": 0.0}, {"params": decayed, "weight_decay": 0.2}], lr=1e-4, betas=(0.9, 0.98), eps=1e-6)
criterion = open_clip.ClipLoss()


def step(texts):
    optimizer.zero_grad()
    with torch.autocast("cpu", dtype=torch.bfloat16, enabled=a.precision == "bf16"):
        image_features, text_features, scale = model(images, texts)
        loss = criterion(image_features, text_features, scale)
    loss.backward()
    torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0, norm_type=2.0)
    optimizer.step()
    with torch.no_grad():
        model.logit_scale.clamp_(0, 4.6052)
    return loss.item()


seconds = []
for batch in ids:
    texts = torch.from_numpy(batch).long()
    begun = time.perf_counter()
    loss = step(texts)
    seconds.append(time.perf_counter() - begun)
print(json.dumps({"tool": "open_clip " + open_clip.__version__, "torch": torch.__version__, "seconds": seconds[1:], "loss": loss}))
