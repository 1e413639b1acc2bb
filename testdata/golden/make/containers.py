"""Makes ../containers: torch.save and TorchScript archives with what they hold as safetensors, and hostile files.

Nothing hostile is run here: the pickles are written instruction by instruction.
"""

import collections
import io
import json
import math
import pathlib
import re
import struct
import sys
import types
import zipfile

import numpy
import open_clip
import torch
from safetensors.torch import save_file
from torch import nn

OUT = pathlib.Path(__file__).parent.parent / "containers"
HOSTILE = OUT / "hostile"
HOSTILE.mkdir(parents=True, exist_ok=True)
torch.manual_seed(5)


# OpenAI's archive: CLIP traced, matrices in half precision, norms, embeddings and positions in float32.

WIDTH, EMBED, LAYERS, PATCH, GRID, CONTEXT, VOCAB = 64, 32, 1, 4, 2, 8, 96


class Block(nn.Module):
    def __init__(self):
        super().__init__()
        self.attn = nn.MultiheadAttention(WIDTH, 1)
        self.ln_1 = nn.LayerNorm(WIDTH)
        self.mlp = nn.Sequential(collections.OrderedDict(
            c_fc=nn.Linear(WIDTH, 4 * WIDTH), gelu=nn.Identity(), c_proj=nn.Linear(4 * WIDTH, WIDTH)))
        self.ln_2 = nn.LayerNorm(WIDTH)

    def forward(self, x):
        return x


class Transformer(nn.Module):
    def __init__(self):
        super().__init__()
        self.resblocks = nn.Sequential(*[Block() for _ in range(LAYERS)])

    def forward(self, x):
        return self.resblocks(x)


class Visual(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(3, WIDTH, PATCH, PATCH, bias=False)
        self.class_embedding = nn.Parameter(torch.randn(WIDTH) / 8)
        self.positional_embedding = nn.Parameter(torch.randn(GRID * GRID + 1, WIDTH) / 8)
        self.ln_pre = nn.LayerNorm(WIDTH)
        self.transformer = Transformer()
        self.ln_post = nn.LayerNorm(WIDTH)
        self.proj = nn.Parameter(torch.randn(WIDTH, EMBED) / 8)

    def forward(self, x):
        return self.transformer(x)


class Multimodal(nn.Module):
    def __init__(self):
        super().__init__()
        self.visual = Visual()
        self.transformer = Transformer()
        self.token_embedding = nn.Embedding(VOCAB, WIDTH)
        self.positional_embedding = nn.Parameter(torch.randn(CONTEXT, WIDTH) / 8)
        self.ln_final = nn.LayerNorm(WIDTH)
        self.text_projection = nn.Parameter(torch.randn(WIDTH, EMBED) / 8)
        self.logit_scale = nn.Parameter(torch.tensor(3.5))
        for name, value in dict(input_resolution=PATCH * GRID, context_length=CONTEXT, vocab_size=VOCAB).items():
            self.register_buffer(name, torch.tensor(value))

    def forward(self, x):
        return self.visual(x) + self.transformer(x)


def halve(module):
    if isinstance(module, (nn.Conv2d, nn.Linear)):
        module.half()
    if isinstance(module, nn.MultiheadAttention):
        module.half()
    for name in ("text_projection", "proj"):
        p = getattr(module, name, None)
        if isinstance(p, nn.Parameter):
            p.data = p.data.half()


def openai():
    model = Multimodal().eval()
    for name, p in model.named_parameters():
        if "bias" in name or "ln_" in name:
            p.data += torch.randn_like(p) / 20
    model.apply(halve)
    torch.jit.trace(model, torch.zeros(1)).save(OUT / "openai.pt")
    state = torch.jit.load(OUT / "openai.pt").state_dict()
    save_file({k: v.contiguous() for k, v in state.items()}, OUT / "openai.safetensors")

    clip = open_clip.model.build_model_from_openai_state_dict(dict(state), quick_gelu=True, cast_dtype=torch.float32).float().eval()
    images = torch.randn(3, 3, PATCH * GRID, PATCH * GRID)
    tokens = torch.randint(1, VOCAB - 1, (3, CONTEXT))
    tokens[0, 3], tokens[0, 4:], tokens[1:, -1] = VOCAB - 1, 0, VOCAB - 1
    with torch.no_grad():
        save_file(dict(images=images, tokens=tokens, image_features=clip.encode_image(images, normalize=True),
                       text_features=clip.encode_text(tokens, normalize=True)), OUT / "openai_outputs.safetensors")


# Everything that torch.save does with tensors.

def saved():
    t = torch.randn(4, 6)
    tensors = {
        "whole": t, "part": t[1:, ::2], "turned": t.t(), "row": t[2], "block": torch.randn(2, 3, 4).permute(2, 0, 1),
        "scalar": torch.tensor(2.5), "element": t[1, 1], "one": torch.randn(1, 3)[:, :1], "none": torch.zeros(0, 3),
        "spread": torch.tensor([7.0]).expand(3), "parameter": nn.Parameter(torch.randn(2, 2)),
        "double": torch.randn(2, dtype=torch.float64), "half": torch.randn(3).half(), "bfloat16": torch.randn(3).bfloat16(),
        "long": torch.tensor([-1, 2**40]), "int": torch.tensor([-7, 7], dtype=torch.int32),
        "short": torch.tensor([-8, 8], dtype=torch.int16), "char": torch.tensor([-9, 9], dtype=torch.int8),
        "byte": torch.tensor([200], dtype=torch.uint8), "bool": torch.tensor([True, False]), "long.turned": torch.arange(6).view(2, 3).t(),
    }
    expected = {k: v.detach().clone(memory_format=torch.contiguous_format).contiguous() for k, v in tensors.items()}
    save_file(expected, OUT / "saved.safetensors")
    state = collections.OrderedDict(tensors)
    state._metadata = collections.OrderedDict({"": {"version": 1}})
    torch.save(state, OUT / "saved.bin")
    beside = {"epoch": 3, "name": "caf\u00e9", "scale": 1.5, "best": True, "nothing": None, "huge": 2**70, "negative": -129, "big": -2**40,
              "size": torch.Size([1, 2]), "device": torch.device("cpu"), "dtype": torch.float32, "list": [1, "a", (2,)]}
    optimizer = {"state": {0: {"step": torch.tensor(1.0), "exp_avg": torch.randn(3)}}, "param_groups": [{"lr": 1e-3, "params": [0]}]}
    wrapped = dict(beside, state_dict=state, optimizer=optimizer)
    torch.save(wrapped, OUT / "wrapped.pt")
    torch.save(wrapped, OUT / "protocol4.pt", pickle_protocol=4)
    torch.save(wrapped, OUT / "protocol5.pt", pickle_protocol=5)
    torch.save({"model": state, "epoch": 3}, OUT / "model.pt")
    torch.save({"epoch": 3, "state_dict_ema": state}, OUT / "average.pt")
    # Types that older readers don't know have untyped storages; uint16 has no counterpart here and is passed over beside the weights.
    torch.save({"state_dict": state, "optimizer": torch.tensor([1], dtype=torch.uint16)}, OUT / "untyped.pt")
    torch.save(state, HOSTILE / "legacy.pt", _use_new_zipfile_serialization=False)
    repack(OUT / "saved.bin", OUT / "deflated.bin")


class Settings:
    """A class that the reader doesn't have."""


def beside():
    """What training programs save beside the weights: NumPy's numbers, under the names of NumPy 2 and 1, and classes of their own."""
    state = {"w": torch.arange(6.0).view(2, 3), "b": torch.tensor([1, 2])}
    save_file(state, OUT / "beside.safetensors")
    settings = Settings()
    settings.lr, settings.names = 1e-3, ["a"]
    Settings.__module__ = "settings"
    sys.modules["settings"] = types.SimpleNamespace(Settings=Settings)
    numbers = {"f8": numpy.float64(0.125), "f4": numpy.float32(-1.5), "f2": numpy.float16(0.5), "i8": numpy.int64(-7), "i2": numpy.int16(-300),
               "u1": numpy.uint8(200), "true": numpy.bool_(True), "c16": numpy.complex128(1)}
    saved = dict(numbers, array=numpy.arange(3), empty=b"", epoch=3, settings=settings, counts=collections.defaultdict(list, a=[1]),
                 path=pathlib.PurePosixPath("a/b"), seen={1, 2}, kinds=frozenset("ab"), state_dict=state,
                 scheduler={"function": math.cos, "last": numpy.float64(2)})
    for protocol, end in ((2, ""), (4, "_protocol4")):
        torch.save(saved, OUT / f"numpy2{end}.pt", pickle_protocol=protocol)
        rename(OUT / f"numpy2{end}.pt", OUT / f"numpy1{end}.pt")


def rename(source, target):
    """Writes an archive as NumPy 1 did. Names of protocol 4 have their length before them."""
    with zipfile.ZipFile(source) as a, zipfile.ZipFile(target, "w", zipfile.ZIP_STORED) as b:
        for entry in a.namelist():
            content = a.read(entry)
            if entry.endswith("data.pkl"):
                assert b"numpy._core" in content
                content = re.sub(rb"\x8c(.)numpy\._core", lambda m: b"\x8c" + bytes([m[1][0] - 1]) + b"numpy.core", content, flags=re.S)
                content = content.replace(b"numpy._core", b"numpy.core")
            b.writestr(zipfile.ZipInfo(entry.replace("numpy2", "numpy1")), content, zipfile.ZIP_STORED)


def repack(source, target):
    with zipfile.ZipFile(source) as a, zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as b:
        for name in a.namelist():
            b.writestr(zipfile.ZipInfo(name), a.read(name), zipfile.ZIP_DEFLATED)


# Hostile files. A pickle is given by its instructions.

def text(s):
    b = s.encode()
    return b"X" + struct.pack("<I", len(b)) + b


def whole(n):
    return b"J" + struct.pack("<i", n) if -2**31 <= n < 2**31 else b"\x8a\x08" + struct.pack("<q", n)


def ints(*n):
    return b"(" + b"".join(map(whole, n)) + b"t"


def name(module, attribute):
    return f"c{module}\n{attribute}\n".encode()


def storage(key="0", count=4, kind=("torch", "FloatStorage")):
    return b"(" + text("storage") + name(*kind) + text(key) + text("cpu") + whole(count) + b"tQ"


def tensor(shape=(4,), strides=(1,), offset=0, storage=storage()):
    return (name("torch._utils", "_rebuild_tensor_v2") + b"(" + storage + whole(offset) + ints(*shape) + ints(*strides) + b"\x89"
            + name("collections", "OrderedDict") + b")RtR")


def table(*items):
    return b"}(" + b"".join(text(k) + v for k, v in items) + b"u"


def call(module, attribute, *args):
    return name(module, attribute) + b"(" + b"".join(args) + b"tR"


def archive(program, files=None, method=zipfile.ZIP_STORED):
    buffer = io.BytesIO()
    if len(program) > 20_000:  # the repetitive ones
        method = zipfile.ZIP_DEFLATED
    with zipfile.ZipFile(buffer, "w") as z:
        entries = [("a/data.pkl", program), ("a/byteorder", b"little"), ("a/data/0", bytes(16))] if files is None else files
        for key, content in entries:
            z.writestr(zipfile.ZipInfo(key), content, method)
    return buffer.getvalue()


def pickles():
    run = [text("touch EXECUTED")]
    unsafe = {
        "system": ("os.system", call("os", "system", *run)),
        "posix": ("posix.system", call("posix", "system", *run)),
        "eval": ("builtins.eval", call("builtins", "eval", text("open('EXECUTED', 'w')"))),
        "python2_eval": ("__builtin__.eval", call("__builtin__", "eval", text("open('EXECUTED', 'w')"))),
        "getattr": ("builtins.__import__", call("builtins", "getattr", call("builtins", "__import__", text("os")), text("system"))),
        "beside_weights": ("os.system", table(("state_dict", table(("w", tensor()))), ("z", call("os", "system", *run)))),
        "nested_reduce": ("os.system", table(("w", call("torch._utils", "_rebuild_parameter", call("os", "system", *run))))),
        "stack_global": ("os.system", b"\x8c\x02os\x8c\x06system\x93" + b"(" + run[0] + b"tR"),
        "instance": ("os.system", b"(" + run[0] + b"ios\nsystem\n"),
        "object": ("os.system", b"(" + name("os", "system") + run[0] + b"o"),
        "dotted": ("collections.OrderedDict.__init__.__globals__", name("collections", "OrderedDict.__init__.__globals__")),
        "through_torch": ("torch.serialization.os.system", call("torch.serialization", "os.system", *run)),
        "load_from_bytes": ("torch.storage._load_from_bytes", call("torch.storage", "_load_from_bytes", run[0])),
        "depends": ("__main__.make", table(("w", call("__main__", "make", tensor())))),
        "depends_inside": ("__main__.Shape", table(("w", name("torch._utils", "_rebuild_parameter") + b"(" + name("__main__", "Shape") + b"tR"))),
        "foreign_storage": ("__main__.Storage", table(("w", tensor(storage=storage(kind=("__main__", "Storage")))))),
        "whole_model": ("__main__.Model", name("__main__", "Model") + b")\x81}b"),
        "script_like": ("__torch__os.system", call("__torch__os", "system", *run)),
    }
    deep_dict = b"".join(b"}" + text("k") for _ in range(3000)) + tensor() + b"s" * 3000
    bomb = b"}q\x00(" + text("w") + tensor() + b"u" + b"".join(
        b"}(" + text("a") + b"h" + bytes([i]) + text("b") + b"h" + bytes([i]) + b"uq" + bytes([i + 1]) for i in range(50))
    refused = {
        "memo_bomb": ("repeats its parts", bomb),
        "cycle": ("nests too deeply", b"}q\x00(" + text("w") + tensor() + text("me") + b"h\x00u"),
        "deep_dicts": ("nests too deeply", deep_dict),
        "deep_tuples": ("no weights", b"N" + b"\x85" * 100_000 + b"0}"),
        "deep_marks": ("nests too deeply", b"(" * 200_000),
        "wide_stack": ("too many values", b"N" * 200_000),
        "many_dicts": ("builds more", b"]" + b"}a" * 500_000),
        "long_bomb": ("ends within a value of 2147483647 bytes", b"\x8b\xff\xff\xff\x7f" + b"1"),
        "string_bomb": ("ends within a value of 4294967295 bytes", b"X\xff\xff\xff\xff" + b"1"),
        "string8_bomb": ("ends within a value of 9223372036854775807 bytes", b"\x8d\xff\xff\xff\xff\xff\xff\xff\x7f1"),
        "string8_negative": ("ends within a value of 18446744073709551615", b"\x8d" + b"\xff" * 8 + b"1"),
        "protocol0": ("instruction 0x49", b"I1\n"),
        "bytearray": ("ends within a value of 9223372036854775807 bytes", b"\x96\xff\xff\xff\xff\xff\xff\xff\x7f"),
        "extension": ("instruction 0x82", b"\x82\x01"),
        "persistent_text": ("instruction 0x50", b"P0\n"),
        "no_name_end": ("a name has no end", b"c" + b"a" * 1000),
        "empty_stack": ("a value that isn't there", b""),
        "no_mark": ("a mark that isn't there", b"t"),
        "below_mark": ("a value that isn't there", b"N(\x85"),
        "pop_below_mark": ("a value that isn't there", b"N(0t"),
        "no_memo": ("never stored", b"h\x07"),
        "call_a_string": ("not a function", text("os.system") + b")R"),
        "call_a_storage": ("not a function", name("torch", "FloatStorage") + b")R"),
        "call_a_class": ("not a function", name("__torch__.os", "system") + b"(" + run[0] + b"tR"),
        "odd_items": ("not a dict", b"}(Nu"),
        "append_to_dict": ("not a list", b"}Na"),
        "state_of_a_string": ("what has none", text("a") + b"}b"),
        "a_number": ("neither a dict nor a module", b"K\x01"),
        "no_weights": ('it holds "epoch"', table(("epoch", whole(1)))),
        "twice": ("occurs twice", table(("w", tensor()), ("w", tensor()))),
        "storage_missing": ('has no \\"a/data/7\\"', table(("w", tensor(storage=storage("7"))))),
        "storage_outside": ('has no \\"a/data/../../x\\"', table(("w", tensor(storage=storage("../../x"))))),
        "storage_short": ("has 16 bytes, not 5", table(("w", tensor(storage=storage(count=5))))),
        "storage_huge": ("has 16 bytes, not", table(("w", tensor(storage=storage(count=2**61))))),
        "storage_negative": ("not described", table(("w", tensor(storage=storage(count=-1))))),
        "storage_of_a_type": ("not described", table(("w", tensor(storage=storage(kind=("torch", "float32")))))),
        "beyond_end": ("leaves its storage", table(("w", tensor((5,))))),
        "offset": ("leaves its storage", table(("w", tensor(offset=1)))),
        "offset_negative": ("not described", table(("w", tensor(offset=-1)))),
        "offset_huge": ("overflows", table(("w", tensor(offset=2**63 - 1)))),
        "stride_negative": ("not described", table(("w", tensor(strides=(-1,))))),
        "stride_huge": ("overflows", table(("w", tensor(strides=(2**62,))))),
        "stride_wraps": ("overflows", table(("w", tensor((2**32 + 1,), (2**32,))))),
        "shape_huge": ("overflows", table(("w", tensor((2**32, 2**32), (0, 0))))),
        "shape_wraps": ("overflows", table(("w", tensor((2**62, 4), (0, 0))))),
        "spread_huge": ("larger than the file", table(("w", tensor((2**20, 2**20), (0, 0))))),
        "ranks_differ": ("not described", table(("w", tensor((2, 2), (1,))))),
        "ranks_many": ("not described", table(("w", tensor((1,) * 99, (1,) * 99)))),
        "complex": ("complex64", table(("w", tensor((2,), storage=storage(count=2, kind=("torch", "ComplexFloatStorage")))))),
    }
    for key, (module, program) in unsafe.items():
        yield key, {"unsafe": module}, archive(b"\x80\x02" + program + b".")
    for key, (why, program) in refused.items():
        yield key, {"format": why.replace('\\"', '"')}, archive(b"\x80\x02" + program + b".")


def zips():
    good = b"\x80\x02" + table(("w", tensor())) + b"."
    files = [("a/data.pkl", good), ("a/byteorder", b"little"), ("a/data/0", bytes(16))]
    plain = archive(good)
    yield "zip_twice", {"format": "twice"}, archive(good, files + [("a/data.pkl", b"cos\nsystem\n.")])
    yield "zip_two_folders", {"format": "no b/data.pkl"}, archive(good, [("b/x", b"")] + files)
    yield "zip_empty", {"format": "is empty"}, archive(good, [])
    yield "zip_no_pickle", {"format": "no a/data.pkl"}, archive(good, files[1:])
    yield "zip_big_endian", {"format": "byte order"}, archive(good, [files[0], ("a/byteorder", b"big"), files[2]])
    yield "zip_cut", {"format": "is the file complete"}, plain[:-30]
    yield "zip_bomb_pickle", {"format": "more than that of any weights"}, archive(
        good, [("a/data.pkl", bytes(20 << 20))], zipfile.ZIP_DEFLATED)
    yield "zip_bomb_storage", {"format": "would grow"}, archive(
        good, [files[0], ("a/data/0", bytes(18 << 20))], zipfile.ZIP_DEFLATED)
    yield "zip_method", {"format": "compressed by method 14"}, archive(good, files, zipfile.ZIP_LZMA)

    directory = plain.rindex(b"PK\x01\x02")  # the entry of data/0: compressed and real size stand at 20 and 24, its place at 42
    def lie(at, value):
        return plain[:directory + at] + struct.pack("<I", value) + plain[directory + at + 4:]
    yield "zip_size_huge", {"format": "two sizes"}, lie(24, 0x7fffffff)
    yield "zip_beyond_end", {"format": "from byte"}, lie(20, 0x7fffffff)
    yield "zip_place", {"format": ""}, lie(42, 0x7fffffff)

    squeezed = archive(good, files, zipfile.ZIP_DEFLATED)
    directory = squeezed.rindex(b"PK\x01\x02")
    def lie(at, value):
        return squeezed[:directory + at] + struct.pack("<I", value) + squeezed[directory + at + 4:]
    yield "zip_inflated_longer", {"format": "longer than it says"}, lie(24, 15)
    yield "zip_inflated_shorter", {"format": "EOF"}, lie(24, 17)
    yield "zip_checksum", {"format": "checksum"}, lie(16, 1)

    yield "lfs", {"format": "git-lfs"}, b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n"
    yield "web_page", {"format": "is the file complete"}, b"<!DOCTYPE html><html><body>Sign in</body></html>"
    yield "nothing", {"format": "is the file complete"}, b""


openai()
saved()
beside()
cases = [{"file": "legacy.pt", "format": "PyTorch before 1.6"}]
for key, want, content in (*pickles(), *zips()):
    (HOSTILE / f"{key}.pt").write_bytes(content)
    cases.append({"file": f"{key}.pt", **want})
(OUT / "hostile.jsonl").write_text("".join(json.dumps(c) + "\n" for c in cases))
