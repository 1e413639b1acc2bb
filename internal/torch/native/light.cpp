// The arithmetic of a text tower without libtorch. See light.h. Products in 8 bits are those of int8_rows.h and
// attention is that of heads.h, which libtch.so has too.
#include "light.h"
#include "heads.h"
#include "instructions.h"
#include "int8_rows.h"

namespace {

// The inner product of n numbers, in sixteen sums that are added in order.
CG_INLINE float inner(const float *a, const float *b, int64_t n) {
	vec sum = vec{};
	int64_t i = 0;
	for (; i + kWide <= n; i += kWide) sum += load<vec>(a + i) * load<vec>(b + i);
	float out = 0;
	for (; i < n; i++) out += a[i] * b[i];
	for (int j = 0; j < kWide; j++) out += sum[j];
	return out;
}

// Heads [from, to) of one text, with a mask [l, l] or null.
template <class V>
CG_INLINE void heads_in(int64_t l, int64_t count, int64_t h, const float *mask, const float *qkv, float *y, int64_t from, int64_t to) {
	const int64_t d = count * h, pad = padded(l);
	const float scale = static_cast<float>(1 / std::sqrt(static_cast<double>(h)));
	std::vector<float> keys(h * pad), chance(l * pad);
	for (int64_t i = from; i < to; i++) {
		auto part = [&](int64_t which) { return Right{qkv + which * d + i * h, 3 * d}; };
		attend<V>(l, l, h, scale, part(0), part(1), part(2), mask, keys.data(), chance.data(), {y + i * h, d});
	}
}
CG_BY_INSTRUCTIONS(heads, (int64_t l, int64_t count, int64_t h, const float *mask, const float *qkv, float *y, int64_t from, int64_t to),
                   (l, count, h, mask, qkv, y, from, to))

CG_VECTOR void float_columns(int64_t n, int64_t k, const float *w, int64_t m, const float *x, const float *bias, int activation,
                             const float *residual, float *y, int64_t from, int64_t to) {
	for (int64_t j = from; j < to; j += kWide) {
		const int64_t count = std::min(kWide, to - j);
		for (int64_t r = 0; r < m; r++) {
			vec out = vec{};
			for (int64_t i = 0; i < count; i++) out[i] = inner(x + r * k, w + (j + i) * k, k) + (bias ? bias[j + i] : 0.0f);
			out = activated(activation, out);
			for (int64_t i = 0; i < count; i++) y[r * n + j + i] = out[i] + (residual ? residual[r * n + j + i] : 0.0f);
		}
	}
}

} // namespace

extern "C" {

const char *cg_int8_kernel(void) { return int8_kernel().name; }

void cg_light_int8(const cg_int8 *w, int64_t m, const float *x, const float *bias, int activation, const float *residual, float *y,
                   int64_t from, int64_t to) {
	const Int8Product p = {m, x, *w, bias, residual, y, activation};
	Quantized bytes(p, std::min(kBlockRows, m));
	for (int64_t row = 0; row < m; row += kBlockRows) {
		const int64_t rows = std::min(kBlockRows, m - row);
		bytes.fill(p, row, 0, rows);
		multiply(p, bytes, row, rows, from / kPanel, (to + kPanel - 1) / kPanel);
	}
}

void cg_light_float(int64_t n, int64_t k, const float *w, int64_t m, const float *x, const float *bias, int activation,
                    const float *residual, float *y, int64_t from, int64_t to) {
	float_columns(n, k, w, m, x, bias, activation, residual, y, from, to);
}

void cg_light_attention(int64_t l, int64_t count, int64_t h, int causal, const float *qkv, float *y, int64_t from, int64_t to) {
	std::vector<float> mask(causal ? l * l : 0);
	for (int64_t i = 0; causal && i < l; i++)
		std::fill(mask.begin() + i * l + i + 1, mask.begin() + (i + 1) * l, -std::numeric_limits<float>::infinity());
	heads(l, count, h, causal ? mask.data() : nullptr, qkv, y, from, to);
}

} // extern "C"
