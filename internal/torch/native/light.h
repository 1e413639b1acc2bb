// What a text tower needs without libtorch: these functions are linked into the program itself, beside the trampolines. Each row of a
// result depends on that row of x alone and has the same bits with any number of threads: several threads share a call by its columns.
// The caller's arrays are float32, row-major. Allocations that fail end the process, as they do in Go.
#pragma once
#include "native.h"

#ifdef __cplusplus
extern "C" {
#endif

const char *cg_int8_kernel(void); // which instructions products of bytes use: avx512_vnni, avx_vnni, avx2, plain

// Columns [from, to) of activation(x w + bias) + residual, as cg_int8_linear computes it: x [m, k], bias [n] or null, residual and y
// [m, n], residual may be null. from is a multiple of 32, and to is one or n.
void cg_light_int8(const cg_int8 *w, int64_t m, const float *x, const float *bias, int activation, const float *residual, float *y,
                   int64_t from, int64_t to);

// The same with a matrix w [n, k] of float32, from any column to any other.
void cg_light_float(int64_t n, int64_t k, const float *w, int64_t m, const float *x, const float *bias, int activation,
                    const float *residual, float *y, int64_t from, int64_t to);

// softmax(q k^T / sqrt(h)) v for heads [from, to) of one text: qkv [l, 3 heads h] to y [l, heads h]. With causal no position
// attends to those behind it.
void cg_light_attention(int64_t l, int64_t heads, int64_t h, int causal, const float *qkv, float *y, int64_t from, int64_t to);

#ifdef __cplusplus
}
#endif
