"""Makes testdata/golden/tokenizers/hf/bytelevel*: byte-level BPE tokenizers and what the tokenizers library makes of odd text.

    python3 testdata/golden/make/byte_level.py testdata/golden/tokenizers/hf

Needs tokenizers from PyPI. The text is that of the folder nfd there.
"""
import gzip
import io
import json
import os
import sys

from tokenizers import AddedToken, Regex, Tokenizer, models, normalizers, pre_tokenizers, processors, trainers

OUT = sys.argv[1]
texts = [json.loads(line)["text"] for line in gzip.open(os.path.join(OUT, "nfd", "lines.jsonl.gz"), "rt", encoding="utf-8")]
CLIP = Regex(r"'s|'t|'re|'ve|'m|'ll|'d|[\p{L}]+|[\p{N}]|[^\s\p{L}\p{N}]+")


def write(path, text):
    with open(path, "wb") as f, gzip.GzipFile(fileobj=f, mode="wb", mtime=0, filename="") as g:
        g.write(text.encode("utf-8"))


def make(name, pre, normalizer, post):
    t = Tokenizer(models.BPE())
    t.pre_tokenizer = pre
    if normalizer:
        t.normalizer = normalizer
    trainer = trainers.BpeTrainer(vocab_size=700, special_tokens=["<s>", "</s>", "<pad>"], show_progress=False,
                                  initial_alphabet=pre_tokenizers.ByteLevel.alphabet())
    t.train_from_iterator(texts, trainer)
    t.add_tokens([AddedToken("<user>", lstrip=True)])
    t.post_processor = post(t)
    folder = os.path.join(OUT, name)
    os.makedirs(folder, exist_ok=True)
    write(os.path.join(folder, "tokenizer.json.gz"), t.to_str())
    lines = io.StringIO()
    for text in texts:
        lines.write(json.dumps({"text": text, "ids": t.encode(text).ids}, ensure_ascii=False) + "\n")
    write(os.path.join(folder, "lines.jsonl.gz"), lines.getvalue())


make("bytelevel", pre_tokenizers.ByteLevel(add_prefix_space=False), None,
     lambda t: processors.Sequence([processors.ByteLevel(trim_offsets=False), processors.TemplateProcessing(
         single="<s> $A </s>", special_tokens=[("<s>", t.token_to_id("<s>")), ("</s>", t.token_to_id("</s>"))])]))
make("bytelevel-prefix", pre_tokenizers.ByteLevel(add_prefix_space=True), normalizers.Sequence([normalizers.NFC(), normalizers.Lowercase()]),
     lambda t: processors.RobertaProcessing(("</s>", t.token_to_id("</s>")), ("<s>", t.token_to_id("<s>"))))
make("bytelevel-split", pre_tokenizers.Sequence([pre_tokenizers.Split(CLIP, "removed", invert=True),
                                                  pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)]), normalizers.NFC(),
     lambda t: processors.BertProcessing(("</s>", t.token_to_id("</s>")), ("<s>", t.token_to_id("<s>"))))
