#!/bin/sh
# Finds libtorch and writes what the build needs to know about it as shell variables to the file named by $1.
# Order: $LIBTORCH, a folder or the word system; a Python torch that can be imported; the system's; apt. Each step is said aloud on stderr.
set -eu
out=$1

say() { echo "libtorch: $*" >&2; }
die() {
	say "$*"
	exit 1
}

# version_of INCLUDE_DIR prints major.minor.patch as the headers say it.
version_of() {
	file=$(grep -rlsE '^#define TORCH_VERSION_MAJOR' "$1/torch/headeronly/version.h" "$1/torch/csrc/api/include/torch/version.h" | head -n 1)
	[ -n "$file" ] || return 1
	awk '/#define TORCH_VERSION_(MAJOR|MINOR|PATCH) /{v = v sep $3; sep = "."} END{print v}' "$file"
}

# use ROOT SOURCE takes a folder with include/ and lib/, as pip's torch and the official archives have it.
use() {
	[ -f "$1/lib/libtorch_cpu.so" ] || die "$1/lib/libtorch_cpu.so does not exist ($2)"
	version=$(version_of "$1/include") || die "$1/include has no torch/version.h ($2)"
	include="-I$1/include -I$1/include/torch/csrc/api/include"
	rpath="-L$1/lib -Wl,-rpath,$1/lib"
	# A CUDA build of PyTorch keeps its own libraries beside it, in the folder nvidia/.
	for d in "$1"/../nvidia/*/lib; do
		[ -d "$d" ] && rpath="$rpath -Wl,-rpath,$(cd "$d" && pwd) -Wl,-rpath-link,$(cd "$d" && pwd)"
	done
	where=$1 source=$2
}

use_system() {
	version=$(version_of /usr/include) || return 1
	[ -n "$(find /usr/lib -name libtorch_cpu.so 2>/dev/null | head -n 1)" ] || return 1
	include="-I/usr/include/torch/csrc/api/include"
	rpath=
	where=/usr source=system
}

python_torch() {
	python3 -c 'import importlib.util as u; s = u.find_spec("torch"); print(s.submodule_search_locations[0] if s else "")' 2>/dev/null || true
}

install_system() {
	packages="libtorch-dev libopenblas0-openmp"
	command -v apt-get >/dev/null 2>&1 || die "none found, and no apt here. Three ways: set LIBTORCH=/path/to/libtorch; pip install torch; or install your system's libtorch with headers"
	[ "$(id -u)" = 0 ] || die "none found. Run this once, then make again:  sudo apt-get install -y --no-install-recommends $packages"
	say "none found; installing $packages (about 60 MB)"
	apt-get update -qq
	DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $packages >&2
}

# Debian's libtorch with the reference BLAS works and is ten times slower: say so rather than let people wonder.
check_blas() {
	[ "$source" = system ] || return 0
	blas=$(readlink -f /usr/lib/*/libblas.so.3 2>/dev/null | head -n 1)
	case "$blas" in
	*openblas* | *mkl* | *blis*) ;;
	*)
		if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1; then
			say "its BLAS is the slow reference one; installing libopenblas0-openmp"
			apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends libopenblas0-openmp >&2
		else
			say "its BLAS is the slow reference one: sudo apt-get install -y libopenblas0-openmp"
		fi
		;;
	esac
}

if [ "${LIBTORCH:-}" = system ]; then
	use_system || die "the system has none; its package is libtorch-dev"
elif [ -n "${LIBTORCH:-}" ]; then
	use "$LIBTORCH" "from LIBTORCH"
elif [ -n "$(python_torch)" ]; then
	use "$(python_torch)" "python's torch"
elif use_system; then
	:
else
	install_system
	use_system || die "apt installed libtorch-dev, but its headers are not where they should be"
fi
check_blas

major=${version%%.*} rest=${version#*.}
minor=${rest%%.*}
std=c++17
[ $((major * 100 + minor)) -ge 214 ] && std=c++20
if [ -f "$where/lib/libtorch_cuda.so" ]; then
	# A wheel without its nvidia packages still computes on the CPU. cg_load_cuda (native.cpp) loads this library, not the linker.
	lacks=$(ldd "$where/lib/libtorch_cuda.so" 2>/dev/null | awk '/not found/ && !seen[$1]++ {printf " %s", $1}')
	[ -z "$lacks" ] || say "CPU only: libtorch_cuda.so lacks$lacks"
fi
# Our own loops must share libtorch's OpenMP: a second runtime would bring a second team of threads.
openmp=$(find "$where/lib" -maxdepth 1 -name 'libgomp*.so*' 2>/dev/null | head -n 1)
library=$where/lib/libc10.so
[ -f "$library" ] || library=$(find /usr/lib -name libc10.so | head -n 1)
abi=
nm -D "$library" 2>/dev/null | grep -q __cxx11 || abi=-D_GLIBCXX_USE_CXX11_ABI=0

say "$version, $source, $where"
cat >"$out" <<EOF
TORCH_VERSION='$version'
TORCH_SOURCE='$source'
TORCH_WHERE='$where'
TORCH_CXXFLAGS='-std=$std $abi $include'
TORCH_LDFLAGS='$rpath -Wl,--no-as-needed -ltorch_cpu -lc10 ${openmp:--lgomp} -ldl'
EOF
