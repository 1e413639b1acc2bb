// The arithmetic of a text tower without libtorch. See light.h. Products in 8 bits are those of int8_rows.h, which libtch.so has too.
#include "light.h"
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

// to += factor * from
CG_INLINE void add_scaled(float *to, float factor, const float *from, int64_t n) {
	int64_t i = 0;
	for (; i + kWide <= n; i += kWide) store<vec>(to + i, load<vec>(to + i) + factor * load<vec>(from + i));
	for (; i < n; i++) to[i] += factor * from[i];
}

// Scores to chances, and the factor that makes their sum 1. n is rounded up to whole vectors, of minus infinity behind the last score.
CG_INLINE float softmax(float *score, int64_t n) {
	float most = score[0], sum = 0;
	for (int64_t i = 1; i < n; i++) most = std::max(most, score[i]);
	for (int64_t i = 0; i < n; i += kWide) {
		vec e = exp_of(load<vec>(score + i) - most);
		store<vec>(score + i, e);
		for (int j = 0; j < kWide; j++) sum += e[j];
	}
	return 1 / sum;
}

CG_VECTOR void attend(int64_t l, int64_t h, bool causal, const float *q, const float *k, const float *v, int64_t row, float *y, int64_t y_row) {
	std::vector<float> score((l + kWide - 1) / kWide * kWide);
	const float scale = 1 / std::sqrt(static_cast<float>(h));
	for (int64_t i = 0; i < l; i++) {
		const int64_t seen = causal ? i + 1 : l;
		for (int64_t j = 0; j < seen; j++) score[j] = scale * inner(q + i * row, k + j * row, h);
		std::fill(score.begin() + seen, score.end(), -std::numeric_limits<float>::infinity());
		const float share = softmax(score.data(), seen);
		std::memset(y + i * y_row, 0, h * sizeof *y);
		for (int64_t j = 0; j < seen; j++) add_scaled(y + i * y_row, share * score[j], v + j * row, h);
	}
}

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

void cg_light_attention(int64_t l, int64_t heads, int64_t h, int causal, const float *qkv, float *y, int64_t from, int64_t to) {
	const int64_t d = heads * h;
	for (int64_t i = from; i < to; i++) attend(l, h, causal, qkv + i * h, qkv + d + i * h, qkv + 2 * d + i * h, 3 * d, y + i * h, d);
}

} // extern "C"
