// Which kernel a CPU gets, where the shape of a tile depends on the instructions and target_clones can't choose it.
#pragma once
#include "vector.h"
#include <cstdlib>
#include <string>
#ifdef __x86_64__
#include <cpuid.h>
#define CG_AVX2 __attribute__((target("arch=x86-64-v3")))
#define CG_AVX512 __attribute__((target("arch=x86-64-v4")))
#endif

// Defines void name(parameters), which calls the template name_in<V>(arguments) with V the CPU's vector of floats, compiled for its
// instructions. Overloads are defined one by one.
#ifdef __x86_64__
#define CG_BY_INSTRUCTIONS(name, parameters, arguments) \
	void name##_plain parameters { name##_in<four> arguments; } \
	CG_AVX2 void name##_avx2 parameters { name##_in<eight> arguments; } \
	CG_AVX512 void name##_avx512 parameters { name##_in<sixteen> arguments; } \
	void name parameters { \
		if (instructions().avx512) return name##_avx512 arguments; \
		if (instructions().avx2) return name##_avx2 arguments; \
		name##_plain arguments; \
	}
#else
#define CG_BY_INSTRUCTIONS(name, parameters, arguments) \
	void name parameters { name##_in<four> arguments; }
#endif

namespace {

// The instructions that kernels with a choice use: the best that the CPU has, or fewer where libtorch is told so by ATEN_CPU_CAPABILITY.
struct Instructions {
	bool avx2 = false, avx512 = false, bf16 = false, amx = false;
	Instructions() {
#ifdef __x86_64__
		const char *capability = std::getenv("ATEN_CPU_CAPABILITY");
		std::string most = capability ? capability : "";
		avx2 = most != "default" && __builtin_cpu_supports("x86-64-v3");
		avx512 = avx2 && most != "avx2" && __builtin_cpu_supports("x86-64-v4");
		unsigned a, b, c, d;
		bf16 = avx512 && __get_cpuid_count(7, 1, &a, &b, &c, &d) && (a >> 5 & 1);
		amx = avx512 && __get_cpuid_count(7, 0, &a, &b, &c, &d) && (d >> 22 & 1);
#endif
	}
};

inline const Instructions &instructions() {
	static const Instructions has;
	return has;
}

} // namespace
