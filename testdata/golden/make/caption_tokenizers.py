"""Makes testdata/golden/tokenizers: small tokenizers and what the reference libraries make of odd text.

    python3 testdata/golden/make/caption_tokenizers.py testdata/golden/tokenizers

Needs sentencepiece, tokenizers, transformers and open_clip_torch from PyPI. All text is generated here.
"""
import gzip
import io
import json
import os
import random
import sys
import tempfile

import sentencepiece
from tokenizers import AddedToken, Regex, Tokenizer, models, normalizers, pre_tokenizers, processors, trainers

OUT = sys.argv[1]
rng = random.Random(20)

WORDS = {
    "en": "a photo of the cat dog house river mountain bicycle window garden street market bridge castle forest beach two "
          "some with and in on red blue small large running walking old new children people playing near water painting",
    "de": "ein Foto von der Katze Hund Haus Fluss Straße Brücke größer schöne über Mädchen und für grün weiß läuft",
    "fr": "une photo du château forêt été garçon œuvre près où élève français île cœur déjà l'eau d'un être",
    "es": "una foto del niño año mañana corazón pequeño árbol ¿dónde? ¡mira! está aquí también",
    "ru": "фотография кошки и собаки дом река гора улица мост большой красный дети играют около воды",
    "el": "μια φωτογραφία του σκύλου ΣΠΙΤΙ δρόμος ποτάμι μεγάλος ΟΔΥΣΣΕΥΣ",
    "tr": "bir kedi İstanbul ışık güzel şehir çiçek büyük IĞDIR",
    "zh": "一张猫的照片 狗在街上 红色的房子 山 河流 孩子们在玩",
    "ja": "猫の写真 犬が走る 赤い家 カタカナ ｶﾀｶﾅ ひらがな 東京",
    "ko": "고양이 사진 개가 달린다 빨간 집 서울 한국어",
    "ar": "صورة قطة كلب بيت نهر جبل شارع ٣ كبيرة",
    "he": "תמונה של חתול כלב בית נהר",
    "hi": "एक बिल्ली की तस्वीर कुत्ता घर नदी पहाड़ क्षेत्र",
    "th": "รูปแมว สุนัข บ้าน แม่น้ำ ภูเขา",
    "vi": "một bức ảnh con mèo chó nhà sông núi đường phố",
}
ODD = [
    "", " ", "   ", "\t", "\n\n", "\r\n", "\u00a0", "\u3000", "\u2003a\u2009b\u200ac", "\u200b", "a\u200bb", "\ufeffa", "\u00ad",
    "\u2581", "\u2581a", "a\u2581b", "a \u2581 b", "\u2581\u2581\u2581", "\u0000", "a\u0000b", "\u0007bell", "\u001f", "\u0085", "\u2028", "\u2029x",
    "\U0001F600", "\U0001F468\u200d\U0001F469\u200d\U0001F467", "\U0001F1E9\U0001F1EA", "\U0001F44D\U0001F3FD", "\u2764\ufe0f", "1\ufe0f\u20e3",
    "e\u0301", "\u00e9", "a\u0323\u0307", "\u1e9b\u0323", "\ufb01x", "\u2126", "\u212b", "\u00bd", "\u2460", "\u3392", "\uff21\uff22\uff43", "\ufdfa", "\u0132",
    "\u0130", "i\u0307", "\u03a3", "\u1f88", "\u01c5", "\u00df", "\u1e9e", "\ufffd", "\ufffe", "\U0010ffff", "\ue000", "\U000e0041", "\u0e33", "\u0ead\u0eb3",
    "\u1100\u1161\u11a8", "\uac01", "\u0344", "\u0f73", "\u0958", "\u2adc", "\U0001d15e", "\uff9e", "\uff76\uff9e", "\u30ab\u3099",
    "</s>", "<unk>", "<pad>", "<eos>", "a</s>b", "a </s> b", "<s>", "<0x41>", "<0x0A>", "<mask>", "<user>", "x<user>y", "<USER>", "[CLS]", "``quotes''",
    "...", "!!!", "don't", "it's", "O'Brien", "snake_case_word", "a_b", "__", "e-mail@example.com", "http://example.com/?q=1&r=2", "#tag", "50%", "$9.99",
    "3.14159", "1,000,000", "0x1F", "C++", "#!/bin/sh", "\\n", "{}", "{class}", "a photo of a {}.", "&amp;", "&lt;b&gt;", "<b>bold</b>", "\u00c3\u00a9",
    "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", "ababababababababab", "ha" * 200, " ".join(["word"] * 300), "x" * 3000, "\u4e2d" * 700, "\U0001F600" * 300,
    "a" + " " * 500 + "b", " leading", "trailing ", "  both  ", "two  spaces", "a\tb\nc\rd\x0be\x0cf", "\x1b[31mred\x1b[0m", "CamelCaseWord", "ALL CAPS",
]


def scramble():
    ranges = [(0x20, 0x7e), (0xa0, 0x24f), (0x300, 0x36f), (0x370, 0x3ff), (0x400, 0x4ff), (0x590, 0x6ff), (0x900, 0xdff), (0xe00, 0xfff),
              (0x1100, 0x11ff), (0x1e00, 0x1fff), (0x2000, 0x2bff), (0x3000, 0x33ff), (0x4e00, 0x4eff), (0xac00, 0xacff), (0xf900, 0xfaff),
              (0xfb00, 0xffef), (0x1d100, 0x1d7ff), (0x1f000, 0x1faff), (0, 0x1f), (0xd7f0, 0xd7ff), (0xe000, 0xe010), (0x10fff0, 0x10ffff)]
    lo, hi = rng.choice(ranges[:18]) if rng.random() < .9 else rng.choice(ranges)
    text = "".join(chr(rng.randint(lo, hi)) for _ in range(rng.randint(1, 12)))
    return text.replace("\u32ff", "")  # decomposes since Unicode 12.1, which is newer than the tables of tokenizers' NFKD


def sentence(n):
    words = WORDS[rng.choice(list(WORDS))].split()
    out = []
    for _ in range(n):
        w = rng.choice(words)
        w = rng.choice([w, w, w, w, w.upper(), w.capitalize(), w + rng.choice(".,!?;:"), w + str(rng.randint(0, 2100))])
        out.append(w)
    return " ".join(out)


def lines():
    texts = list(ODD)
    texts += [sentence(rng.randint(1, 20)) for _ in range(700)]
    texts += [scramble() for _ in range(420)]
    for _ in range(380):
        parts = [rng.choice([lambda: sentence(rng.randint(1, 4)), scramble, lambda: rng.choice(ODD[:110])])() for _ in range(rng.randint(2, 4))]
        texts.append(rng.choice(["", " ", "  ", "\n", "\u3000", "\u2581"]).join(parts))
    texts += [sentence(rng.randint(100, 150)) for _ in range(4)]
    return texts


BROKEN = [b"\xff", b"a\xffb", b"\xc3(", b"\xe4\xb8", b"\xf0\x9f\x98", b"\xed\xa0\x80", b"\xc0\x80", b"\xf8\x88\x80\x80\x80", b"caf\xe9 au lait",
          b"\x80\x80 \xbf", b"\xef\xbf\xbd", b"\xf4\x90\x80\x80", b"a \xe2\x96 b", b"\xe2\x96\x81\xe2"]
BROKEN += [bytes(rng.randrange(256) for _ in range(rng.randint(1, 30))) for _ in range(60)]
TEXTS = lines()
CORPUS = [sentence(rng.randint(3, 20)) for _ in range(6000)]


def write(path, data):
    path = os.path.join(OUT, path)
    os.makedirs(os.path.dirname(path), exist_ok=True)
    if path.endswith(".gz"):
        data = gzip.compress(data, mtime=0)
    with open(path, "wb") as f:
        f.write(data)


def dump(path, records):
    write(path, "".join(json.dumps(r, ensure_ascii=True, separators=(",", ":")) + "\n" for r in records).encode())


def train_sentencepiece(name, **options):
    model = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(CORPUS), model_writer=model, model_type="unigram", num_threads=1, minloglevel=2, hard_vocab_limit=False, **options)
    model = model.getvalue()
    write(f"sentencepiece/{name}/spiece.model.gz", model)
    sp = sentencepiece.SentencePieceProcessor(model_proto=model)
    records = [{"text": t, "ids": sp.encode(t)} for t in TEXTS]
    records += [{"hex": b.hex(), "ids": sp.encode(b)} for b in BROKEN]
    dump(f"sentencepiece/{name}/lines.jsonl.gz", records)
    return model


T5 = dict(vocab_size=1500, character_coverage=.99, pad_id=0, eos_id=1, unk_id=2, bos_id=-1)


def sentencepieces():
    made = {"t5": train_sentencepiece("t5", normalization_rule_name="nmt_nfkc", **T5)}
    train_sentencepiece("bytes", normalization_rule_name="nfkc_cf", vocab_size=1300, character_coverage=.98, byte_fallback=True, split_digits=True,
                        pad_id=0, eos_id=1, unk_id=2, bos_id=-1, user_defined_symbols=["<user>", "...", "cat", "\u2581two\u2581", "\ufb01"])
    train_sentencepiece("verbatim", normalization_rule_name="identity", vocab_size=900, character_coverage=.98, add_dummy_prefix=False,
                        remove_extra_whitespaces=False)
    train_sentencepiece("suffix", normalization_rule_name="nfkc", vocab_size=900, character_coverage=.98, treat_whitespace_as_suffix=True,
                        split_by_whitespace=False, max_sentencepiece_length=24)
    return made


def save_tokenizer(name, tok):
    write(f"hf/{name}/tokenizer.json.gz", tok.to_str().encode())
    dump(f"hf/{name}/lines.jsonl.gz", [{"text": t, "ids": tok.encode(t).ids} for t in TEXTS])


def gemma(lower):
    """SigLIP 2's: BPE with bytes for what is unknown, over the whole text at once."""
    tok = Tokenizer(models.BPE(unk_token="<unk>", fuse_unk=True, byte_fallback=True))
    replace = normalizers.Replace(" ", "\u2581")
    tok.normalizer = normalizers.Sequence([normalizers.Lowercase(), replace]) if lower else replace
    tok.pre_tokenizer = pre_tokenizers.Sequence([pre_tokenizers.Split("\u2581", "merged_with_next")])
    special = ["<pad>", "<eos>", "<bos>", "<unk>", "<mask>"]
    trainer = trainers.BpeTrainer(vocab_size=1800, special_tokens=special + [f"<0x{i:02X}>" for i in range(256)], limit_alphabet=120, show_progress=False)
    tok.train_from_iterator([c.replace("\n", " ") for c in CORPUS], trainer)
    spec = json.loads(tok.to_str())
    spec["added_tokens"] = [t for t in spec["added_tokens"] if t["content"] in special]
    spec["model"].update(byte_fallback=True, fuse_unk=True)
    tok = Tokenizer.from_str(json.dumps(spec))
    tok.pre_tokenizer = pre_tokenizers.Split(" ", "merged_with_previous")
    tok.add_tokens([AddedToken("\n\n", normalized=False), AddedToken("\n\n\n", normalized=False), AddedToken("<b>", normalized=False),
                    AddedToken("\u2581\u2581\u2581", normalized=False)])
    tok.post_processor = processors.TemplateProcessing(single="$A <eos>", pair="$A <eos> $B <eos>", special_tokens=[("<eos>", 1)])
    return tok


def unigram(model, **options):
    sp = sentencepiece.SentencePieceProcessor(model_proto=model)
    vocab = [(sp.id_to_piece(i), sp.get_score(i)) for i in range(sp.get_piece_size())]
    return Tokenizer(models.Unigram(vocab, unk_id=sp.unk_id(), **options))


def charsmap(model):
    from sentencepiece import sentencepiece_model_pb2
    return sentencepiece_model_pb2.ModelProto.FromString(model).normalizer_spec.precompiled_charsmap


def t5(model, scheme):
    tok = unigram(model)
    tok.normalizer = normalizers.Sequence([normalizers.Precompiled(charsmap(model)), normalizers.Strip(left=False, right=True),
                                           normalizers.Replace(Regex(" {2,}"), "\u2581")])
    tok.pre_tokenizer = pre_tokenizers.Metaspace(replacement="\u2581", prepend_scheme=scheme)
    tok.add_special_tokens([AddedToken("</s>", lstrip=True, rstrip=True, normalized=False), AddedToken("<unk>"), AddedToken("<pad>", rstrip=True)])
    tok.add_tokens([AddedToken("<user>", normalized=True), AddedToken("PHOTO", normalized=True, lstrip=True), AddedToken("cat", single_word=True)])
    tok.post_processor = processors.TemplateProcessing(single=["$A", "</s>"], pair=["$A", "</s>", "$B", "</s>"], special_tokens=[("</s>", 1)])
    return tok


def assorted(model):
    """What else the formats have: each component at least once."""
    a = unigram(model)
    a.normalizer = normalizers.Sequence([normalizers.NFKC(), normalizers.Lowercase(), normalizers.Strip(), normalizers.Replace("``", '"'),
                                         normalizers.Prepend("\u2581")])
    a.pre_tokenizer = pre_tokenizers.Sequence([pre_tokenizers.WhitespaceSplit(), pre_tokenizers.Metaspace(prepend_scheme="always", split=True)])
    b = gemma(False)
    spec = json.loads(b.to_str())
    spec["model"].update(byte_fallback=False, fuse_unk=False, ignore_merges=True)
    b = Tokenizer.from_str(json.dumps(spec))
    b.normalizer = normalizers.Sequence([normalizers.NFD(), normalizers.Replace(Regex(r"\s+"), " "), normalizers.NFC(), normalizers.NFKD()])
    b.pre_tokenizer = pre_tokenizers.Sequence([pre_tokenizers.Metaspace(prepend_scheme="first", split=False), pre_tokenizers.Split("\u2581", "removed"),
                                               pre_tokenizers.Split(Regex("[0-9]"), "isolated"), pre_tokenizers.Split("a", "contiguous")])
    b.post_processor = processors.TemplateProcessing(single="<bos> $A <eos>", special_tokens=[("<eos>", 1), ("<bos>", 2)])
    c = Tokenizer.from_str(json.dumps(spec))
    c.normalizer = normalizers.Sequence([normalizers.Replace(Regex(r"\A +| +\z"), ""), normalizers.Replace(Regex(" {2,}"), " "), normalizers.Replace(" ", "\u2581")])
    c.pre_tokenizer = pre_tokenizers.Sequence([pre_tokenizers.Metaspace(prepend_scheme="first", split=True), pre_tokenizers.Split("e", "merged_with_next", invert=True)])
    return {"nfkc": a, "nfd": b, "strip": c}


def tokenizers_json(made):
    save_tokenizer("gemma", gemma(False))
    save_tokenizer("gemma_lower", gemma(True))
    save_tokenizer("t5_first", t5(made["t5"], "first"))
    save_tokenizer("t5_always", t5(made["t5"], "always"))
    for name, tok in assorted(made["t5"]).items():
        save_tokenizer(name, tok)


def folder(name, files, config, clean="", model_type="siglip"):
    """A model's folder as transformers' AutoTokenizer opens it, below open_clip's HFTokenizer where clean is set; the odd texts and a third of the others."""
    from open_clip.tokenizer import HFTokenizer
    from transformers import AutoTokenizer
    length = 24
    with tempfile.TemporaryDirectory() as d:
        for target, source in files.items():
            with gzip.open(os.path.join(OUT, source)) as f, open(os.path.join(d, target), "wb") as g:
                g.write(f.read())
        configs = {"tokenizer_config.json": config, "config.json": {"model_type": model_type}}
        for target, value in configs.items():
            with open(os.path.join(d, target), "w") as f:
                json.dump(value, f)
        if clean:
            tok = HFTokenizer(d, context_length=length, clean=clean)
            encode = lambda t: tok([t])[0].tolist()
        else:
            tok = AutoTokenizer.from_pretrained(d)
            encode = lambda t: tok(t, padding="max_length", max_length=length, truncation=True).input_ids
        for target, value in configs.items():
            write(f"folders/{name}/{target}", json.dumps(value, indent=1).encode())
        write(f"folders/{name}/fixture.json", json.dumps({"files": files, "clean": clean, "length": length}, indent=1).encode())
        dump(f"folders/{name}/lines.jsonl.gz", [{"text": t, "ids": encode(t)} for t in ODD + TEXTS[len(ODD)::3]])


def folders():
    special = {"lstrip": True, "rstrip": True, "normalized": False, "single_word": False, "special": True}
    siglip = {"tokenizer_class": "SiglipTokenizer", "do_lower_case": True, "model_max_length": 64, "eos_token": "</s>", "pad_token": "</s>",
              "unk_token": "<unk>", "added_tokens_decoder": {"1": {"content": "</s>", **special}, "2": {"content": "<unk>", **special}}}
    spiece = {"spiece.model": "sentencepiece/t5/spiece.model.gz"}
    folder("siglip", spiece, siglip)
    folder("siglip_bytes", {"spiece.model": "sentencepiece/bytes/spiece.model.gz"}, dict(siglip, legacy=False))
    folder("siglip_verbatim", {"spiece.model": "sentencepiece/verbatim/spiece.model.gz"},
           dict(siglip, pad_token="<unk>", added_tokens_decoder={"2": {"content": "</s>", **special}, "0": {"content": "<unk>", **special}}))
    folder("siglip_open_clip", {"tokenizer.json": "hf/t5_first/tokenizer.json.gz"},
           {"tokenizer_class": "PreTrainedTokenizerFast", "eos_token": "</s>", "pad_token": "</s>", "unk_token": "<unk>"}, clean="canonicalize", model_type="")
    gemma_files = {"tokenizer.json": "hf/gemma/tokenizer.json.gz"}
    gemma_config = {"bos_token": "<bos>", "eos_token": "<eos>", "pad_token": "<pad>", "unk_token": "<unk>", "padding_side": "right", "add_bos_token": False,
                    "add_eos_token": True}
    folder("siglip2", gemma_files, dict(gemma_config, tokenizer_class="Siglip2Tokenizer"), model_type="siglip2")
    folder("gemma", gemma_files, dict(gemma_config, tokenizer_class="GemmaTokenizer"))
    folder("siglip2_open_clip", gemma_files, dict(gemma_config, tokenizer_class="GemmaTokenizer"), clean="canonicalize", model_type="")


if __name__ == "__main__":
    tokenizers_json(sentencepieces())
    folders()
    print(len(TEXTS), "texts")
