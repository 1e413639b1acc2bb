"""Makes ../jpeg: progressive and baseline JPEG files with restart markers, and their pixels as Pillow decodes them."""

import hashlib
import json
import pathlib

import numpy as np
from PIL import Image
from safetensors.numpy import save_file

OUT = pathlib.Path(__file__).parent.parent / "jpeg"
WIDTH, HEIGHT = 99, 70  # no multiple of a block: the planes' own sizes and those of the interleaved grid differ


def picture(seed):
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[:HEIGHT, :WIDTH]
    wave = np.sin(x / 7) * np.cos(y / 5)
    rgb = np.stack([128 + 100 * wave, 90 + 20 * rng.random((HEIGHT, WIDTH)), 140 - 80 * wave], axis=-1)
    rgb[x > y] = 255 - rgb[x > y][:, ::-1]
    return Image.fromarray(rgb.clip(0, 255).astype(np.uint8))


CASES = {
    "progressive_420_row.jpg": ("RGB", dict(progressive=True, subsampling=2, restart_marker_rows=1)),
    "progressive_420_block.jpg": ("RGB", dict(progressive=True, subsampling=2, restart_marker_blocks=1)),
    "progressive_422_7.jpg": ("RGB", dict(progressive=True, subsampling=1, restart_marker_blocks=7)),
    "progressive_444_3.jpg": ("RGB", dict(progressive=True, subsampling=0, restart_marker_blocks=3)),
    "progressive_grey_5.jpg": ("L", dict(progressive=True, restart_marker_blocks=5)),
    "baseline_420_row.jpg": ("RGB", dict(subsampling=2, restart_marker_rows=1)),
    "baseline_444_4.jpg": ("RGB", dict(subsampling=0, restart_marker_blocks=4)),
}

(OUT / "src").mkdir(parents=True, exist_ok=True)
tensors, lines = {}, []
for seed, (name, (mode, options)) in enumerate(CASES.items()):
    path = OUT / "src" / name
    picture(seed).convert(mode).save(path, quality=90, **options)
    data = path.read_bytes()
    assert b"\xff\xdd" in data, name
    with Image.open(path) as im:
        rgb = np.asarray(im.convert("RGB"))
    tensors[name] = rgb
    lines.append(dict(file=name, format="JPEG", mode=mode, width=WIDTH, height=HEIGHT, bytes=len(data),
                      rgb_sha256=hashlib.sha256(rgb.tobytes()).hexdigest()))
save_file(tensors, OUT / "decoded.safetensors")
(OUT / "sources.jsonl").write_text("".join(json.dumps(x) + "\n" for x in lines))
