// Explicit vectors of sixteen floats, for loops that the compiler doesn't vectorize reliably. Functions marked CG_VECTOR are compiled
// for several instruction sets; the loader picks the best that the CPU supports.
#pragma once
#include <cstdint>
#include <cstring>

#define CG_VECTOR __attribute__((target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default")))
#define CG_INLINE inline __attribute__((always_inline))

// Sixteen floats, at any address.
typedef float vec __attribute__((vector_size(64), aligned(4), may_alias));
typedef int32_t ivec __attribute__((vector_size(64)));
constexpr int64_t kWide = 16;

// Shorter ones. As an argument of a template a type loses its alignment: load and store take any address.
typedef float four __attribute__((vector_size(16)));
typedef float eight __attribute__((vector_size(32)));
typedef float sixteen __attribute__((vector_size(64)));

template <class V> CG_INLINE V load(const float *p) {
	V v;
	std::memcpy(&v, p, sizeof v);
	return v;
}
template <class V> CG_INLINE void store(float *p, V v) { std::memcpy(p, &v, sizeof v); }

// bfloat16 to float32, and back: rounded to the nearest, to even between two.
CG_INLINE float widened(uint16_t v) {
	uint32_t bits = static_cast<uint32_t>(v) << 16;
	float out;
	std::memcpy(&out, &bits, sizeof out);
	return out;
}
CG_INLINE uint16_t narrowed(float f) {
	uint32_t v;
	std::memcpy(&v, &f, sizeof v);
	uint32_t rounded = (v + 0x7fff + ((v >> 16) & 1)) >> 16;
	return static_cast<uint16_t>((v & 0x7fffffff) > 0x7f800000 ? 0x7fc0 : rounded);
}

CG_INLINE vec &at_vec(float *p) { return *reinterpret_cast<vec *>(p); }
CG_INLINE const vec &at_vec(const float *p) { return *reinterpret_cast<const vec *>(p); }

// Four columns of a panel from four rows of a transposed matrix, depth words each; stride is from row to row of the panel.
CG_INLINE void pack_four(int64_t depth, const float *a, const float *b, const float *c, const float *d, float *to, int64_t stride) {
	typedef int32_t pick __attribute__((vector_size(16)));
	int64_t k = 0;
	for (; k + 4 <= depth; k += 4) {
		four ra = load<four>(a + k), rb = load<four>(b + k), rc = load<four>(c + k), rd = load<four>(d + k);
		four ab = __builtin_shuffle(ra, rb, pick{0, 4, 1, 5}), ab2 = __builtin_shuffle(ra, rb, pick{2, 6, 3, 7});
		four cd = __builtin_shuffle(rc, rd, pick{0, 4, 1, 5}), cd2 = __builtin_shuffle(rc, rd, pick{2, 6, 3, 7});
		store<four>(to + k * stride, __builtin_shuffle(ab, cd, pick{0, 1, 4, 5}));
		store<four>(to + (k + 1) * stride, __builtin_shuffle(ab, cd, pick{2, 3, 6, 7}));
		store<four>(to + (k + 2) * stride, __builtin_shuffle(ab2, cd2, pick{0, 1, 4, 5}));
		store<four>(to + (k + 3) * stride, __builtin_shuffle(ab2, cd2, pick{2, 3, 6, 7}));
	}
	for (; k < depth; k++) {
		float *row = to + k * stride;
		row[0] = a[k], row[1] = b[k], row[2] = c[k], row[3] = d[k];
	}
}

// exp in float32, within 2 units in the last place (Cephes' polynomial); 0 where the result would not be normal. V should be a vector
// that the CPU has: GCC 12 compares longer ones element by element.
template <class V> CG_INLINE V exp_in(V x) {
	typedef decltype(V{} < V{}) Bits;
	const V round = V{} + 12582912.0f; // 1.5 * 2^23: adding it leaves no fraction
	V n = (x * 1.44269504088896341f + round) - round;
	V r = x - n * 0.693359375f + n * 2.12194440e-4f;
	V p = V{} + 1.9875691500e-4f;
	p = p * r + 1.3981999507e-3f;
	p = p * r + 8.3334519073e-3f;
	p = p * r + 4.1665795894e-2f;
	p = p * r + 1.6666665459e-1f;
	p = p * r + 5.0000001201e-1f;
	p = p * r * r + r + 1.0f;
	V kept = x < -87.0f ? V{} : n; // out of range: any exponent will do
	Bits power = (__builtin_convertvector(kept, Bits) + 127) << 23;
	V two;
	std::memcpy(&two, &power, sizeof two);
	return x < -87.0f ? V{} : p * two;
}
CG_INLINE vec exp_of(vec x) { return exp_in<sixteen>(x); }
