#!/bin/sh
# Runs the tests that need libtorch with other kernels than this CPU's own, as other CPUs would run them.
# Usage: kernels.sh [SETTING...]; make sets up the environment (make test-kernels KERNELS="haswell prescott").
#
# Settings: default, haswell, zen, skylakex, cooperlake, sapphirerapids, prescott (kernels of OpenBLAS, with the vector instructions of
# libtorch that such a CPU has), and lesser: those of haswell and prescott that have fewer vector instructions than this CPU.
# Without arguments: all that this CPU can run; what it can't is named.
#
# oneDNN keeps the CPU's own kernels: libtorch asks the CPU, not oneDNN, whether bfloat16 goes through it, and with DNNL_MAX_CPU_ISA below
# AVX512_CORE each such operation fails ("could not create a primitive descriptor iterator"), which no real CPU does.
#
# One package at a time: each uses all cores, and two at once wait for each other at every barrier of OpenMP.
#
# Packages that never reach a kernel are left out: make test covers them. A PyTorch with MKL ignores the name of OpenBLAS's kernels
# and follows ATEN_CPU_CAPABILITY; MKL_ENABLE_INSTRUCTIONS limits MKL itself.
set -eu
cd "$(dirname "$0")/.."
packages=$(go list ./internal/torch ./internal/nn ./internal/optim ./losses ./vision ./text ./model ./contrastive ./captioning ./alignment ./training)
# Of the commands, those tests whose results are sums of floats. The others take minutes and test files, flags and words.
commands='Embed|Search|Zeroshot|Retrieval|NothingToLearn|Stopped|Resum|Caption|Ppo|PPO|Tuned|Merge|Convert|Golden'

has() { grep -qw "$1" /proc/cpuinfo; }
# needs says what a setting asks of the CPU; empty: nothing.
needs() {
	case $1 in
	haswell | zen) echo avx2 ;;
	skylakex) echo avx512dq ;;
	cooperlake) echo avx512_bf16 ;;
	sapphirerapids) echo amx_bf16 ;;
	esac
}
environment() {
	case $1 in
	default) ;;
	prescott) echo OPENBLAS_CORETYPE=Prescott ATEN_CPU_CAPABILITY=default MKL_ENABLE_INSTRUCTIONS=SSE4_2 ;;
	haswell) echo OPENBLAS_CORETYPE=Haswell ATEN_CPU_CAPABILITY=avx2 MKL_ENABLE_INSTRUCTIONS=AVX2 ;;
	zen) echo OPENBLAS_CORETYPE=Zen ATEN_CPU_CAPABILITY=avx2 MKL_ENABLE_INSTRUCTIONS=AVX2 ;;
	skylakex) echo OPENBLAS_CORETYPE=SkylakeX ATEN_CPU_CAPABILITY=avx512 MKL_ENABLE_INSTRUCTIONS=AVX512 ;;
	cooperlake) echo OPENBLAS_CORETYPE=Cooperlake ATEN_CPU_CAPABILITY=avx512 ;;
	sapphirerapids) echo OPENBLAS_CORETYPE=SapphireRapids ATEN_CPU_CAPABILITY=avx512 ;;
	*)
		echo "kernels.sh: $1 is none of default, haswell, zen, skylakex, cooperlake, sapphirerapids, prescott, lesser" >&2
		return 1
		;;
	esac
}
# lesser chooses settings with fewer vector instructions than this CPU has. Its own kernels are those of make test.
lesser() {
	if has avx512dq; then echo haswell prescott; elif has avx2; then echo prescott; fi
}

[ $# -gt 0 ] || set -- default haswell zen skylakex cooperlake sapphirerapids prescott
[ "$*" != lesser ] || set -- $(lesser)
failed=
for setting in "$@"; do
	variables=$(environment "$setting") || exit 2
	need=$(needs "$setting")
	if [ -n "$need" ] && ! has "$need"; then
		echo "kernels: $setting skipped, this CPU has no $need"
		continue
	fi
	begun=$(date +%s)
	echo "kernels: $setting ($variables)"
	if env CLIPGO_TEST_LIBTORCH=1 $variables go test -timeout 20m -p 1 -count 1 -tags simulated $packages && env CLIPGO_TEST_LIBTORCH=1 $variables go test -timeout 20m -count 1 -run "$commands" ./cmd/clipgo; then
		echo "kernels: $setting passed in $(($(date +%s) - begun)) s"
	else
		failed="$failed $setting"
	fi
done
[ -z "$failed" ] || { echo "kernels: failed with$failed" >&2; exit 1; }
