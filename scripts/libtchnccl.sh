#!/bin/sh
# Builds libtchnccl.so, by which processes exchange what lies on CUDA devices, for a libtorch with CUDA. Other libtorchs need none. Where
# CUDA's or NCCL's headers are missing, a line says so, and the build goes on; with the third argument "must" it fails, and what was built
# is opened. Usage: libtchnccl.sh VARIABLES BUILD_DIR [must]. As libtch.sh it keeps the result in the user's cache.
set -eu
. "$1"
build=$2
must=${3:-}
root=$(cd "$(dirname "$0")/.." && pwd)
source=$root/internal/torch/processes
cxx=${REAL_CXX:-c++}
library=libtchnccl.so

# without says why there is no library.
without() {
	rm -f "$build/$library"
	echo "libtchnccl: not built, so several processes can't train on GPUs: $*" >&2
	[ -z "$must" ] || exit 1
	exit 0
}

if [ ! -f "$TORCH_WHERE/lib/libtorch_cuda.so" ]; then
	[ -z "$must" ] || without "the libtorch in $TORCH_WHERE has no CUDA"
	rm -f "$build/$library"
	exit 0
fi

# folder_with FILE prints the first include folder that has it: of pip's packages beside torch, of CUDA_HOME, of the system.
folder_with() {
	for d in "$TORCH_WHERE"/../nvidia/*/include "${CUDA_HOME:-/usr/local/cuda}/include" /usr/include; do
		if [ -f "$d/$1" ]; then
			(cd "$d" && pwd)
			return
		fi
	done
}
nccl=$(folder_with nccl.h) cuda=$(folder_with cuda_runtime.h) crt=$(folder_with crt/host_config.h)
[ -n "$nccl" ] || without "nccl.h is missing, which pip's nvidia-nccl and Debian's libnccl-dev have"
[ -n "$cuda" ] || without "cuda_runtime.h is missing, which pip's nvidia-cuda-runtime and the CUDA toolkit have; CUDA_HOME names another folder"
[ -n "$crt" ] || without "crt/host_config.h is missing, which pip's nvidia-cuda-crt and the CUDA toolkit have; CUDA_HOME names another folder"

flags="-fPIC -w -g0 -O2 -DUSE_C10D_GLOO -DUSE_C10D_NCCL $TORCH_CXXFLAGS -I$nccl -I$cuda -I$crt"
home=${XDG_CACHE_HOME:-$HOME/.cache}/clipgo
key=$( (cat "$source"/*.h "$source/nccl.cpp" "$source"/gloo/*.h "$0"
	echo "$TORCH_VERSION $TORCH_WHERE $flags $TORCH_LDFLAGS $("$cxx" --version)") | sha256sum | cut -c1-16)
cache=$home/nccl-$key

if [ ! -f "$cache/$library" ]; then
	mkdir -p "$cache"
	tmp=$(mktemp -d "$cache/build.XXXXXX")
	trap 'rm -rf "$tmp"' EXIT
	if "$cxx" $flags -I"$source" -ffile-prefix-map="$root=clipgo" -shared "$source/nccl.cpp" -o "$tmp/$library" $TORCH_LDFLAGS -ltorch_cuda -lc10_cuda 2>"$tmp/errors"; then
		mv "$tmp/$library" "$cache/"
	else
		mv "$tmp/errors" "$cache/"
		without "it doesn't compile with libtorch $TORCH_VERSION in $TORCH_WHERE ($cache/errors)"
	fi
fi
# Renamed into place: a running program may have the old one mapped.
cmp -s "$cache/$library" "$build/$library" || { cp "$cache/$library" "$build/$library.new" && mv -f "$build/$library.new" "$build/$library"; }
[ -n "$must" ] || exit 0

cat >"$build/open.c" <<'C'
#include <dlfcn.h>
#include <stdio.h>
int main(int n, char **arguments) {
	void *library = dlopen(arguments[1], RTLD_NOW);
	if (!library) return fprintf(stderr, "libtchnccl: can't be opened: %s\n", dlerror()), 1;
	const char *(*version)(void) = (const char *(*)(void))dlsym(library, "cgn_version");
	int (*nccl)(void) = (int (*)(void))dlsym(library, "cgn_nccl");
	return printf("libtchnccl: built for libtorch %s and opened; NCCL %d\n", version(), nccl()) < 0;
}
C
"${CC:-cc}" "$build/open.c" -o "$build/open" -ldl
"$build/open" "$build/$library"
