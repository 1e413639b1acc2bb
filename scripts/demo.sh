#!/bin/sh
# Trains on generated shapes until combinations that were never seen are recognized, searches them by words, and then shows how far a small
# model gets with real pictures, of which there are few: emoji.
# CLIPGO_DEMO_STEPS=N makes both trainings N steps long; CLIPGO_DEMO_DIR is where everything goes (default runs/demo).
set -eu
root=$(cd "$(dirname "$0")/.." && pwd)
clipgo=$root/bin/clipgo
dir=${CLIPGO_DEMO_DIR:-$root/runs/demo}
shapes_steps=${CLIPGO_DEMO_STEPS:-1900}
emoji_steps=${CLIPGO_DEMO_STEPS:-600}
begun=$(date +%s)

step() { printf '\n\033[1m%s\033[0m\n' "$*" | if [ -t 1 ] && [ -z "${NO_COLOR:-}" ]; then cat; else sed 's/\x1b\[[0-9]*m//g'; fi; }

pictures() { (cd "$root" && CGO_ENABLED=0 GOFLAGS= go run ./scripts/pictures -set "$1" -out "$2"); }

look() {
	echo "clipgo search --index $1 \"$2\""
	"$clipgo" search --index "$1" --top 3 "$2"
}

rm -rf "$dir"
mkdir -p "$dir"

step "1. Train a small CLIP on pictures of shapes. A twelfth of the combinations of count, size, colour and shape is never shown"
"$clipgo" train --train-data builtin:shapes --val-data 'builtin:shapes?split=novel' --out "$dir/shapes" --steps "$shapes_steps" \
	--val-frequency "$shapes_steps" --zeroshot-frequency $((shapes_steps / 3 + 1)) --batch-size 128 --opt adamw --lr 0.0015 \
	--force-image-size 32 --set model_cfg.vision_cfg.patch_size=8

step "2. Classify pictures of the combinations that were never shown, among the names of all combinations"
"$clipgo" zeroshot --model "$dir/shapes" 'builtin:shapes?split=novel'

step "3. Embed a folder of new pictures and search it by text"
pictures 'builtin:shapes?split=val&n=1000' "$dir/pictures"
pictures 'builtin:shapes?split=novel&n=300' "$dir/pictures"
"$clipgo" embed --model "$dir/shapes" "$dir/pictures" --index "$dir/index"
look "$dir/index" "two small red circles"
look "$dir/index" "three large blue squares" # never shown in training

step "4. A small model on 1,266 emoji and their names: real pictures, but far too few. Every tenth is held out"
"$clipgo" train --train-data 'builtin:emoji?split=train' --val-data 'builtin:emoji?split=val' --out "$dir/emoji" --steps "$emoji_steps" --quiet
"$clipgo" zeroshot --model "$dir/emoji" 'builtin:emoji?split=val&names=split'
pictures builtin:emoji "$dir/emoji-pictures"
"$clipgo" embed --model "$dir/emoji" "$dir/emoji-pictures" --index "$dir/emoji-index"
look "$dir/emoji-index" "clock face"
echo "It finds what it has seen, and is right about few of the held-out pictures. For photos, use a published model:"
echo "clipgo embed --model hf-hub:laion/CLIP-ViT-B-32-laion2B-s34B-b79K ~/Pictures --index pictures.index"

step "Done in $(($(date +%s) - begun)) s"
echo "open the reports:  $dir/shapes/report.html"
echo "                   $dir/emoji/report.html"
echo "try your own:      bin/clipgo search --index $dir/index \"one large purple cross\""
