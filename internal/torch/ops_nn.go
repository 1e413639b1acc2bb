package torch

/*
#include <stdint.h>
typedef void *cg_tensor;
cg_tensor cg_attention(cg_tensor, int64_t, cg_tensor);
cg_tensor cg_single_query_attention(cg_tensor, cg_tensor, int64_t, cg_tensor);
cg_tensor cg_vocabulary_loss(cg_tensor, cg_tensor, cg_tensor, double, double);
*/
import "C"

import (
	"math"

	"github.com/sugarme/gotch/libtch"
)

// Linear is t weight^T + bias: t [..., in], weight [out, in], bias [out] or nil.
func (t *Tensor) Linear(weight, bias *Tensor) *Tensor {
	if rowwise(t, weight, bias) && RowsExact(t.DType()) {
		return rowProduct(t, weight.In(t.scope).Transpose(0, 1), bias)
	}
	return call("Linear", func(o *libtch.Ctensor) { libtch.AtgLinear(o, t.c, weight.c, handle(bias)) }, t, weight, bias)
}

// LayerNorm normalizes the last dimension to mean 0 and variance 1, then scales and shifts.
func (t *Tensor) LayerNorm(weight, bias *Tensor, eps float64) *Tensor {
	width := weight.Shape()[0]
	return call("LayerNorm", func(o *libtch.Ctensor) {
		libtch.AtgLayerNorm(o, t.c, []int64{int64(width)}, 1, weight.c, bias.c, eps, 0)
	}, t, weight, bias)
}

// GELU is x Phi(x), with the exact normal distribution.
func (t *Tensor) GELU() *Tensor {
	if rowwise(t) {
		return t.rowElementwise("GELU", 0)
	}
	return call("GELU", func(o *libtch.Ctensor) { libtch.AtgGelu(o, t.c, "none") }, t)
}

// GELUTanh is GELU's approximation by a hyperbolic tangent.
func (t *Tensor) GELUTanh() *Tensor {
	if rowwise(t) {
		return t.rowElementwise("GELUTanh", 1)
	}
	return call("GELUTanh", func(o *libtch.Ctensor) { libtch.AtgGelu(o, t.c, "tanh") }, t)
}

// QuickGELU is x sigmoid(1.702 x), OpenAI's approximation of GELU.
func (t *Tensor) QuickGELU() *Tensor { return t.Mul(t.Scale(1.702).Sigmoid()) }

// Embedding picks rows of a table [V, D] by ids of any shape (int64). On the CPU its gradient is made for those rows alone,
// not for the whole table.
func (t *Tensor) Embedding(ids *Tensor) *Tensor {
	const noPadding = -1
	sparse := int32(flag(t.Device() == CPU))
	return call("Embedding", func(o *libtch.Ctensor) { libtch.AtgEmbedding(o, t.c, ids.c, noPadding, 0, sparse) }, t, ids)
}

// SelfAttention is softmax(q k^T / sqrt(H) + mask) v for each of N heads: t [B, L, 3NH] holds queries, keys and values
// side by side, the result is [B, L, NH]; mask [L, L], or [B, 1, L, L] where each sequence has its own, is added to the
// scores, or nil.
//
// On CPUs each head is done by itself where its sequences share a mask: docs/performance.md has what that is worth for the
// shapes of the configs, BenchmarkSelfAttention measures it.
func (t *Tensor) SelfAttention(heads int, mask *Tensor) *Tensor {
	if d := t.DType(); (d == Float32 || d == BFloat16) && t.Device() == CPU && (mask == nil || len(mask.Shape()) == 2) {
		return call("SelfAttention", func(o *libtch.Ctensor) {
			*o = libtch.Ctensor(C.cg_attention(C.cg_tensor(t.c), C.int64_t(heads), C.cg_tensor(handle(mask))))
		}, t, mask)
	}
	return t.unpacked(heads, mask, Attention)
}

// SingleQueryAttention is SelfAttention of one token of each sequence: q [B, NH] holds its queries, kv [B, L, 2NH] the keys and values
// of all tokens, mask [B, L] is added to the scores, or nil; the result is [B, NH].
func SingleQueryAttention(q, kv *Tensor, heads int, mask *Tensor) *Tensor {
	if d := q.DType(); (d == Float32 || d == BFloat16) && q.Device() == CPU {
		return call("SingleQueryAttention", func(o *libtch.Ctensor) {
			*o = libtch.Ctensor(C.cg_single_query_attention(C.cg_tensor(q.c), C.cg_tensor(kv.c), C.int64_t(heads),
				C.cg_tensor(handle(mask))))
		}, q, kv, mask)
	}
	shape := kv.Shape()
	b, l, width := shape[0], shape[1], shape[2]/2
	parts := kv.Reshape(b, l, 2, heads, width/heads).Permute(2, 0, 3, 1, 4) // 2BNLH
	if mask != nil {
		mask = mask.Reshape(b, 1, 1, l)
	}
	return Attention(q.Reshape(b, heads, 1, width/heads), parts.Select(0, 0), parts.Select(0, 1), mask).Reshape(b, width)
}

// unpacked is SelfAttention by a function of queries, keys and values.
func (t *Tensor) unpacked(heads int, mask *Tensor, attend func(q, k, v, mask *Tensor) *Tensor) *Tensor {
	shape := t.Shape()
	b, l, width := shape[0], shape[1], shape[2]/3
	qkv := t.Reshape(b, l, 3, heads, width/heads).Permute(2, 0, 3, 1, 4) // 3BNLH
	yBNLH := attend(qkv.Select(0, 0), qkv.Select(0, 1), qkv.Select(0, 2), mask)
	return yBNLH.Transpose(1, 2).Reshape(b, l, width)
}

// Attention is softmax(q k^T / sqrt(H) + mask) v over the last two dimensions: q [B, N, L, H], k and v [B, N, M, H];
// mask [L, M] or [B, 1, L, M] is added to the scores, or nil. On the CPU it is plain products and a softmax, elsewhere libtorch's
// scaled_dot_product_attention, which on CPUs is several times slower in bfloat16.
func Attention(q, k, v, mask *Tensor) *Tensor {
	if q.Device() != CPU {
		return scaledDotProduct(q, k, v, mask)
	}
	if rowwise(q, k, v, mask) {
		return rowAttention(q, k, v, mask)
	}
	shape := q.Shape()
	scores := q.Scale(1 / math.Sqrt(float64(shape[len(shape)-1]))).Matmul(k.Transpose(-2, -1))
	if mask != nil {
		scores = scores.Add(mask)
	}
	return scores.Softmax(-1).Matmul(v)
}

// scaledDotProduct is Attention by libtorch's own choice of a kernel. Those that never hold the scores (flash attention) take
// no mask, but know what causal means.
func scaledDotProduct(q, k, v, mask *Tensor) *Tensor {
	causal, added := 0, mask
	if mask != nil && mask.causal && q.Shape()[2] == k.Shape()[2] {
		causal, added = 1, nil
	}
	return call("Attention", func(o *libtch.Ctensor) {
		const noDropout, noScale, usual = 0, 0, 1 // the usual scale is 1 / sqrt(H)
		libtch.AtgScaledDotProductAttention(o, q.c, k.c, v.c, handle(added), noDropout, int32(causal), noScale, usual)
	}, q, k, v, mask)
}

// CausalMask is 0 on and below the diagonal of [l, l], minus infinity above it.
func CausalMask(s *Scope, dtype DType, d Device, l int) *Tensor {
	mask := make([]float32, l*l)
	for i := range l {
		for j := i + 1; j < l; j++ {
			mask[i*l+j] = float32(math.Inf(-1))
		}
	}
	t := From(s, mask, l, l).OnDevice(d).To(dtype)
	t.causal = true
	return t
}

// CrossEntropy is the mean over rows of -log softmax(t)[target]: t [B, K], target [B] int64. With smoothing e the
// target has 1-e on its class and e spread evenly over all K, PyTorch's label_smoothing.
func (t *Tensor) CrossEntropy(target *Tensor, smoothing float64) *Tensor {
	const meanReduction, ignoreIndex = 1, -100
	return call("CrossEntropy", func(o *libtch.Ctensor) {
		libtch.AtgCrossEntropyLoss(o, t.c, target.c, nil, meanReduction, ignoreIndex, smoothing)
	}, t, target)
}

// VocabularyLoss is the sum over rows of -log softmax(t w)[target], divided by a number, float32: t [R, D], R > 0, of float32 or
// bfloat16, w [D, V] of the same type, target [R] int64. With smoothing e the target has 1-e on its word and e spread
// evenly over all V. On CPUs the scores [R, V] go through memory once; the gradient to w is whole.
func (t *Tensor) VocabularyLoss(w, target *Tensor, smoothing, over float64) *Tensor {
	if t.Device() != CPU || t.DType() == Float64 {
		scores := t.Matmul(w)
		if t.DType() == BFloat16 {
			scores = scores.To(Float32)
		}
		return scores.CrossEntropy(target, smoothing).Scale(float64(t.Shape()[0]) / over)
	}
	return call("VocabularyLoss", func(o *libtch.Ctensor) {
		*o = libtch.Ctensor(C.cg_vocabulary_loss(C.cg_tensor(t.c), C.cg_tensor(w.c), C.cg_tensor(target.c), C.double(smoothing),
			C.double(over)))
	}, t, w, target)
}

// Conv2d convolves [B, C, H, W] with weight [O, C, k, k] at a stride, without padding; bias [O] or nil.
func (t *Tensor) Conv2d(weight, bias *Tensor, stride int) *Tensor {
	if t.DType() == BFloat16 && t.Device() == CPU && !sumsWide() {
		if bias != nil {
			bias = bias.To(Float32)
		}
		return t.To(Float32).Conv2d(weight.To(Float32), bias, stride).To(BFloat16)
	}
	return call("Conv2d", func(o *libtch.Ctensor) {
		s, zero, one := int64(stride), []int64{0, 0}, []int64{1, 1}
		libtch.AtgConv2d(o, t.c, weight.c, handle(bias), []int64{s, s}, 2, zero, 2, one, 2, 1)
	}, t, weight, bias)
}

// sumsWide reports whether libtorch sums products of bfloat16 in float32 on this CPU. Where oneDNN has none, its own loops round each
// partial sum.
func sumsWide() bool { return hasAVX512() }

// Eye is the identity matrix [n, n] in float32, on a device.
func Eye(s *Scope, n int, d Device) *Tensor {
	return s.made("Eye", func(o *libtch.Ctensor) { libtch.AtgEye(o, int64(n), int32(Float32), d.number()) }).on(d)
}
