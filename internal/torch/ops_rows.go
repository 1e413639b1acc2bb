package torch

/*
#include <stdint.h>
typedef void *cg_tensor;
cg_tensor cg_row_product(cg_tensor, cg_tensor, cg_tensor);
int cg_has_amx(void);
cg_tensor cg_row_elementwise(int, cg_tensor);
cg_tensor cg_row_attention(cg_tensor, cg_tensor, cg_tensor, cg_tensor);
*/
import "C"

import "github.com/sugarme/gotch/libtch"

// rowwise says whether an operation must give each row the same bits in any batch: in a scope of DoRows, on CPUs, in float32 and
// bfloat16. Operations without a branch on it do so anyway: additions and products of elements are exact up to one rounding
// wherever an element is, LayerNorm and SelfAttention work row by row.
func rowwise(in ...*Tensor) bool {
	s := innermost("rowwise", in)
	d := in[0].DType()
	return s.rows && in[0].Device() == CPU && (d == Float32 || d == BFloat16)
}

// RowsExact says whether DoRows holds for a type on this CPU, once libtorch is loaded. It does but for bfloat16 on CPUs with AMX,
// where libtorch's own products are several times faster: there, rows may differ by bfloat16's rounding.
func RowsExact(d DType) bool { return d != BFloat16 || C.cg_has_amx() == 0 }

// rowProduct is x w + bias: x [..., K], w [K, N], bias [N] or nil.
func rowProduct(x, w, bias *Tensor) *Tensor {
	return call("Linear", func(o *libtch.Ctensor) {
		*o = libtch.Ctensor(C.cg_row_product(C.cg_tensor(x.c), C.cg_tensor(w.c), C.cg_tensor(handle(bias))))
	}, x, w, bias)
}

// rowElementwise is a function of each element that libtorch computes in vectors.
func (t *Tensor) rowElementwise(op string, which int) *Tensor {
	return call(op, func(o *libtch.Ctensor) {
		*o = libtch.Ctensor(C.cg_row_elementwise(C.int(which), C.cg_tensor(t.c)))
	}, t)
}

// rowAttention is Attention, one head of one sequence after the other.
func rowAttention(q, k, v, mask *Tensor) *Tensor {
	return call("Attention", func(o *libtch.Ctensor) {
		*o = libtch.Ctensor(C.cg_row_attention(C.cg_tensor(q.c), C.cg_tensor(k.c), C.cg_tensor(v.c), C.cg_tensor(handle(mask))))
	}, q, k, v, mask)
}
