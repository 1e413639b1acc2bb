#!/bin/sh
# Builds libtch.so (gotch's C++ and ours, against one libtorch) and the trampolines that Go links instead of it.
# Usage: libtch.sh VARIABLES BUILD_DIR. The result is kept in the user's cache under a hash of all that goes in, so
# another clone, or a switch back to an earlier libtorch, compiles nothing.
set -eu
. "$1"
build=$2
root=$(cd "$(dirname "$0")/.." && pwd)
native=$root/internal/torch/native
gotch=$(cd "$root" && go list -m -f '{{.Dir}}' github.com/sugarme/gotch)
[ -n "$gotch" ] || gotch=$(cd "$root" && go mod download github.com/sugarme/gotch && go list -m -f '{{.Dir}}' github.com/sugarme/gotch)
api=$gotch/libtch
cxx=${REAL_CXX:-c++}
flags="-fPIC -w -g0 $TORCH_CXXFLAGS"

hash() { sha256sum | cut -c1-16; }
compiler="$TORCH_VERSION $TORCH_WHERE $flags $("$cxx" --version)"
# No path of this machine is kept, so that the library is the same wherever it is built.
gotch_flags="-O1 -ffile-prefix-map=@=gotch" # @ is where gotch is
api_key=$( (cat "$native/compat.h" "$api/torch_api.cpp" "$api/torch_api.h" "$api/torch_api_generated.h" "$api/torch_api_generated.cpp.h"
	echo "$compiler $gotch_flags") | hash)
key=$( (cat "$native"/* "$root/internal/torch/trampoline"/* "$0"
	echo "$api_key $TORCH_LDFLAGS") | hash)
home=${XDG_CACHE_HOME:-$HOME/.cache}/clipgo
cache=$home/$key
gotch_object=$home/gotch-$api_key.o # by itself: a change of our own C++ doesn't compile gotch's again

if [ ! -f "$cache/libtch.so" ]; then
	mkdir -p "$cache"
	tmp=$(mktemp -d "$cache/build.XXXXXX")
	trap 'rm -rf "$tmp"' EXIT
	if [ ! -f "$gotch_object" ]; then
		echo "libtch: compiling gotch's C++ against libtorch $TORCH_VERSION (about a minute, once)" >&2
		"$cxx" $flags $(echo "$gotch_flags" | sed "s|@|$api|") -include "$native/compat.h" -I"$api" -c "$api/torch_api.cpp" -o "$tmp/gotch.o" && mv "$tmp/gotch.o" "$gotch_object" &
		first=$!
	fi
	# Loops over parameters must have the same bits with any vector instructions, the others need not.
	for unit in native:off optimizer:off ahead:off low_precision_copy:off recompute:off exchange:off overlap:off attention:fast vocabulary:fast product:fast rowwise:fast int8:off; do
		"$cxx" $flags -O3 -Wno-psabi -fopenmp -fno-math-errno -ffp-contract="${unit#*:}" -ffile-prefix-map="$root=clipgo" -c "$native/${unit%:*}.cpp" -o "$tmp/${unit%:*}.o"
	done
	[ -z "${first:-}" ] || wait "$first"
	"$cxx" -shared "$gotch_object" "$tmp/native.o" "$tmp/optimizer.o" "$tmp/ahead.o" "$tmp/low_precision_copy.o" "$tmp/recompute.o" "$tmp/exchange.o" "$tmp/overlap.o" "$tmp/attention.o" "$tmp/vocabulary.o" "$tmp/product.o" "$tmp/rowwise.o" "$tmp/int8.o" -o "$tmp/libtch.so" $TORCH_LDFLAGS
	(cd "$root" && CGO_ENABLED=0 go run ./internal/torch/trampoline "$api/torch_api.h" "$api/torch_api_generated.h" "$native/native.h") >"$tmp/trampolines.S"
	"${CC:-cc}" -c "$tmp/trampolines.S" -o "$tmp/trampolines.o"
	"${CC:-cc}" -O1 -fPIC -c "$root/internal/torch/trampoline/load.c" -o "$tmp/load.o"
	# Not in libtch.so: what works before libtorch is loaded, and without it.
	"$cxx" -fPIC -w -g0 -std=c++17 -O3 -Wno-psabi -fno-math-errno -ffp-contract=off -ffile-prefix-map="$root=clipgo" -c "$native/light.cpp" -o "$tmp/light.o"
	ar rcs "$tmp/libtch_trampolines.a" "$tmp/trampolines.o" "$tmp/load.o" "$tmp/light.o"
	mv "$tmp/libtch_trampolines.a" "$cache/"
	mv "$tmp/libtch.so" "$cache/" # last: its presence means that all is there
fi

mkdir -p "$build/stub"
# gotch's cgo lines name CUDA and libtorch libraries; an empty linker script satisfies each of them.
for s in cuda cudart cublas cudnn caffe2_nvrtc nvrtc-builtins nvrtc nvToolsExt c10_cuda torch_cuda torch c10 torch_cpu; do
	[ -f "$build/stub/lib$s.so" ] || echo '/* stub */' >"$build/stub/lib$s.so"
done
# Renamed into place: a running program may have the old one mapped.
for f in libtch_trampolines.a libtch.so; do
	cmp -s "$cache/$f" "$build/$f" || { cp "$cache/$f" "$build/$f.new" && mv -f "$build/$f.new" "$build/$f"; }
done
