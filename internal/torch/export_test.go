package torch

// What another device than the CPU computes with, to be tested on the CPU.

// PixelsThere is Pixels on a device that is not the CPU.
func PixelsThere(s *Scope, pixels []uint8, n, size int, mean, std [3]float64) *Tensor {
	return s.pixelsThere(pixels, [2]int{n, size}, mean, std, CPU)
}

// Unpacked is SelfAttention by a function of queries, keys and values.
func (t *Tensor) Unpacked(heads int, mask *Tensor, attend func(q, k, v, mask *Tensor) *Tensor) *Tensor {
	return t.unpacked(heads, mask, attend)
}

// ScaledDotProduct is Attention on a device that is not the CPU.
func ScaledDotProduct(q, k, v, mask *Tensor) *Tensor { return scaledDotProduct(q, k, v, mask) }

// ThreadsHere is libtorch's number of threads for the calling OS thread.
func ThreadsHere() int { return threadsHere() }
