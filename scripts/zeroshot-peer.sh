#!/bin/sh
# Measures zero-shot classification of pictures against CLIP_benchmark, on this machine, with one model, in float32:
#
#     scripts/zeroshot-peer.sh MODEL WDS CLIP_BENCHMARK [N] [SMALL]
#
# MODEL is a folder in open_clip's hub layout, WDS a folder in CLIP_benchmark's layout whose split test has one shard of N (10000) pictures
# or more, and CLIP_BENCHMARK the program of a Python environment with clip-benchmark, open_clip and numpy below 2.4. Both sides read the
# same shards: one of N pictures, and one of SMALL (256). The ratio of whole commands is printed, and that of the additional pictures alone,
# which has no start of Python and no loading of weights in it. Run it on an idle machine; 10000 pictures of ViT-B-32 take some ten minutes
# on two cores.
set -eu
model=$1 wds=$2 peer=$3 n=${4:-10000} small=${5:-256}
root=$(cd "$(dirname "$0")/.." && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# cut NAME N makes a set of the first N pictures.
cut() {
	mkdir -p "$work/$1/test"
	cp "$wds/classnames.txt" "$wds/zeroshot_classification_templates.txt" "$work/$1/"
	python3 - "$wds/test/0.tar" "$work/$1/test/0.tar" "$2" <<'EOF'
import sys
import tarfile
count, last = 0, None
with tarfile.open(sys.argv[1]) as old, tarfile.open(sys.argv[2], "w") as new:
    for member in old:
        key = member.name.split(".")[0]
        if key != last:
            count, last = count + 1, key
        if count > int(sys.argv[3]):
            break
        new.addfile(member, old.extractfile(member))
if count < int(sys.argv[3]):
    sys.exit("%s has %d pictures, not %s" % (sys.argv[1], count, sys.argv[3]))
EOF
	printf 1 >"$work/$1/test/nshards.txt"
}

now() { date +%s.%N; }

# ours NAME and theirs NAME print the seconds of a command, and keep its result.
ours() {
	begun=$(now)
	"$root/bin/clipgo" eval benchmark --models "$model" --data "$work/$1" --tasks zeroshot_classification --precision fp32 \
		--out "$work/out-$1" --quiet >"$work/ours-$1.log" 2>&1 || { cat "$work/ours-$1.log" >&2 && exit 1; }
	echo "$(now) - $begun" | bc
}

theirs() {
	begun=$(now)
	"$peer" eval --dataset "wds/$1" --dataset_root "$work/$1" --model "local-dir:$model" --pretrained x --task zeroshot_classification \
		--no_amp --num_workers 1 --batch_size 64 --output "$work/theirs-$1.json" >"$work/theirs-$1.log" 2>&1 ||
		{ tail -5 "$work/theirs-$1.log" >&2 && exit 1; }
	echo "$(now) - $begun" | bc
}

cut small "$small"
cut whole "$n"
a=$(ours small) b=$(theirs small) c=$(ours whole) d=$(theirs whole)
echo "clipgo         $small pictures $a s, $n pictures $c s"
echo "clip_benchmark $small pictures $b s, $n pictures $d s"
echo "ratio of whole commands $(echo "scale=2; $d / $c" | bc), of $((n - small)) more pictures $(echo "scale=2; ($d - $b) / ($c - $a)" | bc)"
cat "$work/theirs-whole.json" && echo
cat "$work/out-whole/"*.json && echo
