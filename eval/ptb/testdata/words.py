"""Makes words.tsv anew: python words.py < words.tsv, with pycocoevalcap 1.2 and Java."""
import sys

from pycocoevalcap.tokenizer.ptbtokenizer import PTBTokenizer

captions = [line.rstrip("\n").split("\t")[0] for line in sys.stdin]
words = PTBTokenizer().tokenize({i: [{"caption": c}] for i, c in enumerate(captions)})
for i, caption in enumerate(captions):
    print(caption, " ".join(w for w in words[i][0].split(" ") if w), sep="\t")
