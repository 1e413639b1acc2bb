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

// exp in float32, within 2 units in the last place (Cephes' polynomial); 0 where the result would not be normal.
CG_INLINE vec exp_of(vec x) {
	const vec round = vec{} + 12582912.0f; // 1.5 * 2^23: adding it leaves no fraction
	vec n = (x * 1.44269504088896341f + round) - round;
	vec r = x - n * 0.693359375f + n * 2.12194440e-4f;
	vec p = vec{} + 1.9875691500e-4f;
	p = p * r + 1.3981999507e-3f;
	p = p * r + 8.3334519073e-3f;
	p = p * r + 4.1665795894e-2f;
	p = p * r + 1.6666665459e-1f;
	p = p * r + 5.0000001201e-1f;
	p = p * r * r + r + 1.0f;
	vec kept = x < -87.0f ? vec{} : n; // out of range: any exponent will do
	ivec power = (__builtin_convertvector(kept, ivec) + 127) << 23;
	vec two;
	std::memcpy(&two, &power, sizeof two);
	return x < -87.0f ? vec{} : p * two;
}
