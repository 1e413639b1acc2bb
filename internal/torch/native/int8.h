// Products of 8-bit integers: rows of unsigned bytes times packed columns of signed ones, with exact sums of 32 bits. Every instruction
// set gives the same integers, in any tile.
#pragma once
#include "vector.h"
#include <cstdlib>
#include <string>
#ifdef __x86_64__
#include <cpuid.h>
#include <immintrin.h>
#endif

#define CG_UNROLL _Pragma("GCC unroll 16")

namespace {

// Columns of w are packed in panels of kPanel, four neighbours of the depth together:
//   packed[((j / kPanel * quads + i / kQuad) * kPanel + j % kPanel) * kQuad + i % kQuad] = w(i, j),  quads = ceil(k / kQuad),
// with zeros behind the last row and the last column.
constexpr int64_t kPanel = 32, kQuad = 4;

// The rows of a tile: x has quads words of four bytes in a row, and x_row bytes from row to row; sum is [rows, kPanel].
struct Tile {
	int64_t quads, x_row;
	const uint8_t *x;
	const int8_t *panel;
	int32_t *sum;
};
typedef void (*TileKernel)(const Tile &);

// How an instruction set computes: tile[r] multiplies r + 1 rows, up to `rows` of them.
struct Int8Kernel {
	const char *name;
	int64_t rows;
	const TileKernel *tile;
};

void plain_tile(const Tile &t) {
	int32_t sum[kPanel] = {};
	for (int64_t q = 0; q < t.quads; q++) {
		const uint8_t *x = t.x + q * kQuad;
		const int8_t *w = t.panel + q * kQuad * kPanel;
		for (int64_t j = 0; j < kPanel; j++)
			sum[j] += x[0] * w[j * 4] + x[1] * w[j * 4 + 1] + x[2] * w[j * 4 + 2] + x[3] * w[j * 4 + 3];
	}
	std::memcpy(t.sum, sum, sizeof sum);
}
const TileKernel plain_tiles[] = {plain_tile};

#ifdef __x86_64__
CG_INLINE int32_t word_at(const uint8_t *x) {
	int32_t word;
	std::memcpy(&word, x, sizeof word);
	return word;
}

// AVX2 has no product of bytes that can't overflow: vpmaddubsw saturates at 16 bits. So bytes are widened to 16 bits, and vpmaddwd sums
// two products exactly. A vector holds four columns, two sums for each, which are added at the end.
template <int R> __attribute__((target("avx2"))) void avx2_tile(const Tile &t) {
	constexpr int W = 4; // vectors: a half of a panel at a time
	for (int64_t half = 0; half < kPanel; half += 4 * W) {
		__m256i sum[R][W];
		CG_UNROLL for (int r = 0; r < R; r++)
			CG_UNROLL for (int j = 0; j < W; j++) sum[r][j] = _mm256_setzero_si256();
		const int8_t *w = t.panel + half * kQuad;
		for (int64_t q = 0; q < t.quads; q++, w += kPanel * kQuad) {
			__m256i x[R];
			CG_UNROLL for (int r = 0; r < R; r++)
				x[r] = _mm256_broadcastq_epi64(_mm_cvtepu8_epi16(_mm_cvtsi32_si128(word_at(t.x + r * t.x_row + q * kQuad))));
			CG_UNROLL for (int j = 0; j < W; j++) {
				__m256i wide = _mm256_cvtepi8_epi16(_mm_loadu_si128(reinterpret_cast<const __m128i *>(w + j * 16)));
				CG_UNROLL for (int r = 0; r < R; r++) sum[r][j] = _mm256_add_epi32(sum[r][j], _mm256_madd_epi16(x[r], wide));
			}
		}
		CG_UNROLL for (int r = 0; r < R; r++)
			CG_UNROLL for (int j = 0; j < W; j += 2) {
				__m256i both = _mm256_permute4x64_epi64(_mm256_hadd_epi32(sum[r][j], sum[r][j + 1]), 0xd8);
				_mm256_storeu_si256(reinterpret_cast<__m256i *>(t.sum + r * kPanel + half + j * 4), both);
			}
	}
}
const TileKernel avx2_tiles[] = {avx2_tile<1>, avx2_tile<2>};

// vpdpbusd adds four products of bytes to a sum of 32 bits, exactly.
#if __GNUC__ >= 11
#define CG_HAS_AVXVNNI 1
template <int R> __attribute__((target("avx2,avxvnni"))) void avxvnni_tile(const Tile &t) {
	constexpr int W = 4;
	__m256i sum[R][W];
	CG_UNROLL for (int r = 0; r < R; r++)
		CG_UNROLL for (int j = 0; j < W; j++) sum[r][j] = _mm256_setzero_si256();
	const int8_t *w = t.panel;
	for (int64_t q = 0; q < t.quads; q++, w += kPanel * kQuad)
		CG_UNROLL for (int j = 0; j < W; j++) {
			__m256i column = _mm256_loadu_si256(reinterpret_cast<const __m256i *>(w + j * 32));
			CG_UNROLL for (int r = 0; r < R; r++)
				sum[r][j] = _mm256_dpbusd_avx_epi32(sum[r][j], _mm256_set1_epi32(word_at(t.x + r * t.x_row + q * kQuad)), column);
		}
	CG_UNROLL for (int r = 0; r < R; r++)
		CG_UNROLL for (int j = 0; j < W; j++) _mm256_storeu_si256(reinterpret_cast<__m256i *>(t.sum + r * kPanel + j * 8), sum[r][j]);
}
const TileKernel avxvnni_tiles[] = {avxvnni_tile<1>, avxvnni_tile<2>, avxvnni_tile<3>};
#endif

template <int R> __attribute__((target("avx512f,avx512bw,avx512vl,avx512vnni"))) void vnni_tile(const Tile &t) {
	__m512i low[R], high[R];
	CG_UNROLL for (int r = 0; r < R; r++) low[r] = high[r] = _mm512_setzero_si512();
	const int8_t *w = t.panel;
	for (int64_t q = 0; q < t.quads; q++, w += kPanel * kQuad) {
		__m512i a = _mm512_loadu_si512(w), b = _mm512_loadu_si512(w + 64);
		CG_UNROLL for (int r = 0; r < R; r++) {
			__m512i x = _mm512_set1_epi32(word_at(t.x + r * t.x_row + q * kQuad));
			// As instructions: of intrinsics the compiler loads all x first, and keeps sums in memory.
			asm("vpdpbusd %2, %1, %0" : "+v"(low[r]) : "v"(x), "v"(a));
			asm("vpdpbusd %2, %1, %0" : "+v"(high[r]) : "v"(x), "v"(b));
		}
	}
	CG_UNROLL for (int r = 0; r < R; r++) {
		_mm512_storeu_si512(t.sum + r * kPanel, low[r]);
		_mm512_storeu_si512(t.sum + r * kPanel + 16, high[r]);
	}
}
const TileKernel vnni_tiles[] = {vnni_tile<1>, vnni_tile<2>, vnni_tile<3>, vnni_tile<4>, vnni_tile<5>, vnni_tile<6>, vnni_tile<7>,
                                 vnni_tile<8>, vnni_tile<9>, vnni_tile<10>, vnni_tile<11>, vnni_tile<12>, vnni_tile<13>, vnni_tile<14>};
#endif

// The best that the CPU has, or less where libtorch is told so by ATEN_CPU_CAPABILITY.
Int8Kernel choose_int8() {
#ifdef __x86_64__
	const char *capability = std::getenv("ATEN_CPU_CAPABILITY");
	std::string most = capability ? capability : "";
	bool avx2 = most != "default" && __builtin_cpu_supports("avx2");
	if (avx2 && most != "avx2" && __builtin_cpu_supports("x86-64-v4") && __builtin_cpu_supports("avx512vnni"))
		return {"avx512_vnni", 12, vnni_tiles};
#ifdef CG_HAS_AVXVNNI
	unsigned a = 0, b = 0, c = 0, d = 0;
	if (avx2 && most != "avx2" && __get_cpuid_count(7, 1, &a, &b, &c, &d) && (a >> 4 & 1)) return {"avx_vnni", 3, avxvnni_tiles};
#endif
	if (avx2) return {"avx2", 2, avx2_tiles};
#endif
	return {"plain", 1, plain_tiles};
}

} // namespace
