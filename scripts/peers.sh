#!/bin/sh
# Makes what bench-peers needs in $1/peers: a Python environment with the other side (kept in the user's cache, some 6 GB), and libtch.so
# on PyTorch's libtorch and on the system's. Prints the interpreter. PEERS_PYTHON names an interpreter that has open_clip already.
set -eu
build=$1/peers
root=$(cd "$(dirname "$0")/.." && pwd)
list=$root/bench/openclip/requirements.txt

python=${PEERS_PYTHON:-}
if [ -z "$python" ]; then
	key=$( (cat "$list" && python3 --version) | sha256sum | cut -c1-16)
	venv=${XDG_CACHE_HOME:-$HOME/.cache}/clipgo/peers-$key
	python=$venv/bin/python
	if [ ! -f "$venv/complete" ]; then
		echo "peers: installing open_clip and PyTorch into $venv (some minutes, once)" >&2
		rm -rf "$venv"
		python3 -m venv "$venv" || { echo "peers: python3 has no venv; on Debian: apt-get install python3-venv" >&2 && exit 1; }
		"$python" -m pip install --quiet --disable-pip-version-check -r "$list" >&2
		touch "$venv/complete"
	fi
fi

# library NAME LIBTORCH builds libtch.so on one libtorch.
library() {
	mkdir -p "$build/$1"
	LIBTORCH=$2 sh "$root/scripts/libtorch.sh" "$build/$1/libtorch.env" && sh "$root/scripts/libtch.sh" "$build/$1/libtorch.env" "$build/$1"
}

library pytorch "$("$python" -c 'import importlib.util as u; print(u.find_spec("torch").submodule_search_locations[0])')"
library system system || echo "peers: no libtorch of the system's (libtorch-dev): PyTorch's alone is measured" >&2
echo "$python"
