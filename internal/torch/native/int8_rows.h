// Rows of a linear layer in 8 bits, without libtorch: int8.cpp gives them to its threads, light.cpp is linked into the program itself.
//
// Weights are quantized by column (an output's weights), symmetrically: w = scale_j q, q in [-127, 127]. Activations are quantized by
// row as they come: x = scale_i (u - zero_i), u in [0, 255], so that the row's range, which always includes 0, fills the bytes. Then
//
//	y_ij = scale_i scale_j (sum_k u_ik q_kj - zero_i sum_k q_kj) + bias_j
//
// A row depends on nothing but itself, and the sums are exact: any batch, number of threads and instruction set gives the same bits
// (who includes this is compiled without fused multiply-add). A row that contains NaN or an infinity, or whose range overflows, gives NaN.
#pragma once
#include "int8.h"
#include "native.h"
#include <algorithm>
#include <cmath>
#include <limits>
#include <memory>
#include <new>
#include <vector>

namespace {

const Int8Kernel &int8_kernel() {
	static const Int8Kernel kernel = choose_int8();
	return kernel;
}

constexpr int64_t kLineBytes = 64, kBlockRows = 112; // rows that are quantized together, so that they stay in the second-level cache

// How to undo the quantization of a row. zero is 0 and scale is 0 for a row of zeros.
struct RowScale {
	float scale;
	int32_t zero;
};

CG_INLINE float lane_min(vec v) {
	float out = v[0];
	for (int i = 1; i < kWide; i++) out = v[i] < out ? v[i] : out;
	return out;
}
CG_INLINE float lane_max(vec v) { return -lane_min(-v); }

// Sixteen values of a row, times the factors of their columns where there are some. Behind the end: 0.
CG_INLINE vec values_at(const float *x, const float *factor, int64_t left) {
	if (left >= kWide) {
		vec v = load<vec>(x);
		return factor ? v * load<vec>(factor) : v;
	}
	vec v = vec{};
	for (int64_t i = 0; i < left; i++) v[i] = factor ? x[i] * factor[i] : x[i];
	return v;
}

// One row of k floats to bytes; to has room for whole vectors.
CG_VECTOR RowScale quantize_row(int64_t k, const float *x, const float *factor, uint8_t *to) {
	vec low = vec{}, high = vec{}, wrong = vec{};
	for (int64_t i = 0; i < k; i += kWide) {
		vec v = values_at(x + i, factor ? factor + i : nullptr, k - i);
		low = v < low ? v : low;
		high = v > high ? v : high;
		wrong += v * 0.0f; // NaN if one is not finite
	}
	float bottom = lane_min(low), range = lane_max(high) - bottom, invalid = 0;
	for (int i = 0; i < kWide; i++) invalid += wrong[i];
	if (!(invalid == 0) || !(range <= std::numeric_limits<float>::max())) {
		std::memset(to, 0, (k + kWide - 1) / kWide * kWide);
		return {std::numeric_limits<float>::quiet_NaN(), 0};
	}
	if (range < 1e-30f) { // its inverse would overflow
		std::memset(to, 0, (k + kWide - 1) / kWide * kWide);
		return {0, 0};
	}
	const float inverse = 255 / range, zero = std::nearbyint(-bottom * inverse);
	const vec round = vec{} + 12582912.0f; // 1.5 * 2^23: adding it leaves no fraction
	typedef uint8_t bytes __attribute__((vector_size(16)));
	for (int64_t i = 0; i < k; i += kWide) {
		vec v = ((values_at(x + i, factor ? factor + i : nullptr, k - i) * inverse + round) - round) + zero;
		v = v < 0.0f ? vec{} : v;
		v = v > 255.0f ? vec{} + 255.0f : v;
		bytes b = __builtin_convertvector(__builtin_convertvector(v, ivec), bytes);
		std::memcpy(to + i, &b, sizeof b);
	}
	return {range / 255, static_cast<int32_t>(zero)};
}

CG_INLINE vec logistic(vec x) {
	vec e = exp_of(x < 0.0f ? x : -x), share = 1.0f / (1.0f + e);
	return x < 0.0f ? e * share : share;
}

// x Phi(x), with the error function of Abramowitz and Stegun, 7.1.26: within 2e-7.
CG_INLINE vec gelu(vec x) {
	vec z = (x < 0.0f ? -x : x) * 0.70710678118654752f, t = 1.0f / (1.0f + 0.3275911f * z);
	vec p = ((((1.061405429f * t - 1.453152027f) * t + 1.421413741f) * t - 0.284496736f) * t + 0.254829592f) * t;
	vec rest = p * exp_of(-z * z);
	return 0.5f * x * (x < 0.0f ? rest : 2.0f - rest);
}

CG_INLINE vec activated(int which, vec x) {
	switch (which) {
	case 1: return gelu(x);
	case 2: return x * logistic(1.59576912160573f * (x + 0.044715f * x * x * x));
	case 3: return x * logistic(1.702f * x);
	default: return x;
	}
}

// A product: y [m, n] = activation(x w + bias) + residual.
struct Int8Product {
	int64_t m;
	const float *x;
	cg_int8 w;
	const float *bias, *residual; // each may be null
	float *y;
	int activation;
	CG_INLINE int64_t quads() const { return (w.k + kQuad - 1) / kQuad; }
	CG_INLINE int64_t panels() const { return (w.n + kPanel - 1) / kPanel; }
	// Bytes from row to row: whole vectors, and an odd number of lines, so that rows don't share the sets of the cache.
	CG_INLINE int64_t row() const { return ((w.k + kLineBytes - 1) / kLineBytes | 1) * kLineBytes; }
};

// The sums of a tile to floats: rows from `row` on, columns of panel `panel`.
CG_VECTOR void finish(const Int8Product &p, int64_t row, int64_t rows, int64_t panel, const RowScale *scales, const int32_t *sums) {
	const int64_t column = panel * kPanel;
	for (int64_t j = 0; j < kPanel && column + j < p.w.n; j += kWide) {
		int64_t c = column + j, count = std::min(kWide, p.w.n - c);
		ivec columns;
		std::memcpy(&columns, p.w.sums + c, sizeof columns);
		vec scale = load<vec>(p.w.scales + c), bias = vec{};
		if (p.bias) std::memcpy(&bias, p.bias + c, count * sizeof(float));
		for (int64_t r = 0; r < rows; r++) {
			ivec sum;
			std::memcpy(&sum, sums + r * kPanel + j, sizeof sum);
			vec y = __builtin_convertvector(sum - columns * scales[r].zero, vec) * (scale * scales[r].scale) + bias;
			y = activated(p.activation, y);
			float *to = p.y + (row + r) * p.w.n + c;
			const float *added = p.residual ? p.residual + (row + r) * p.w.n + c : nullptr;
			if (count == kWide) {
				store<vec>(to, added ? load<vec>(added) + y : y);
				continue;
			}
			for (int64_t i = 0; i < count; i++) to[i] = added ? added[i] + y[i] : y[i];
		}
	}
}

// Rows in bytes, and how to undo that.
struct Quantized {
	std::unique_ptr<uint8_t, decltype(&std::free)> bytes;
	std::vector<RowScale> scales;
	Quantized(const Int8Product &p, int64_t rows)
		: bytes(static_cast<uint8_t *>(std::aligned_alloc(kLineBytes, std::max<int64_t>(rows * p.row(), kLineBytes))), &std::free), scales(rows) {
		if (!bytes) throw std::bad_alloc();
	}
	void fill(const Int8Product &p, int64_t row, int64_t from, int64_t to) {
		for (int64_t r = from; r < to; r++) scales[r] = quantize_row(p.w.k, p.x + (row + r) * p.w.k, p.w.factors, bytes.get() + r * p.row());
	}
};

// Some rows, quantized, times some panels. Tiles have as equal numbers of rows as can be: a short one does little for each weight it reads.
void multiply(const Int8Product &p, const Quantized &x, int64_t row, int64_t rows, int64_t from, int64_t to) {
	const Int8Kernel &kernel = int8_kernel();
	const int64_t tiles = (rows + kernel.rows - 1) / kernel.rows;
	alignas(64) int32_t sums[14 * kPanel];
	for (int64_t panel = from; panel < to; panel++)
		for (int64_t t = 0; t < tiles; t++) {
			int64_t first = t * rows / tiles, count = (t + 1) * rows / tiles - first;
			kernel.tile[count - 1]({p.quads(), p.row(), x.bytes.get() + first * p.row(), p.w.packed + panel * p.quads() * kQuad * kPanel, sums});
			finish(p, row + first, count, panel, x.scales.data() + first, sums);
		}
}

} // namespace
