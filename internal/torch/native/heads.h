// What attention is made of, one head at a time: products of small matrices and the softmax of a row. The order of every sum is
// fixed by the shape alone. V is the vector of the CPU: a tile of longer ones than it has would not fit into its registers.
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
template <class V, int R> CG_INLINE void rows(int64_t n, int64_t depth, Left a, Right b, Out c) {
	constexpr int64_t N = sizeof(V) / sizeof(float);
	int64_t j = 0;
	for (; j + 2 * N <= n; j += 2 * N) tile<V, R, 2>(depth, a, {b.at + j, b.row}, {c.at + j, c.row});
	for (; j + N <= n; j += N) tile<V, R, 1>(depth, a, {b.at + j, b.row}, {c.at + j, c.row});
	for (; j + 4 <= n; j += 4) tile<four, R, 1>(depth, a, {b.at + j, b.row}, {c.at + j, c.row});
	for (; j < n; j++)
		for (int r = 0; r < R; r++) {
			float sum = 0;
			for (int64_t k = 0; k < depth; k++) sum = __builtin_fmaf(a.at[r * a.row + k * a.col], b.at[k * b.row + j], sum);
			c.at[r * c.row + j] = sum;
		}
}

// c [m, n] = a [m, depth] b [depth, n]. The last rows are one tile: many small ones would wait for each other's sums.
template <class V> CG_INLINE void product(int64_t m, int64_t n, int64_t depth, Left a, Right b, Out c) {
	int64_t i = 0;
	auto left = [&] { return Left{a.at + i * a.row, a.row, a.col}; };
	auto out = [&] { return Out{c.at + i * c.row, c.row}; };
	for (; i + 6 <= m; i += 6) rows<V, 6>(n, depth, left(), b, out());
	switch (m - i) {
	case 5: return rows<V, 5>(n, depth, left(), b, out());
	case 4: return rows<V, 4>(n, depth, left(), b, out());
	case 3: return rows<V, 3>(n, depth, left(), b, out());
	case 2: return rows<V, 2>(n, depth, left(), b, out());
	case 1: return rows<V, 1>(n, depth, left(), b, out());
	}
}

// to [width, padded(n)] is the transpose of from [n, width], zero behind n.
CG_INLINE void transpose(int64_t n, int64_t width, Right from, float *to) {
	int64_t pad = padded(n), j = 0;
	for (; j + 4 <= n; j += 4) {
		const float *row = from.at + j * from.row;
		pack_four(width, row, row + from.row, row + 2 * from.row, row + 3 * from.row, to + j, pad);
	}
	for (int64_t h = 0; h < width; h++) {
		for (int64_t i = j; i < n; i++) to[h * pad + i] = from.at[i * from.row + h];
		for (int64_t i = n; i < pad; i++) to[h * pad + i] = 0;
	}
}

// Softmax of scale * row + mask over n entries, in place; what lies behind n becomes 0. Sums are those of kWide lanes, whatever V is.
template <class V> CG_INLINE void softmax(int64_t n, float scale, const float *mask, float *row) {
	constexpr int64_t N = sizeof(V) / sizeof(float), W = kWide / N;
	int64_t pad = padded(n);
	for (int64_t j = 0; j < n; j++) row[j] = row[j] * scale + (mask ? mask[j] : 0.0f);
	for (int64_t j = n; j < pad; j++) row[j] = -std::numeric_limits<float>::infinity();
	V high = load<V>(row);
	for (int64_t j = N; j < pad; j += N) {
		V x = load<V>(row + j);
		high = x > high ? x : high;
	}
	float most = high[0];
	for (int i = 1; i < N; i++) most = high[i] > most ? high[i] : most;
	V sums[W];
	for (int w = 0; w < W; w++) sums[w] = V{};
	for (int64_t j = 0; j < pad; j += kWide)
		for (int w = 0; w < W; w++) {
			V e = exp_in<V>(load<V>(row + j + w * N) - most);
			store<V>(row + j + w * N, e);
			sums[w] += e;
		}
	float sum = 0;
	for (int w = 0; w < W; w++)
		for (int i = 0; i < N; i++) sum += sums[w][i];
	float share = 1 / sum;
	for (int64_t j = 0; j < pad; j += N) store<V>(row + j, load<V>(row + j) * share);
}

// One head of attention: out [l, h] = softmax(scale * q k^T + mask) v for q [l, h], k and v [m, h], mask [l, m] or null. keys is room for
// [h, padded(m)], and p receives the softmax [l, padded(m)].
template <class V>
CG_INLINE void attend(int64_t l, int64_t m, int64_t h, float scale, Right q, Right k, Right v, const float *mask, float *keys, float *p,
                      Out out) {
	int64_t pad = padded(m);
	transpose(m, h, k, keys);
	product<V>(l, pad, h, {q.at, q.row, 1}, {keys, pad}, {p, pad});
	for (int64_t i = 0; i < l; i++) softmax<V>(m, scale, mask ? mask + i * m : nullptr, p + i * pad);
	product<V>(l, h, m, {p, pad, 1}, v, out);
}

} // namespace
