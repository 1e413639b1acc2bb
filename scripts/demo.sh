#!/bin/sh
# Trains on emoji, classifies pictures that were never trained on, embeds a folder, and searches it by words.
# CLIPGO_DEMO_STEPS=N makes the training shorter; CLIPGO_DEMO_DIR is where everything goes (default runs/demo).
set -eu
root=$(cd "$(dirname "$0")/.." && pwd)
clipgo=$root/bin/clipgo
dir=${CLIPGO_DEMO_DIR:-$root/runs/demo}
begun=$(date +%s)

step() { printf '\n\033[1m%s\033[0m\n' "$*" | if [ -t 1 ] && [ -z "${NO_COLOR:-}" ]; then cat; else sed 's/\x1b\[[0-9]*m//g'; fi; }

rm -rf "$dir"
mkdir -p "$dir"

step "1. Train a small CLIP on emoji pictures and their names; every tenth picture is held out"
# shellcheck disable=SC2086
"$clipgo" train --train-data 'builtin:emoji?split=train' --val-data 'builtin:emoji?split=val' --out "$dir/run" ${CLIPGO_DEMO_STEPS:+--steps $CLIPGO_DEMO_STEPS}

step "2. Classify the held-out pictures, which the model has not seen: first among their own names, then among all names"
"$clipgo" zeroshot --model "$dir/run" 'builtin:emoji?split=val&names=split'
"$clipgo" zeroshot --model "$dir/run" 'builtin:emoji?split=val'

step "3. Embed a folder of pictures"
(cd "$root" && CGO_ENABLED=0 GOFLAGS= go run ./scripts/pictures -set builtin:emoji -out "$dir/pictures")
"$clipgo" embed --model "$dir/run" "$dir/pictures" --index "$dir/index"

step "4. Search it by text"
for query in "a red heart" "clock face" "smiling cat face"; do
	echo "clipgo search --index $dir/index \"$query\""
	"$clipgo" search --index "$dir/index" --top 3 "$query"
done

step "Done in $(($(date +%s) - begun)) s"
echo "the run's report:  $dir/run/report.html"
echo "try your own:      bin/clipgo search --index $dir/index \"a blue flower\""
