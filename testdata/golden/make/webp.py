"""Makes ../webp: animated WebP files, and their first frames as Pillow decodes them."""

import json
import pathlib

import numpy as np
from PIL import Image
from safetensors.numpy import save_file

OUT = pathlib.Path(__file__).parent.parent / "webp"


def frame(seed, width, height, alpha):
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[:height, :width]
    rgb = np.stack([128 + 100 * np.sin(x / 5 + seed), 128 + 90 * np.cos(y / 4), 60 + 40 * rng.random((height, width))], axis=-1)
    im = Image.fromarray(rgb.astype(np.uint8))
    if alpha:
        im.putalpha(Image.fromarray(np.clip(x * 255 // width, 1, 255).astype(np.uint8)))
    return im


CASES = {
    "anim_lossless.webp": (False, dict(lossless=True)),
    "anim_lossless_alpha.webp": (True, dict(lossless=True, exact=True)),
    "anim_lossy.webp": (False, dict(quality=80)),
    "anim_lossy_alpha.webp": (True, dict(quality=80)),
}

(OUT / "src").mkdir(parents=True, exist_ok=True)
tensors, lines = {}, []
for n, (name, (alpha, options)) in enumerate(CASES.items()):
    frames = [frame(10 * n + k, 45, 33, alpha) for k in range(3)]
    path = OUT / "src" / name
    frames[0].save(path, save_all=True, append_images=frames[1:], duration=100, **options)
    with Image.open(path) as im:
        assert im.n_frames == 3, name
        tensors[name] = np.asarray(im.convert("RGB"))
    lines.append(dict(file=name, lossless="lossless" in options, bytes=path.stat().st_size))
save_file(tensors, OUT / "decoded.safetensors")
(OUT / "decoded.safetensors").chmod(0o644)
(OUT / "sources.jsonl").write_text("".join(json.dumps(x) + "\n" for x in lines))
