#!/bin/sh
# Builds the substitute for CUDA's runtime and NCCL (internal/torch/processes/standin), which is preloaded, and one for CUDA's driver, for the
# CUDA build of libtorch that VARIABLES names. Usage: standin.sh VARIABLES OUT_DIR.
set -eu
. "$1"
out=$2
source=$(cd "$(dirname "$0")/.." && pwd)/internal/torch/processes/standin
include=
for d in "$TORCH_WHERE"/../nvidia/*/include "${CUDA_HOME:-/usr/local/cuda}/include"; do
	[ ! -d "$d" ] || include="$include -I$d"
done
mkdir -p "$out"
cc=${CC:-cc}
"$cc" -w -O1 -fPIC $include -c "$source/runtime.c" -o "$out/runtime.o"
"$cc" -w -O1 -fPIC $include -c "$source/nccl.c" -o "$out/nccl.o"

# silent FILES... reads names and prints a function that returns 0 for each that no file defines.
silent() {
	nm --defined-only "$@" 2>/dev/null | awk '{print $3}' | sort -u >"$out/defined"
	sort -u | comm -23 - "$out/defined" | sed 's/.*/int &(void) { return 0; }/'
}
libraries="$TORCH_WHERE/lib/libtorch_cuda.so $TORCH_WHERE/lib/libc10_cuda.so"
nm -D --undefined-only $libraries | awk '{sub(/@.*/, "", $2); print $2}' | grep -E '^(cuda|nccl)[A-Z]' | silent "$out/runtime.o" "$out/nccl.o" >"$out/rest.c"
"$cc" -w -fPIC -shared "$out/runtime.o" "$out/nccl.o" "$out/rest.c" -o "$out/standin.so" -lpthread

"$cc" -w -fPIC -c "$source/driver.c" -o "$out/driver.o"
strings -n 6 $libraries | grep -E '^cu(Init|Ctx|Dev|Device|Get|Green|Launch|Logs|Mem|Mem[a-z]*|Module|Multicast|Pointer|Stream)[A-Z0-9][A-Za-z0-9_]*$' |
	silent "$out/driver.o" >"$out/driver-rest.c"
"$cc" -w -fPIC -shared "$out/driver.o" "$out/driver-rest.c" -o "$out/libcuda.so.1"
