#!/bin/sh
# Builds libtchdist.so, which joins several processes by the c10d of one libtorch. One process doesn't need it: where it can't be built, a
# line says so, and the build goes on. Usage: libtchdist.sh VARIABLES BUILD_DIR. As libtch.sh it keeps the result in the user's cache.
set -eu
. "$1"
build=$2
root=$(cd "$(dirname "$0")/.." && pwd)
source=$root/internal/torch/processes
cxx=${REAL_CXX:-c++}
flags="-fPIC -w -g0 -O2 -DUSE_C10D_GLOO $TORCH_CXXFLAGS"
home=${XDG_CACHE_HOME:-$HOME/.cache}/clipgo
key=$( (cat "$source"/*.h "$source"/*.cpp "$source"/gloo/*.h "$0"
	echo "$TORCH_VERSION $TORCH_WHERE $flags $TORCH_LDFLAGS $("$cxx" --version)") | sha256sum | cut -c1-16)
cache=$home/dist-$key
library=libtchdist.so

if [ ! -f "$cache/$library" ]; then
	mkdir -p "$cache"
	tmp=$(mktemp -d "$cache/build.XXXXXX")
	trap 'rm -rf "$tmp"' EXIT
	if "$cxx" $flags -I"$source" -ffile-prefix-map="$root=clipgo" -shared "$source/processes.cpp" -o "$tmp/$library" $TORCH_LDFLAGS 2>"$tmp/errors"; then
		mv "$tmp/$library" "$cache/"
	else
		mv "$tmp/errors" "$cache/"
		rm -f "$build/$library"
		echo "libtchdist: not built, so a training is one process: libtorch $TORCH_VERSION in $TORCH_WHERE has no c10d ($cache/errors)" >&2
		exit 0
	fi
fi
# Renamed into place: a running program may have the old one mapped.
cmp -s "$cache/$library" "$build/$library" || { cp "$cache/$library" "$build/$library.new" && mv -f "$build/$library.new" "$build/$library"; }
