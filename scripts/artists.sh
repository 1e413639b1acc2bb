#!/bin/sh
# Makes test sets of emoji that other artists drew: artists.sh [DIR] writes DIR/openmoji, DIR/emojione, DIR/twemoji and
# DIR/fluent-emoji-flat (DIR is runs/artists). Each has a picture for every emoji of builtin:emoji that the artist drew, and all names of
# builtin:emoji as classes:
#
#     clipgo zeroshot --model runs/emoji runs/artists/openmoji/labels.csv
#
# The drawings come from npm and are not part of this repository: OpenMoji (CC BY-SA 4.0, openmoji.org), EmojiOne 2.3 (CC BY 4.0), Twemoji
# (CC BY 4.0, Twitter and contributors) and Fluent Emoji (MIT, Microsoft), in the form that Iconify gives them. Needs node and npm.
set -eu
root=$(cd "$(dirname "$0")/.." && pwd)
dir=${1:-$root/runs/artists}
mkdir -p "$dir/npm"
dir=$(cd "$dir" && pwd)
(cd "$root" && CGO_ENABLED=0 GOFLAGS='' go run ./scripts/pictures -set builtin:emoji -list) >"$dir/emoji.txt"
cd "$dir/npm"
[ -e package.json ] || echo '{"private": true}' >package.json
npm install --silent --no-audit --no-fund --save-exact \
	@iconify-json/openmoji@1.2.29 @iconify-json/emojione@1.2.3 @iconify-json/twemoji@1.2.5 @iconify-json/fluent-emoji-flat@1.2.6 \
	@resvg/resvg-js@2.6.2
for set in openmoji twemoji fluent-emoji-flat; do
	node "$root/scripts/artists.js" "$set" "$dir/emoji.txt" "$dir/$set"
done
node "$root/scripts/artists.js" emojione "$dir/emoji.txt" "$dir/emojione" twemoji # its own table of code points is empty
