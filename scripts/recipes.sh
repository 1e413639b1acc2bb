#!/bin/sh
# Trains the same small model three times on built-in data, as docs/recipes.md describes: plainly; with patch dropout and an
# unmasked end; at half the picture size and then at full size. The shorter a step, the more steps, so that each takes about as
# long. It prints when each reached the accuracies CLIPGO_RECIPES_REACH (0.25,0.5,0.75).
# CLIPGO_RECIPES_STEPS=N is the length of the plain one (720); CLIPGO_RECIPES_DIR is where everything goes (runs/recipes).
set -eu
root=$(cd "$(dirname "$0")/.." && pwd)
clipgo=${CLIPGO:-$root/bin/clipgo}
dir=${CLIPGO_RECIPES_DIR:-$root/runs/recipes}
steps=${CLIPGO_RECIPES_STEPS:-720}
flip=$((steps * 8 / 5))
clipa=$((steps * 11 / 5))
every=$((steps / 12))
mkdir -p "$dir"

# run NAME FLAGS trains into a directory of its own. A run that is there already is left as it is.
run() {
	name=$1
	shift
	"$clipgo" train --quiet --resume latest --out "$dir/$name" "$@"
}
common="--train-data builtin:shapes --val-data builtin:shapes?split=val&n=500 --val-frequency $every --zeroshot-frequency $every"
small="--model ViT-Nano-16-64 --set model_cfg.vision_cfg.patch_size=8 --opt adamw"

# shellcheck disable=SC2086
{
	[ -e "$dir/plain" ] || run plain $common $small --steps "$steps"
	[ -e "$dir/flip" ] || {
		run flip $common $small --steps "$flip" --force-patch-dropout 0.5 --stop-after $((flip * 7 / 8))
		run flip --force-patch-dropout 0
	}
	[ -e "$dir/clipa-small" ] || run clipa-small $common $small --steps "$clipa" --force-image-size 32
	[ -e "$dir/clipa" ] || run clipa $common --model "$dir/clipa-small" --steps $((clipa / 8)) --force-image-size 64 --lr 4e-4
}
cd "$root"
for over in samples minutes; do
	CGO_ENABLED=0 GOFLAGS='' go run ./scripts/curves -y zeroshot_top1 -x $over -reach "${CLIPGO_RECIPES_REACH:-0.25,0.5,0.75}" \
		-svg "$dir/$over.svg" -title "zero-shot accuracy over $over" \
		plain="$dir/plain" flip="$dir/flip" clipa="$dir/clipa-small+$dir/clipa"
done
