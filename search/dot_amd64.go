package search

import "golang.org/x/sys/cpu"

//go:noescape
func dotF32AVX512(dst, q, rows *float32, n, dim int)

//go:noescape
func dotF16AVX512(dst, q *float32, rows *uint16, n, dim int)

//go:noescape
func dotF32AVX2(dst, q, rows *float32, n, dim int)

//go:noescape
func dotF16AVX2(dst, q *float32, rows *uint16, n, dim int)

// kernels lists what this processor can run, fastest first; the last is always plain Go.
func kernels() []kernel {
	var out []kernel
	if cpu.X86.HasAVX512F {
		out = append(out, kernel{"avx512", fast(dotF32AVX512), fast(dotF16AVX512)})
	}
	if cpu.X86.HasAVX2 && cpu.X86.HasFMA && cpu.X86.HasF16C {
		out = append(out, kernel{"avx2", fast(dotF32AVX2), fast(dotF16AVX2)})
	}
	return append(out, plain())
}

// fast completes an assembly function, which leaves out the entries after the last multiple of 16.
func fast[T float32 | uint16](dot func(dst, q *float32, rows *T, n, dim int)) func(dst, q []float32, rows []T) {
	return func(dst, q []float32, rows []T) {
		n, dim := len(dst), len(q)
		if n == 0 {
			return
		}
		_ = rows[n*dim-1] // the one bounds check for all that the assembly reads
		dot(&dst[0], &q[0], &rows[0], n, dim)
		whole := dim &^ 15
		if whole == dim {
			return
		}
		for i := range dst {
			for k := whole; k < dim; k++ {
				dst[i] += q[k] * widen(rows[i*dim+k])
			}
		}
	}
}
