"""Makes picture files of every kind, and records what Pillow makes of each.

    python pictures.py            ../pictures: a small sample, for the tests
    python pictures.py DIR N      DIR: N pictures, for CLIPGO_PICTURES=DIR go test -run TestPicturesOfAFolder ./vision/preprocess

Each line of index.jsonl has a file, what it shows (kind), and either the size and the SHA-256 of convert("RGB") (of a transparent
picture also drawn on #ff8000), or Pillow's error.
"""

import hashlib
import io
import json
import pathlib
import random
import struct
import sys
import warnings
import zlib

import numpy as np
from PIL import Image, ImageFile, TiffImagePlugin

warnings.simplefilter("ignore")


def crc_chunk(name, body):
    return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))


class Maker:
    """Draws random choices and pictures from one seed."""

    def __init__(self, seed, small):
        self.r, self.np, self.small = random.Random(seed), np.random.default_rng(seed), small

    def size(self):
        top = 24 if self.small else 90
        return self.r.choice([(1, 1), (2, 3), (self.r.randint(1, top), self.r.randint(1, top))] + [(self.r.randint(8, top), self.r.randint(8, top))] * 5)

    def samples(self, w, h, n, top=255):
        y, x = np.mgrid[:h, :w]
        f = self.r.uniform(2, 9)
        wave = [np.sin(x / f + c) * np.cos(y / (f + c)) for c in range(n)]
        out = (np.stack(wave, -1) + 1) / 2 * top
        noise = self.r.choice([0, 0, top / 12, top])
        out = out + self.np.uniform(-noise, noise, out.shape)
        out[: h // 3] = self.r.choice([0, top, top / 2])
        return out.clip(0, top).round().astype(np.uint16 if top > 255 else np.uint8)

    def image(self, mode):
        w, h = self.size()
        if mode in ("1", "P"):
            im = Image.fromarray(self.samples(w, h, 3))
            return im.convert("1") if mode == "1" else im.quantize(self.r.choice([2, 3, 16, 17, 200, 256]))
        if mode == "I;16":
            return Image.fromarray(self.samples(w, h, 1, 65535)[..., 0])
        n = {"L": 1, "LA": 2, "RGB": 3, "RGBA": 4, "CMYK": 4, "YCbCr": 3}[mode]
        a = self.samples(w, h, n)
        if n == 1:
            return Image.fromarray(a[..., 0])
        return Image.frombytes(mode, (w, h), a.tobytes())

    def bytes(self, n):
        return self.np.bytes(n)

    def exif(self, orientation=True):
        e = Image.Exif()
        if orientation:
            e[0x0112] = self.r.randint(1, 8)
        e[0x010E] = "x" * self.r.choice([0, 5, 3000])
        return e.tobytes()

    # JPEG
    def jpeg(self):
        mode = self.r.choice(["L", "RGB", "RGB", "RGB", "RGB", "CMYK", "YCbCr"])
        o = dict(quality=self.r.choice([1, 30, 75, 90, 100]), progressive=self.r.random() < 0.4, optimize=self.r.random() < 0.3)
        if mode in ("RGB", "YCbCr"):
            o["subsampling"] = self.r.choice(["4:4:4", "4:2:2", "4:2:0", "4:1:1"])
            if mode == "RGB" and self.r.random() < 0.1:
                o["keep_rgb"] = True
                del o["subsampling"]
        if self.r.random() < 0.2:
            o[self.r.choice(["restart_marker_rows", "restart_marker_blocks"])] = self.r.randint(1, 5)
        if self.r.random() < 0.3:
            o["exif"] = self.exif()
        if self.r.random() < 0.2:
            o["icc_profile"] = self.bytes(self.r.choice([10, 70000] if self.small else [10, 70000, 200000]) if not self.small else 10)
        if self.r.random() < 0.2:
            o["comment"] = b"c" * self.r.choice([0, 1, 60000 if not self.small else 60])
        data, kind = self.save(self.image(mode), "JPEG", **o), f"jpeg {mode} {'progressive' if o['progressive'] else 'baseline'} {o.get('subsampling', '')}"
        pick = self.r.random()
        if pick < 0.05:
            return data[:-2], kind + " without end"
        if pick < 0.10:
            at = data.rindex(b"\xff\xda")
            return data[:at] + b"\xff\xff\xff" + data[at:], kind + " fill bytes"
        if pick < 0.15:
            return data[: self.r.randint(len(data) // 2, len(data) - 3)], kind + " cut"
        return self.trail(data, kind)

    def trail(self, data, kind):
        if self.r.random() < 0.08:
            return data + self.bytes(self.r.choice([1, 100])), kind + " trailing bytes"
        return data, kind

    def save(self, im, fmt, **o):
        b = io.BytesIO()
        im.save(b, fmt, **o)
        return b.getvalue()

    # PNG
    def png(self):
        color = self.r.choice([0, 2, 3, 4, 6])
        depth = self.r.choice({0: [1, 2, 4, 8, 16], 2: [8, 16], 3: [1, 2, 4, 8], 4: [8, 16], 6: [8, 16]}[color])
        interlaced = self.r.random() < 0.4
        w, h = self.size()
        n = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}[color]
        top = (1 << depth) - 1
        a = (self.samples(w, h, n, 65535).astype(np.uint32) * top // 65535).astype(np.uint32)
        chunks, kind = [], f"png color {color} depth {depth}{' interlaced' if interlaced else ''}"
        if color == 3:
            colors = self.r.choice([1, 2, top + 1, top + 1, top + 1])
            colors = min(colors, top + 1)
            chunks.append((b"PLTE", self.bytes(3 * colors)))
            if self.r.random() < 0.4:
                chunks.append((b"tRNS", self.bytes(self.r.randint(1, colors))))
                kind += " tRNS"
        elif color in (0, 2) and self.r.random() < 0.3:
            px = a[self.r.randrange(h), self.r.randrange(w)]
            chunks.append((b"tRNS", b"".join(struct.pack(">H", int(v)) for v in px)))
            kind += " tRNS"
        if self.r.random() < 0.2:
            chunks.insert(0, (b"gAMA", struct.pack(">I", 45455)))
        if self.r.random() < 0.2:
            chunks.append((b"tEXt", b"Comment\0" + b"x" * self.r.choice([1, 3000 if self.small else 400000])))
        if self.r.random() < 0.2:
            chunks.append((b"eXIf", self.exif()[6:]))
        if self.r.random() < 0.1:
            chunks.append((b"iCCP", b"p\0\0" + zlib.compress(self.bytes(3000 if not self.small else 30))))
        raw = b""
        passes = [(0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2)] if interlaced else [(0, 0, 1, 1)]
        for x, y, dx, dy in passes:
            part = a[y::dy, x::dx]
            if part.size:
                raw += self.filtered(part, depth, n)
        z = zlib.compress(raw, self.r.choice([0, 1, 6, 9]))
        size = self.r.choice([len(z), len(z), max(1, len(z) // 3), 7])
        idat = [(b"IDAT", z[i : i + size]) for i in range(0, len(z), size)]
        head = b"\x89PNG\r\n\x1a\n" + crc_chunk(b"IHDR", struct.pack(">IIBBBBB", w, h, depth, color, 0, 0, interlaced))
        data = head + b"".join(crc_chunk(*c) for c in chunks + idat) + crc_chunk(b"IEND", b"")
        pick = self.r.random()
        if pick < 0.06:
            return data[: -self.r.randint(1, 16)], kind + " without end"
        if pick < 0.1:
            return data[: self.r.randint(len(data) // 2, len(data) - 30)], kind + " cut"
        return self.trail(data, kind)

    def filtered(self, a, depth, n):
        h, w = a.shape[:2]
        flat = a.reshape(h, w * n)
        if depth == 16:
            rows = flat.astype(">u2").view(np.uint8).reshape(h, -1)
        elif depth == 8:
            rows = flat.astype(np.uint8)
        else:
            per = 8 // depth
            pad = -(w * n) % per
            flat = np.pad(flat, ((0, 0), (0, pad)))
            rows = np.zeros((h, flat.shape[1] // per), np.uint8)
            for i in range(per):
                rows |= (flat[:, i::per] << (8 - depth * (i + 1))).astype(np.uint8)
        bpp = max(1, depth * n // 8)
        prev, out = np.zeros(rows.shape[1], np.int32), b""
        for row in rows.astype(np.int32):
            f = self.r.randint(0, 4)
            left = np.concatenate([np.zeros(bpp, np.int32), row])[: len(row)]
            corner = np.concatenate([np.zeros(bpp, np.int32), prev])[: len(row)]
            p = left + prev - corner
            pa, pb, pc = abs(p - left), abs(p - prev), abs(p - corner)
            paeth = np.where((pa <= pb) & (pa <= pc), left, np.where(pb <= pc, prev, corner))
            guess = [0 * row, left, prev, (left + prev) // 2, paeth][f]
            out += bytes([f]) + (row - guess).astype(np.uint8).tobytes()
            prev = row
        return out

    # GIF
    def gif(self):
        mode = self.r.choice(["P", "P", "L", "RGB", "1"])
        im, o = self.image(mode), dict(interlace=self.r.random() < 0.5)
        kind = f"gif {mode}"
        if mode == "P" and self.r.random() < 0.5:
            o["transparency"] = self.r.randint(0, 3)
            kind += " transparent"
        if self.r.random() < 0.3:
            o.update(save_all=True, append_images=[self.image(mode).resize(im.size) for _ in range(2)], duration=50)
            kind += " animation"
        if self.r.random() < 0.2:
            o["comment"] = b"c" * self.r.choice([10, 600])
        data = self.save(im, "GIF", **o)
        pick = self.r.random()
        if pick < 0.15 and "animation" not in kind:  # a canvas larger than its frame
            at = data.index(b",\0\0\0\0")
            data = bytearray(data)
            data[6:10] = struct.pack("<HH", im.width + 5, im.height + 4)
            data[at + 1 : at + 5] = struct.pack("<HH", 2, 3)
            return bytes(data), kind + " on a canvas"
        if pick < 0.2 and "animation" not in kind:
            return data[:-1], kind + " without end"
        if pick < 0.25 and "animation" not in kind:
            return data[: self.r.randint(len(data) // 2, len(data) - 3)], kind + " cut"
        return self.trail(data, kind)

    # WebP
    def webp(self):
        mode = self.r.choice(["RGB", "RGBA"])
        im, o = self.image(mode), dict(lossless=self.r.random() < 0.5, quality=self.r.choice([0, 50, 80, 100]), method=self.r.randint(0, 6))
        if self.r.random() < 0.3:
            o["exact"] = True
        if self.r.random() < 0.2:
            o["exif"] = self.exif()
        if self.r.random() < 0.1:
            o["icc_profile"] = self.bytes(500)
        kind = f"webp {mode} {'lossless' if o['lossless'] else 'lossy'}"
        if self.r.random() < 0.15:
            o.update(save_all=True, append_images=[self.image(mode).resize(im.size)], duration=50)
            kind += " animation"
        data = self.save(im, "WEBP", **o)
        if self.r.random() < 0.1:
            return data[: self.r.randint(len(data) // 2, len(data) - 3)], kind + " cut"
        return self.trail(data, kind)

    # TIFF
    def tiff(self):
        if self.r.random() < 0.5:
            return self.own_tiff()
        mode = self.r.choice(["1", "L", "LA", "P", "RGB", "RGBA", "CMYK", "I;16", "YCbCr"])
        how = self.r.choice(["raw", "packbits", "tiff_lzw", "tiff_adobe_deflate"])
        if mode == "1":
            how = self.r.choice(["raw", "group4", "group3", "packbits"])
        if mode in ("L", "RGB", "YCbCr") and self.r.random() < 0.4 or mode == "YCbCr":
            how = "jpeg"
        info = TiffImagePlugin.ImageFileDirectory_v2()
        if self.r.random() < 0.4:
            info[274] = self.r.randint(1, 8)
        im = self.image(mode)
        if self.r.random() < 0.4:
            info[278] = self.r.randint(1, im.height)
        if how in ("tiff_lzw", "tiff_adobe_deflate") and mode in ("L", "RGB", "RGBA", "I;16", "CMYK") and self.r.random() < 0.5:
            info[317] = 2
        kind = f"tiff {mode} {how}{' predictor' if 317 in info else ''}{' turned' if 274 in info else ''}"
        data = self.save(im, "TIFF", compression=how, tiffinfo=info)
        if self.r.random() < 0.1:
            return data[: self.r.randint(len(data) // 2, len(data) - 3)], kind + " cut"
        return self.trail(data, kind)

    def own_tiff(self):
        photo, n, extra, depth = self.r.choice(
            [(0, 1, None, 1), (0, 1, None, 2), (0, 1, None, 4), (0, 1, None, 8), (0, 1, None, 16), (1, 1, None, 2), (1, 1, None, 4), (1, 1, None, 16), (1, 2, 2, 8),
             (1, 2, 0, 8), (2, 3, None, 8), (2, 3, None, 16), (2, 4, 0, 8), (2, 4, 1, 8), (2, 4, 2, 8), (2, 4, 2, 16), (2, 4, 1, 16), (2, 4, None, 8),
             (2, 5, 2, 8), (3, 1, None, 1), (3, 1, None, 2), (3, 1, None, 4), (3, 1, None, 8), (5, 4, None, 8), (5, 4, None, 16), (1, 1, None, 1)])
        end = self.r.choice("<>")
        w, h = self.size()
        top = (1 << depth) - 1
        a = (self.samples(w, h, n, 65535).astype(np.uint32) * top // 65535).astype(np.uint32)
        tiled, how = self.r.random() < 0.4, self.r.choice([1, 1, 8, 32773])
        # Pillow takes uncompressed planes of 16 bits for 8 bits, and reads three where a fourth sample isn't declared.
        separate = n > 1 and depth >= 8 and self.r.random() < 0.3 and (how, depth) != (1, 16) and (n, extra) != (4, None)
        predictor = how == 8 and depth >= 8 and self.r.random() < 0.4
        bw, bh = (16 * self.r.randint(1, 3), 16 * self.r.randint(1, 3)) if tiled else (w, self.r.choice([h, max(1, h // 3)]))
        reverse = depth < 8 and how == 1 and self.r.random() < 0.3
        padded = np.zeros(((h + bh - 1) // bh * bh if tiled else h, (w + bw - 1) // bw * bw if tiled else w, n), np.uint32)
        padded[:h, :w] = a
        planes = [padded[..., i : i + 1] for i in range(n)] if separate else [padded]
        blocks = [p[y : y + bh, x : x + bw] for p in planes for y in range(0, h, bh) for x in range(0, w, bw)]
        body, spans = b"", []
        for b in blocks:
            data = self.packed(b, depth, end, predictor)
            if reverse:
                data = bytes(int(f"{v:08b}"[::-1], 2) for v in data)
            if how == 8:
                data = zlib.compress(data)
            elif how == 32773:
                data = b"".join(bytes([min(128, len(data) - i) - 1]) + data[i : i + 128] for i in range(0, len(data), 128))
            spans.append((8 + len(body), len(data)))
            body += data + b"\0" * (len(data) % 2)
        tags = {256: [w], 257: [h], 258: [depth] * n, 259: [how], 262: [photo], 277: [n], 284: [2 if separate else 1]}
        if extra is not None:
            tags[338] = [extra] + [0] * (n - 4 if photo == 2 else 0)
        if photo == 3:
            tags[320] = [int(v) for v in self.np.integers(0, 65536, 3 << depth)]
        if predictor:
            tags[317] = [2]
        if reverse:
            tags[266] = [2]
        if self.r.random() < 0.2:
            tags[274] = [self.r.randint(1, 8)]
        starts, sizes = [s for s, _ in spans], [s for _, s in spans]
        if tiled:
            tags.update({322: [bw], 323: [bh], 324: starts, 325: sizes})
        else:
            tags.update({273: starts, 278: [bh], 279: sizes})
        order = "II" if end == "<" else "MM"
        kind = f"tiff own {order} photometric {photo} samples {n} extra {extra} depth {depth} compression {how}"
        kind += f"{' tiled' if tiled else ''}{' planes' if separate else ''}{' predictor' if predictor else ''}{' reversed' if reverse else ''}"
        return self.trail(self.directory(end, order, body, tags), kind)

    def packed(self, b, depth, end, predictor):
        h, w, n = b.shape
        if predictor:
            b = b.copy()
            b[:, 1:] -= b[:, :-1].copy()
        if depth == 16:
            return (b & 65535).astype(end + "u2").tobytes()
        if depth == 8:
            return (b & 255).astype(np.uint8).tobytes()
        flat = b.reshape(h, w * n)
        per = 8 // depth
        flat = np.pad(flat, ((0, 0), (0, -(w * n) % per)))
        rows = np.zeros((h, flat.shape[1] // per), np.uint8)
        for i in range(per):
            rows |= (flat[:, i::per] << (8 - depth * (i + 1))).astype(np.uint8)
        return rows.tobytes()

    def directory(self, end, order, body, tags):
        at = 8 + len(body)
        entries, far, far_at = b"", b"", at + 2 + 12 * len(tags) + 4
        for tag in sorted(tags):
            values, code = tags[tag], "I" if tag in (273, 279, 324, 325) else "H"
            data = struct.pack(f"{end}{len(values)}{code}", *values)
            if len(data) > 4:
                where = struct.pack(end + "I", far_at + len(far))
                far += data + b"\0" * (len(data) % 2)
            else:
                where = data.ljust(4, b"\0")
            entries += struct.pack(end + "HHI", tag, 4 if code == "I" else 3, len(values)) + where
        head = order.encode() + struct.pack(end + "HI", 42, at)
        return head + body + struct.pack(end + "H", len(tags)) + entries + b"\0\0\0\0" + far

    # BMP
    def bmp(self):
        if self.r.random() < 0.4:
            mode = self.r.choice(["1", "L", "P", "RGB", "RGBA"])
            data, kind = self.save(self.image(mode), "BMP"), f"bmp {mode}"
        else:
            data, kind = self.own_bmp()
        if self.r.random() < 0.1:
            return data[: self.r.randint(len(data) // 2, len(data) - 3)], kind + " cut"
        return self.trail(data, kind)

    def own_bmp(self):
        bits, how = self.r.choice([(1, 0), (4, 0), (8, 0), (16, 0), (16, 3), (24, 0), (32, 0), (32, 3), (8, 1), (4, 2)])
        w, h = self.size()
        down = how == 0 and self.r.random() < 0.3
        core = how == 0 and bits <= 24 and bits != 16 and not down and self.r.random() < 0.2
        if how in (1, 2):
            data = self.rle(w, h, bits)
        else:
            stride = (w * bits + 31) // 32 * 4
            data = self.bytes(stride * h)
        head, masks = b"", b""
        colors = b""
        if bits <= 8:
            n = 1 << bits
            colors = b"".join(self.bytes(3) + (b"" if core else b"\0") for _ in range(n))
            if self.r.random() < 0.2 and bits != 4:  # of a ramp of 16 greys Pillow reads the 4 bits as 8
                greys = [0, 255] if bits == 1 else range(n)
                colors = b"".join(bytes([v] * 3) + (b"" if core else b"\0") for v in greys)
        if core:
            head = struct.pack("<IHHHH", 12, w, h, 1, bits)
        else:
            height = 2**32 - h if down else h
            masks = []
            if how == 3 and bits == 16:
                masks = self.r.choice([(0xF800, 0x7E0, 0x1F, 0), (0x7C00, 0x3E0, 0x1F, 0)])
            if how == 3 and bits == 32:
                masks = self.r.choice([(0xFF0000, 0xFF00, 0xFF, 0), (0xFF, 0xFF00, 0xFF0000, 0xFF000000), (0xFF0000, 0xFF00, 0xFF, 0xFF000000), (0xFF000000, 0xFF0000, 0xFF00, 0xFF)])
            size = 40
            if masks:
                size = self.r.choice([56, 108, 124]) if masks[3] else self.r.choice([40, 52, 56, 108])
            fixed = struct.pack("<IIIHHIIIIII", size, w, height, 1, bits, how, len(data), 2835, 2835, 0, 0)
            tail = b"".join(struct.pack("<I", m) for m in (masks[:3] if size in (40, 52) else masks)) if masks else b""
            head = (fixed + tail).ljust(size, b"\0")
        at = 14 + len(head) + len(colors)
        kind = f"bmp own {bits} bits compression {how}{' top-down' if down else ''}{' core' if core else ''}"
        return b"BM" + struct.pack("<IHHI", at + len(data), 0, 0, at) + head + colors + data, kind

    def rle(self, w, h, bits):
        out = b""
        for _ in range(h):
            x = 0
            while x < w:
                n = min(self.r.randint(1, 20), w - x)
                if n >= 3 and self.r.random() < 0.4:
                    size = n if bits == 8 else (n + 1) // 2
                    out += bytes([0, n]) + self.bytes(size) + b"\0" * (size % 2)
                else:
                    out += bytes([n]) + self.bytes(1)
                x += n
                if self.r.random() < 0.05:
                    break
            out += b"\0\0"
        return out + b"\0\1"


def look(data):
    try:
        with Image.open(io.BytesIO(data)) as im:
            rgb = im.convert("RGB")
            out = dict(width=rgb.width, height=rgb.height, sha256=hashlib.sha256(rgb.tobytes()).hexdigest())
            if im.mode.startswith("I"):  # has no conversion to RGBA
                return out
            rgba = im.convert("RGBA")
            alpha = rgba.getchannel("A")
            if alpha.getextrema()[0] < 255:
                back = Image.new("RGB", rgba.size, (255, 128, 0))
                back.paste(rgba, mask=alpha)
                out["on_ff8000_sha256"] = hashlib.sha256(back.tobytes()).hexdigest()
            return out
    except Exception as e:
        return dict(error=f"{type(e).__name__}: {e}"[:120].split(" <_io")[0])


def main(out, n, small):
    out.mkdir(parents=True, exist_ok=True)
    for old in out.glob("[0-9i]*"):
        old.unlink()
    kinds = ["jpeg", "png", "png", "gif", "webp", "tiff", "tiff", "bmp"]
    lines = []
    for i in range(n):
        m = Maker(i if not small else 10_000 + i, small)
        kind = kinds[i % len(kinds)]
        try:
            data, what = getattr(m, kind)()
        except (OSError, ValueError, SystemError) as e:  # a combination that Pillow doesn't write
            print(f"{i} {kind}: {e}", file=sys.stderr)
            continue
        name = f"{i:04d}.{kind}"
        (out / name).write_bytes(data)
        lines.append(dict(file=name, kind=what, **look(data)))
    (out / "index.jsonl").write_text("".join(json.dumps(l) + "\n" for l in lines))
    print(f"{len(lines)} pictures, {sum((out / l['file']).stat().st_size for l in lines)} bytes, {sum('error' in l for l in lines)} refused by Pillow")


if __name__ == "__main__":
    if len(sys.argv) == 3:
        main(pathlib.Path(sys.argv[1]), int(sys.argv[2]), False)
    else:
        main(pathlib.Path(__file__).parent.parent / "pictures", 224, True)
