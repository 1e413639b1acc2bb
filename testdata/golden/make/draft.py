"""Makes ../draft: JPEG files, and what Pillow's Image.draft makes of them."""

import hashlib
import json
import pathlib

import numpy as np
from PIL import Image
from safetensors.numpy import save_file

OUT = pathlib.Path(__file__).parent.parent / "draft"
SIZE = 24
TURNS = {2: Image.Transpose.FLIP_LEFT_RIGHT, 3: Image.Transpose.ROTATE_180, 4: Image.Transpose.FLIP_TOP_BOTTOM,
         5: Image.Transpose.TRANSPOSE, 6: Image.Transpose.ROTATE_270, 7: Image.Transpose.TRANSVERSE, 8: Image.Transpose.ROTATE_90}


def picture(seed, width, height):
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[:height, :width]
    wave = np.sin(x / 9) * np.cos(y / 7)
    rgb = np.stack([128 + 100 * wave, 90 + 30 * rng.random((height, width)), 140 - 80 * wave], axis=-1)
    rgb[x > y] = 255 - rgb[x > y][:, ::-1]
    return Image.fromarray(rgb.clip(0, 255).astype(np.uint8))


# name: size, mode, orientation, how it is saved
CASES = {
    "half.jpg": ((61, 53), "RGB", 1, dict(subsampling=2)),
    "quarter.jpg": ((131, 99), "RGB", 1, dict(subsampling=2)),
    "eighth.jpg": ((259, 203), "RGB", 1, dict(subsampling=2)),
    "eighth_444.jpg": ((203, 229), "RGB", 1, dict(subsampling=0)),
    "quarter_422.jpg": ((121, 111), "RGB", 1, dict(subsampling=1)),
    "quarter_progressive.jpg": ((121, 111), "RGB", 1, dict(subsampling=2, progressive=True)),
    "quarter_grey.jpg": ((98, 127), "L", 1, dict()),
    "quarter_cmyk.jpg": ((98, 127), "CMYK", 1, dict()),
    "exact.jpg": ((192, 192), "RGB", 1, dict(subsampling=2)),
    "small.jpg": ((41, 47), "RGB", 1, dict(subsampling=2)),
    **{f"turned_{o}.jpg": ((125, 109), "RGB", o, dict(subsampling=2)) for o in TURNS},
}


def drafted(path, size):
    """The picture as draft gives it, and how much smaller it is."""
    im = Image.open(path)
    width = im.width
    im.draft(None, size)
    by = next(b for b in (1, 2, 4, 8) if (width + b - 1) // b == im.width)
    im.load()
    return im, by


def resize(im, size, box):
    """Image.resize, rows before columns whatever the sizes: Pillow 13 chooses, those before it did this."""
    left, top, right, bottom = box
    im = im.resize((size[0], im.height), Image.Resampling.BICUBIC, box=(left, 0, right, im.height))
    return im.resize(size, Image.Resampling.BICUBIC, box=(0, top, size[0], bottom))


def placed(width, height, mode):
    """Sizes of torchvision's Resize (shortest) and of open_clip's ResizeKeepRatio (longest)."""
    if mode == "shortest":
        return (SIZE, SIZE * height // width) if width <= height else (SIZE * width // height, SIZE)
    if mode == "squash":
        return SIZE, SIZE
    ratio = max(width, height) / SIZE
    return round(width / ratio), round(height / ratio)


def square(im, mode):
    """CenterCrop, or CenterCropOrPad."""
    out = Image.new("RGB", (SIZE, SIZE))
    at = [(SIZE - n) // 2 if n < SIZE else -round((n - SIZE) / 2) for n in im.size]
    out.paste(im, at)
    return out


def evaluated(path, orientation, mode):
    with Image.open(path) as whole:
        size = whole.size
    seen = size[::-1] if orientation >= 5 else size
    target = placed(*seen, mode)
    im, by = drafted(path, target[::-1] if orientation >= 5 else target)
    im = im.convert("RGB") if im.mode == "CMYK" else im
    left, top, right, bottom = 0, 0, size[0] / by, size[1] / by
    if orientation > 1:
        # The box turns with the picture: its corners do.
        width, height = im.size
        corner = {2: lambda x, y: (width - x, y), 3: lambda x, y: (width - x, height - y), 4: lambda x, y: (x, height - y),
                  5: lambda x, y: (y, x), 6: lambda x, y: (height - y, x), 7: lambda x, y: (height - y, width - x),
                  8: lambda x, y: (y, width - x)}[orientation]
        (a, b), (c, d) = corner(left, top), corner(right, bottom)
        left, right, top, bottom = min(a, c), max(a, c), min(b, d), max(b, d)
        im = im.transpose(TURNS[orientation])
    im = resize(im, target, (left, top, right, bottom))
    return np.asarray(square(im.convert("RGB"), mode)), by


def cropped(path, box, orientation):
    """A training crop (left, top, width, height) of the picture as it is stored."""
    x, y, w, h = box
    by = next(b for b in (8, 4, 2, 1) if min(w // SIZE, h // SIZE) >= b or b == 1)
    with Image.open(path) as whole:
        im, got = drafted(path, (whole.width // by, whole.height // by))
    assert got == by, (path, got, by)
    if by == 1:
        return np.asarray(resize(im.crop((x, y, x + w, y + h)), (SIZE, SIZE), (0, 0, w, h)).convert("RGB"))
    return np.asarray(resize(im.convert("RGB"), (SIZE, SIZE), (x / by, y / by, (x + w) / by, (y + h) / by)))


(OUT / "src").mkdir(parents=True, exist_ok=True)
tensors, lines = {}, []
for seed, (name, (size, mode, orientation, options)) in enumerate(CASES.items()):
    path = OUT / "src" / name
    exif = Image.Exif()
    if orientation > 1:
        exif[0x0112] = orientation
    picture(seed, *size).convert(mode).save(path, quality=88, exif=exif, **options)
    sums = {}
    for by in (2, 4, 8):
        im, got = drafted(path, (size[0] // by, size[1] // by))
        assert got == by, (name, got, by)
        sums[str(by)] = dict(size=im.size, rgb_sha256=hashlib.sha256(np.asarray(im.convert("RGB")).tobytes()).hexdigest())
    for fit in ("shortest", "longest", "squash"):
        tensors[f"{name}.{fit}"], by = evaluated(path, orientation, fit)
        if fit == "shortest":
            used = by
    crops = [[0, 0, size[0], size[1]], [3, 5, size[0] - 7, size[1] - 6], [1, 2, max(size[0] // 2, 20), max(size[1] // 2, 20)]]
    for i, box in enumerate(crops):
        tensors[f"{name}.crop{i}"] = cropped(path, box, orientation)
    lines.append(dict(file=name, width=size[0], height=size[1], orientation=orientation, by=used, drafts=sums, crops=crops))
save_file({k: np.ascontiguousarray(v) for k, v in tensors.items()}, OUT / "expected.safetensors")
(OUT / "sources.jsonl").write_text("".join(json.dumps(x) + "\n" for x in lines))
(OUT / "README.md").write_text(f"""# draft

Made by make/draft.py with pillow {Image.__version__}. JPEG files that stay larger than {SIZE} pixels when libjpeg-turbo halves, quarters
or eighths them.

| file | content |
|---|---|
| `src/` | the files |
| `sources.jsonl` | size, EXIF orientation, what `draft` divides the sides by for shortest; size and SHA-256 (row-major RGB) of the pictures divided by 2, 4 and 8 |
| `expected.safetensors` | `<file>.<resize mode>` uint8 [{SIZE},{SIZE},3]: `draft(None, resized size)`, turned as EXIF says, `resize(..., BICUBIC, box=whole picture in it)`, crop or pad; `<file>.crop<i>`: a training crop (left, top, width, height of the picture as stored), `resize(..., box=crop / divisor)` |

Tolerance: exact with libjpeg-turbo. Rows are resized before columns, as Pillow always did before 13. CMYK is converted to RGB before it is resized.
""")
