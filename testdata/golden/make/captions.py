"""Scores of captions by pycocoevalcap 1.2 (its scorers alone: captions here are words in lower case between spaces).

Run: PYTHONPATH=<where pycocoevalcap is> python3 captions.py > ../captions/cases.jsonl
"""
import json
import random

from pycocoevalcap.bleu.bleu_scorer import BleuScorer
from pycocoevalcap.cider.cider_scorer import CiderScorer

WORDS = "a the one two three red blue green small large dog cat star circle runs sits on under near and with picture of".split()


def sentence(rng, least, most):
    return " ".join(rng.choice(WORDS) for _ in range(rng.randint(least, most)))


def near(rng, text):
    words = text.split()
    for _ in range(rng.randint(0, 3)):
        words[rng.randrange(len(words))] = rng.choice(WORDS)
    return " ".join(words[: rng.randint(1, len(words))])


def score(samples):
    bleu, cider = BleuScorer(n=4), CiderScorer(n=4, sigma=6.0)
    for s in samples:
        bleu += (s["caption"], s["references"])
        cider += (s["caption"], s["references"])
    return {"samples": samples, "bleu_4": bleu.compute_score(option="closest", verbose=0)[0][3], "cider": float(cider.compute_score()[0])}


def main():
    rng = random.Random(1)
    for n in (1, 2, 5, 40):
        for empty in (False, True):
            samples = []
            for i in range(n):
                references = [sentence(rng, 3, 12) for _ in range(rng.randint(1, 5))]
                caption = near(rng, rng.choice(references)) if rng.random() < 0.8 else sentence(rng, 1, 9)
                samples.append({"caption": "" if empty and i % 3 == 1 else caption, "references": references})
            print(json.dumps(score(samples)))
    same = ["two large blue stars", "one small red circle", "three green dogs near the cat"]
    print(json.dumps(score([{"caption": s, "references": [s, "a picture of " + s]} for s in same])))


main()
