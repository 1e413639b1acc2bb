// What attention is made of, one head at a time: products of small matrices and the softmax of a row. The order of every sum is
// fixed by the shape alone.
#pragma once
#include "vector.h"
#include <limits>

namespace {

inline int64_t padded(int64_t n) { return (n + kWide - 1) / kWide * kWide; }

// A matrix that is read element by element: any two strides.
struct Left {
	const float *at;
	int64_t row, col;
};
// Matrices of contiguous rows.
struct Right {
	const float *at;
	int64_t row;
};
struct Out {
	float *at;
	int64_t row;
};

// R rows and W vectors of a product, held in registers while k runs.
template <class V, int R, int W> CG_INLINE void tile(int64_t depth, Left a, Right b, Out c) {
	constexpr int64_t N = sizeof(V) / sizeof(float);
	V sum[R][W];
	for (int r = 0; r < R; r++)
		for (int w = 0; w < W; w++) sum[r][w] = V{};
	for (int64_t k = 0; k < depth; k++) {
		V right[W];
		for (int w = 0; w < W; w++) right[w] = load<V>(b.at + k * b.row + w * N);
		for (int r = 0; r < R; r++) {
			float left = a.at[r * a.row + k * a.col];
			for (int w = 0; w < W; w++) sum[r][w] += left * right[w];
		}
	}
	for (int r = 0; r < R; r++)
		for (int w = 0; w < W; w++) store<V>(c.at + r * c.row + w * N, sum[r][w]);
}

// Shorter vectors at the end of a row. What is left then is fused explicitly: the compiler fuses a scalar loop or not as it likes, in
// each tile otherwise, and a row would depend on the tile that it is in.
template <int R> CG_INLINE void rows(int64_t n, int64_t depth, Left a, Right b, Out c) {
	int64_t j = 0;
	for (; j + 2 * kWide <= n; j += 2 * kWide) tile<sixteen, R, 2>(depth, a, {b.at + j, b.row}, {c.at + j, c.row});
	for (; j + kWide <= n; j += kWide) tile<sixteen, R, 1>(depth, a, {b.at + j, b.row}, {c.at + j, c.row});
	for (; j + 4 <= n; j += 4) tile<four, R, 1>(depth, a, {b.at + j, b.row}, {c.at + j, c.row});
	for (; j < n; j++)
		for (int r = 0; r < R; r++) {
			float sum = 0;
			for (int64_t k = 0; k < depth; k++) sum = __builtin_fmaf(a.at[r * a.row + k * a.col], b.at[k * b.row + j], sum);
			c.at[r * c.row + j] = sum;
		}
}

// c [m, n] = a [m, depth] b [depth, n].
CG_INLINE void product(int64_t m, int64_t n, int64_t depth, Left a, Right b, Out c) {
	int64_t i = 0;
	auto left = [&] { return Left{a.at + i * a.row, a.row, a.col}; };
	auto out = [&] { return Out{c.at + i * c.row, c.row}; };
	for (; i + 6 <= m; i += 6) rows<6>(n, depth, left(), b, out());
	for (; i + 3 <= m; i += 3) rows<3>(n, depth, left(), b, out());
	for (; i < m; i++) rows<1>(n, depth, left(), b, out());
}

// to [width, padded(n)] is the transpose of from [n, width], zero behind n.
CG_INLINE void transpose(int64_t n, int64_t width, Right from, float *to) {
	int64_t pad = padded(n);
	for (int64_t h = 0; h < width; h++) {
		for (int64_t j = 0; j < n; j++) to[h * pad + j] = from.at[j * from.row + h];
		for (int64_t j = n; j < pad; j++) to[h * pad + j] = 0;
	}
}

// Softmax of scale * row + mask over n entries, in place; what lies behind n becomes 0.
CG_INLINE void softmax(int64_t n, float scale, const float *mask, float *row) {
	int64_t pad = padded(n);
	for (int64_t j = 0; j < n; j++) row[j] = row[j] * scale + (mask ? mask[j] : 0.0f);
	for (int64_t j = n; j < pad; j++) row[j] = -std::numeric_limits<float>::infinity();
	vec high = at_vec(row);
	for (int64_t j = kWide; j < pad; j += kWide) high = at_vec(row + j) > high ? at_vec(row + j) : high;
	float most = high[0];
	for (int i = 1; i < kWide; i++) most = high[i] > most ? high[i] : most;
	vec sums = vec{};
	for (int64_t j = 0; j < pad; j += kWide) sums += at_vec(row + j) = exp_of(at_vec(row + j) - most);
	float sum = 0;
	for (int i = 0; i < kWide; i++) sum += sums[i];
	float share = 1 / sum;
	for (int64_t j = 0; j < pad; j += kWide) at_vec(row + j) *= share;
}

} // namespace
