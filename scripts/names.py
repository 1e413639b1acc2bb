#!/usr/bin/env python3
"""Makes datasets/names/sets.json.gz: the class names, prompt templates and WordNet ids of public data sets.

Run with a Python that has the package clip_benchmark 1.6.2:

    python3 scripts/names.py PROMPTS.MD datasets/names/sets.json.gz

PROMPTS.MD is data/prompts.md of OpenAI's CLIP (commit 04f4dc2ca1ed0acc9893bd1a3b526a7e02c4bb10), for the names of the sets that
clip_benchmark takes from the data itself. The program reads files only; it doesn't import what it reads.
"""
import ast
import gzip
import hashlib
import importlib.util
import json
import pathlib
import re
import sys

# Sets of prompts.md that clip_benchmark has templates for, but no names.
FROM_PROMPTS = {
    "cifar10": "CIFAR10", "cifar100": "CIFAR100", "food101": "Food101", "sun397": "SUN397", "cars": "StanfordCars",
    "fgvc_aircraft": "FGVCAircraft", "dtd": "DescribableTextures", "stl10": "STL10", "resisc45": "RESISC45", "renderedsst2": "SST2",
}


def prompts(path):
    """The lists of classes of prompts.md, by heading."""
    text = pathlib.Path(path).read_text()
    found = {}
    for part in re.split(r"^## ", text, flags=re.M)[1:]:
        classes = re.search(r"^classes = (\[.*?^\])", part, flags=re.M | re.S)
        found[part.split("\n", 1)[0].strip()] = ast.literal_eval(classes.group(1))
    return found


def constants(path, names):
    """Assigned lists of strings of a Python file."""
    out = {}
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Assign) and getattr(node.targets[0], "id", "") in names:
            value = node.value.args[0] if isinstance(node.value, ast.Call) else node.value
            out[node.targets[0].id] = list(ast.literal_eval(value))
    return out


def main(prompts_md, out):
    spec = importlib.util.find_spec("clip_benchmark")
    data = pathlib.Path(spec.submodule_search_locations[0]) / "datasets"
    classes = json.loads((data / "en_classnames.json").read_text())
    templates = json.loads((data / "en_zeroshot_classification_templates.json").read_text())
    published = prompts(prompts_md)
    for name, heading in FROM_PROMPTS.items():
        classes[name] = published[heading]
    classes["voc2007"] = constants(data / "voc2007.py", {"object_categories"})["object_categories"]
    classes["voc2007_multilabel"] = classes["voc2007"]
    templates["caltech101_vtab"] = templates["caltech101"]
    lists = {"a": "imagenet_a_wnids", "r": "imagenet_r_wnids", "o": "imagenet_o_wnids"}
    ids = constants(data / "builder.py", {"all_imagenet_wordnet_ids", *lists.values()})
    every = ids["all_imagenet_wordnet_ids"]
    assert len(every) == len(set(every)) == len(classes["imagenet1k"]) == 1000 and every == sorted(every)
    sets = [{"name": n, "classes": classes[n], "templates": templates.get(n, [])} for n in sorted(classes)]
    for one in sets:
        if one["name"] == "imagenet1k":
            one["ids"] = every
    for kind, constant in lists.items():
        some = set(ids[constant])
        assert some <= set(every)
        sets.append({"name": "imagenet-" + kind, "ids": [i for i in every if i in some], "templates": templates["imagenet1k"]})
    text = json.dumps(sets, ensure_ascii=False, separators=(",", ":")).encode()
    with open(out, "wb") as f, gzip.GzipFile(filename="", fileobj=f, mode="wb", compresslevel=9, mtime=0) as packed:
        packed.write(text)
    print(len(sets), "sets, SHA-256 of the text:", hashlib.sha256(text).hexdigest())


if __name__ == "__main__":
    main(*sys.argv[1:])
