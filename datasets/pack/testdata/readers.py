# Reads what pack writes with the field's own readers, and prints what they saw as JSON.
import argparse, hashlib, json, os, sys

folder = sys.argv[1]
pixels = lambda picture: hashlib.sha256(picture.convert("RGB").tobytes()).hexdigest()


def webdataset_reader():
    import webdataset as wds
    shards = sorted(os.path.join(folder, "tar", f) for f in os.listdir(os.path.join(folder, "tar")) if f.endswith(".tar"))
    out = []
    for s in wds.WebDataset(shards, shardshuffle=False).decode("pilrgb"):
        name = next(k for k in s if k in ("jpg", "png"))
        out.append({"key": s["__key__"], "text": s["txt"], "all": s["json"].get("captions", [s["txt"]]), "pixels": pixels(s[name])})
    return out


def open_clip_reader():
    from open_clip_train import data
    shards = sorted(f for f in os.listdir(os.path.join(folder, "tar")) if f.endswith(".tar"))
    args = argparse.Namespace(
        train_data=os.path.join(folder, "tar", "{00000..%05d}.tar" % (len(shards) - 1)), val_data=None, train_num_samples=None, seed=0,
        dataset_resampled=False, train_data_upsampling_factors=None, batch_size=1, workers=1, world_size=1)
    made = data.get_wds_dataset(args, pixels, True, tokenizer=lambda text: [text])
    out = [{"text": text[0], "pixels": image[0]} for image, text in made.dataloader]
    return {"size": data.get_dataset_size(args.train_data)[0], "samples": sorted(out, key=lambda s: s["text"])}


def clip_benchmark_reader(name):
    from clip_benchmark.datasets.builder import build_wds_dataset
    made = build_wds_dataset("x", pixels, split="test", data_dir=os.path.join(folder, name))
    return {"classes": made.classes, "templates": made.templates, "samples": [list(s) for s in made]}


def datasets_reader():
    import datasets
    made = datasets.load_dataset("parquet", data_files=os.path.join(folder, "parquet", "*.parquet"), split="train",
                                 cache_dir=os.path.join(folder, "cache"))
    classes = made.features["label"].names if "label" in made.features else None
    return {"classes": classes, "samples": [
        {"key": s["key"], "text": s["caption"], "all": s["captions"], "label": s.get("label"), "pixels": pixels(s["image"])} for s in made]}


os.environ["HF_HUB_OFFLINE"] = "1"
out = {"webdataset": webdataset_reader, "open_clip": open_clip_reader, "classes": lambda: clip_benchmark_reader("classes"),
       "retrieval": lambda: clip_benchmark_reader("retrieval"), "datasets": datasets_reader}[sys.argv[2]]()
print(json.dumps(out))
