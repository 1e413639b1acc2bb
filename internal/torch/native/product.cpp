// Matrix products whose rows depend on nothing but their own operands, on CPUs. See native.h.
//
// A BLAS chooses its kernels by the number of rows and by a row's place among them, and splits the work by the number of threads:
// the same row times the same matrix has other last bits in another batch. (OpenBLAS 0.3.21: Haswell's kernel for twelve rows sums
// the first six otherwise than the last six, and SkylakeX takes other kernels for small products.) Here an element is always
//
//	bias + sum over blocks of kDepth of (sum over k of the block, in order, x[k] * w[k])
//
// whatever tile of registers it is computed in: any number of rows, columns and threads gives the same bits, and so do AVX2 and
// AVX-512. Panels of w are transposed into the second-level cache once for all rows, as in Goto and van de Geijn (2008), "Anatomy
// of high-performance matrix multiplication".
//
// bfloat16 is widened when it is packed, or multiplied two by two where the CPU can (AVX512_BF16: other bits); the sums are
// float32 and are rounded once, at the end.
#include "handle.h"
#include "instructions.h"
#include "vector.h"
#include <ATen/Parallel.h>
#include <algorithm>
#include <memory>
#include <unistd.h>
#include <vector>

namespace {

// Depth of the blocks that are summed by themselves. It is part of the result's bits.
constexpr int64_t kDepth = 256;
constexpr int64_t kLine = 16;            // floats in a line of the cache
constexpr int64_t kRow = kDepth + kLine; // words from row to row of the packed x: no two rows in the same sets of the cache

// y [m, n] = x [m, k] w + bias [n], w(i, j) at w[i * depth_step + j * column_step] for i < k, j < n. One of the two steps is 1. Rows of
// x and y are contiguous. T is the type of x, w and y.
template <class T> struct Product {
	int64_t m, n, k, depth_step, column_step;
	const T *x, *w;
	const float *bias;
	T *y;
};

// What one thread computes of it.
struct Share {
	int64_t row, rows, column, columns;
};

// A part of w that is packed together: a block of the depth, some columns.
struct Block {
	int64_t k, depth, column, columns;
};

// to [depth, P] is a panel: some rows of a transposed w, zero behind the last.
template <int64_t P> CG_INLINE void pack_rows(int64_t depth, int64_t columns, const float *from, int64_t step, float *to) {
	static const float none[kDepth] = {};
	for (int64_t j = 0; j < P; j += 4) {
		auto row = [&](int64_t i) { return j + i < columns ? from + (j + i) * step : none; };
		pack_four(depth, row(0), row(1), row(2), row(3), to + j, P);
	}
}

// The ways to multiply. An operand is read in words of four bytes, each of so many elements; row copies them from a row of
// x, panel packs them, and fused adds a product to a sum.
struct Float32 {
	typedef float T;
	static constexpr int64_t elements = 1;
	static CG_INLINE void row(const T *from, int64_t depth, float *to) { std::memcpy(to, from, depth * sizeof(T)); }
	template <int64_t P> static CG_INLINE void panel(const Product<T> &p, const Block &b, float *to) {
		const T *from = p.w + b.k * p.depth_step + b.column * p.column_step;
		if (p.column_step != 1) return pack_rows<P>(b.depth, b.columns, from, p.column_step, to);
		for (int64_t i = 0; i < b.depth; i++, to += P) {
			std::memcpy(to, from + i * p.depth_step, b.columns * sizeof(float));
			std::fill(to + b.columns, to + P, 0.0f);
		}
	}
	template <class V> static CG_INLINE V fused(V sum, float left, V right) { return sum + left * right; }
};

struct Widened {
	typedef uint16_t T;
	static constexpr int64_t elements = 1;
	static CG_INLINE void row(const T *from, int64_t depth, float *to) {
		for (int64_t i = 0; i < depth; i++) to[i] = widened(from[i]);
	}
	template <int64_t P> static CG_INLINE void panel(const Product<T> &p, const Block &b, float *to) {
		const T *from = p.w + b.k * p.depth_step + b.column * p.column_step;
		if (p.column_step != 1) {
			float wide[P * kDepth];
			for (int64_t j = 0; j < b.columns; j++) row(from + j * p.column_step, b.depth, wide + j * kDepth);
			return pack_rows<P>(b.depth, b.columns, wide, kDepth, to);
		}
		for (int64_t i = 0; i < b.depth; i++, to += P) {
			row(from + i * p.depth_step, b.columns, to);
			std::fill(to + b.columns, to + P, 0.0f);
		}
	}
	template <class V> static CG_INLINE V fused(V sum, float left, V right) { return sum + left * right; }
};

#ifdef __x86_64__
// Two neighbours of the depth in a word; the depth is even.
struct Pairs {
	typedef uint16_t T;
	static constexpr int64_t elements = 2;
	static CG_INLINE void row(const T *from, int64_t depth, float *to) { std::memcpy(to, from, depth * sizeof(float)); }
	template <int64_t P> static CG_INLINE void panel(const Product<T> &p, const Block &b, float *to) {
		const T *from = p.w + 2 * b.k * p.depth_step + b.column * p.column_step;
		if (p.column_step != 1) {
			float same[P * kDepth]; // a row of w may begin between two words
			for (int64_t j = 0; j < b.columns; j++) row(from + j * p.column_step, b.depth, same + j * kDepth);
			return pack_rows<P>(b.depth, b.columns, same, kDepth, to);
		}
		for (int64_t i = 0; i < b.depth; i++, from += 2 * p.depth_step, to += P)
			for (int64_t j = 0; j < P; j++) {
				uint32_t word = j < b.columns ? from[j] | static_cast<uint32_t>(from[p.depth_step + j]) << 16 : 0;
				std::memcpy(to + j, &word, sizeof word);
			}
	}
	template <class V> static CG_INLINE V fused(V sum, float left, V right) {
		typedef int32_t words __attribute__((vector_size(sizeof(V))));
		int32_t word;
		std::memcpy(&word, &left, sizeof word);
		words both = words{} + word;
		asm("vdpbf16ps %2, %1, %0" : "+v"(sum) : "v"(right), "v"(both));
		return sum;
	}
};
#endif

// R rows times a panel of W vectors, held in registers while k runs; added to bias where that is given, else to y.
template <class Way, class V, int R, int W>
CG_INLINE void tile(int64_t depth, const float *x, const float *panel, const float *bias, float *y, int64_t y_row) {
	constexpr int64_t N = sizeof(V) / sizeof(float);
	V sum[R][W];
	for (int r = 0; r < R; r++)
		for (int j = 0; j < W; j++) sum[r][j] = V{}, __builtin_prefetch(y + r * y_row + j * N, 1); // needed when the loop ends
	for (int64_t k = 0; k < depth; k++) {
		V w[W];
		for (int j = 0; j < W; j++) w[j] = load<V>(panel + (k * W + j) * N);
		for (int r = 0; r < R; r++)
			for (int j = 0; j < W; j++) sum[r][j] = Way::template fused<V>(sum[r][j], x[r * kRow + k], w[j]);
	}
	for (int j = 0; j < W; j++)
		for (int r = 0; r < R; r++) {
			float *at = y + r * y_row + j * N;
			store<V>(at, (bias ? load<V>(bias + j * N) : load<V>(at)) + sum[r][j]);
		}
}

// tile for a panel of which only some columns are there.
template <class Way, class V, int R, int W>
CG_INLINE void edge(int64_t columns, int64_t depth, const float *x, const float *panel, const float *bias, float *y, int64_t y_row) {
	constexpr int64_t P = W * sizeof(V) / sizeof(float);
	float own[R * P] = {}, added[P] = {};
	if (bias) std::copy(bias, bias + columns, added);
	for (int r = 0; r < R; r++) std::copy(y + r * y_row, y + r * y_row + columns, own + r * P);
	tile<Way, V, R, W>(depth, x, panel, bias ? added : nullptr, own, P);
	for (int r = 0; r < R; r++) std::copy(own + r * P, own + r * P + columns, y + r * y_row);
}

// Rows that are read soon: the cache is asked for some of their lines at a time, so that they are there when they are needed.
struct Prefetch {
	const void *rows;
	int64_t row_bytes, row_lines, left, done = 0;
	CG_INLINE void lines(int64_t n) {
		for (n = std::min(n, left); n > 0; n--, left--, done++)
			__builtin_prefetch(static_cast<const char *>(rows) + done / row_lines * row_bytes + done % row_lines * kLine * sizeof(float));
	}
};

// R rows of x times the packed panels of a block, to y. Meanwhile the next rows of x are fetched.
template <class Way, class V, int R, int W>
CG_INLINE void band(const Product<typename Way::T> &p, int64_t i, const Block &b, const float *panels, float *x, float *y, int64_t y_row) {
	constexpr int64_t P = W * sizeof(V) / sizeof(float);
	for (int r = 0; r < R; r++) Way::row(p.x + (i + r) * p.k + b.k * Way::elements, b.depth, x + r * kRow);
	const int64_t lines = (b.depth + kLine - 1) / kLine, steps = (b.columns + P - 1) / P;
	const int64_t after = std::clamp<int64_t>(p.m - i - R, 0, R) * lines, each = (after + steps - 1) / steps;
	Prefetch next = {p.x + (i + R) * p.k + b.k * Way::elements, p.k * int64_t(sizeof *p.x), lines, after};
	for (int64_t j = 0; j < b.columns; j += P) {
		next.lines(each);
		const float *bias = b.k == 0 ? p.bias + b.column + j : nullptr, *panel = panels + j * b.depth;
		if (j + P <= b.columns) tile<Way, V, R, W>(b.depth, x, panel, bias, y + j, y_row);
		else
			edge<Way, V, R, W>(b.columns - j, b.depth, x, panel, bias, y + j, y_row);
	}
}

// Where the sums of some columns are made, and how they reach y.
struct Sums {
	float *at;
	int64_t row;
};
CG_INLINE Sums sums_in(const Product<float> &p, const Share &s, int64_t column, float *) { return {p.y + s.row * p.n + column, p.n}; }
CG_INLINE Sums sums_in(const Product<uint16_t> &, const Share &, int64_t, float *room) { return {room, kDepth * 3}; }
CG_INLINE void deliver(const Product<float> &, const Share &, const Block &, Sums) {}
CG_INLINE void deliver(const Product<uint16_t> &p, const Share &s, const Block &b, Sums from) {
	for (int64_t i = 0; i < s.rows; i++)
		for (int64_t j = 0; j < b.columns; j++) p.y[(s.row + i) * p.n + b.column + j] = narrowed(from.at[i * from.row + j]);
}

struct Freed {
	void operator()(float *p) const { std::free(p); }
};
std::unique_ptr<float, Freed> room_for(int64_t floats) {
	std::unique_ptr<float, Freed> room(static_cast<float *>(std::aligned_alloc(64, (floats + 15) / 16 * 16 * sizeof(float))));
	TORCH_CHECK(room, "no memory for ", floats, " floats");
	return room;
}

// A share, a block of columns and of depth at a time; at most so many columns are packed at once. R0 > R1 > R2 rows fit a tile.
template <class Way, class V, int R0, int R1, int R2, int W>
CG_INLINE void multiply(const Product<typename Way::T> &p, const Share s, int64_t packed) {
	constexpr int64_t P = W * sizeof(V) / sizeof(float);
	const bool narrow = sizeof(typename Way::T) < sizeof(float);
	int64_t widest = std::min(packed / P * P, (s.columns + P - 1) / P * P), words = p.k / Way::elements;
	auto room = room_for(R0 * kRow + widest * kDepth + (narrow ? s.rows * kDepth * 3 : 0));
	float *x = room.get(), *panels = x + R0 * kRow;
	for (int64_t c = 0; c < s.columns; c += widest) {
		Block b = {0, 0, s.column + c, std::min(widest, s.columns - c)};
		Sums sums = sums_in(p, s, b.column, panels + widest * kDepth);
		for (; b.k == 0 || b.k < words; b.k += kDepth) {
			b.depth = std::min(kDepth, words - b.k);
			for (int64_t j = 0; j < b.columns; j += P)
				Way::template panel<P>(p, {b.k, b.depth, b.column + j, std::min(P, b.columns - j)}, panels + j * b.depth);
			int64_t i = 0;
			auto y = [&] { return sums.at + i * sums.row; };
			for (; i + R0 <= s.rows; i += R0) band<Way, V, R0, W>(p, s.row + i, b, panels, x, y(), sums.row);
			for (; i + R1 <= s.rows; i += R1) band<Way, V, R1, W>(p, s.row + i, b, panels, x, y(), sums.row);
			for (; i + R2 <= s.rows; i += R2) band<Way, V, R2, W>(p, s.row + i, b, panels, x, y(), sums.row);
			for (; i < s.rows; i++) band<Way, V, 1, W>(p, s.row + i, b, panels, x, y(), sums.row);
		}
		deliver(p, s, b, sums);
	}
}

// How an instruction set computes a share, and how many rows and columns its tile has.
template <class T> struct Kernel {
	void (*multiply)(const Product<T> &, Share, int64_t packed);
	int64_t rows, columns;
};

void plain(const Product<float> &p, Share s, int64_t packed) { multiply<Float32, four, 6, 3, 2, 2>(p, s, packed); }
void plain_narrow(const Product<uint16_t> &p, Share s, int64_t packed) { multiply<Widened, four, 6, 3, 2, 2>(p, s, packed); }

#ifdef __x86_64__
CG_AVX2 void avx2(const Product<float> &p, Share s, int64_t packed) { multiply<Float32, eight, 6, 3, 2, 2>(p, s, packed); }
CG_AVX2 void avx2_narrow(const Product<uint16_t> &p, Share s, int64_t packed) { multiply<Widened, eight, 6, 3, 2, 2>(p, s, packed); }
CG_AVX512 void avx512(const Product<float> &p, Share s, int64_t packed) { multiply<Float32, sixteen, 14, 7, 3, 2>(p, s, packed); }
CG_AVX512 void avx512_narrow(const Product<uint16_t> &p, Share s, int64_t packed) { multiply<Widened, sixteen, 14, 7, 3, 2>(p, s, packed); }
CG_AVX512 void avx512_pairs(const Product<uint16_t> &p, Share s, int64_t packed) { multiply<Pairs, sixteen, 14, 7, 3, 2>(p, s, packed); }
#endif

Kernel<float> kernel_of(const Product<float> &) {
#ifdef __x86_64__
	if (instructions().avx512) return {avx512, 14, 32};
	if (instructions().avx2) return {avx2, 6, 16};
#endif
	return {plain, 6, 8};
}

Kernel<uint16_t> kernel_of(const Product<uint16_t> &p) {
#ifdef __x86_64__
	if (instructions().bf16 && p.k % 2 == 0 && p.k > 0) return {avx512_pairs, 14, 32};
	if (instructions().avx512) return {avx512_narrow, 14, 32};
	if (instructions().avx2) return {avx2_narrow, 6, 16};
#endif
	return {plain_narrow, 6, 8};
}

// How many columns of w are packed at a time: what takes three quarters of the second-level cache.
int64_t packed_columns() {
	long cache = sysconf(_SC_LEVEL2_CACHE_SIZE);
	if (cache <= 0) cache = 512 << 10;
	return std::clamp<int64_t>(cache * 3 / 4 / (kDepth * sizeof(float)), 128, 3 * kDepth);
}

// A grid of threads over y: columns are split first, since each thread packs the w of its own columns.
template <class T> void spread(const Product<T> &p) {
	const Kernel<T> kernel = kernel_of(p);
	static const int64_t packed = packed_columns();
	int64_t threads = at::in_parallel_region() ? 1 : at::get_num_threads();
	int64_t panels = (p.n + kernel.columns - 1) / kernel.columns, bands = (p.m + kernel.rows - 1) / kernel.rows;
	bool tall = bands >= 4 * threads;
	int64_t across = std::min(threads, tall ? std::max<int64_t>(1, panels / 4) : panels);
	while (tall && threads % across != 0) across--;
	int64_t down = std::min(bands, threads / across);
	at::parallel_for(0, across * down, 1, [&](int64_t from, int64_t to) {
		for (int64_t t = from; t < to; t++) {
			int64_t c = t % across, r = t / across;
			int64_t column = c * panels / across * kernel.columns, row = r * bands / down * kernel.rows;
			int64_t columns = std::min(p.n, (c + 1) * panels / across * kernel.columns) - column;
			int64_t rows = std::min(p.m, (r + 1) * bands / down * kernel.rows) - row;
			kernel.multiply(p, {row, rows, column, columns}, packed);
		}
	});
}

template <class T> at::Tensor product(const at::Tensor &x, const at::Tensor &w, const at::Tensor &bias) {
	std::vector<int64_t> shape = x.sizes().vec();
	int64_t k = w.size(0), n = shape.back() = w.size(1);
	at::Tensor y = at::empty(shape, x.options().requires_grad(false));
	auto at = [](const at::Tensor &t) { return static_cast<T *>(t.data_ptr()); };
	if (y.numel() > 0) spread<T>({y.numel() / n, n, k, w.stride(0), w.stride(1), at(x), at(w), bias.data_ptr<float>(), at(y)});
	return y;
}

} // namespace

extern "C" {

cg_tensor cg_row_product(cg_tensor x, cg_tensor w, cg_tensor bias) {
	return guard([&]() -> cg_tensor {
		at::Tensor a = of(x).contiguous(), b = of(w);
		TORCH_CHECK(a.scalar_type() == b.scalar_type() && a.device().is_cpu(), "row products are of one type on CPUs");
		TORCH_CHECK(a.dim() > 0 && b.dim() == 2 && a.size(-1) == b.size(0), "x ", a.sizes(), " does not fit w ", b.sizes());
		if (b.stride(0) != 1 && b.stride(1) != 1) b = b.contiguous();
		at::Tensor added = bias ? of(bias).to(at::kFloat).contiguous() : at::zeros({b.size(1)}, b.options().dtype(at::kFloat));
		TORCH_CHECK(added.numel() == b.size(1), "bias has ", added.numel(), " elements, not ", b.size(1));
		if (a.scalar_type() == at::kFloat) return new at::Tensor(product<float>(a, b, added));
		TORCH_CHECK(a.scalar_type() == at::kBFloat16, "row products are float32 or bfloat16, not ", a.scalar_type());
		return new at::Tensor(product<uint16_t>(a, b, added));
	});
}

int cg_has_amx(void) { return instructions().amx; }

} // extern "C"
