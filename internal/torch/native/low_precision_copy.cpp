// An operand with the value of a low-precision copy, whose gradient accumulates into the float32 parameter. See native.h.
#include "handle.h"
#include <c10/core/GradMode.h>
#include <torch/csrc/autograd/custom_function.h>

namespace {

// Accumulates a gradient in the copy's type. The first one is kept as it is, since the optimizer reads both types; a second one
// makes the sum float32, so that no sum is computed in the narrow type.
void collect(at::Tensor &sum, const at::Tensor &more, at::ScalarType wide) {
	if (!sum.defined())
		sum = more.contiguous();
	else if (sum.scalar_type() == wide)
		sum.add_(more);
	else
		sum = sum.to(wide).add_(more);
}

class LowPrecisionCopy : public torch::autograd::Function<LowPrecisionCopy> {
public:
	static at::Tensor forward(torch::autograd::AutogradContext *ctx, at::Tensor master, at::Tensor copy) {
		ctx->saved_data["master"] = master;
		return copy.variable_data();
	}

	static torch::autograd::variable_list backward(torch::autograd::AutogradContext *ctx, torch::autograd::variable_list grads) {
		at::Tensor master = ctx->saved_data["master"].toTensor();
		c10::AutoGradMode off(false);
		collect(master.mutable_grad(), grads[0], master.scalar_type());
		return {at::Tensor(), at::Tensor()};
	}
};

} // namespace

extern "C" {

cg_tensor cg_low_precision_copy(cg_tensor master, cg_tensor copy) {
	return guard([&]() -> cg_tensor {
		if (!c10::GradMode::is_enabled() || !of(master).requires_grad()) return new at::Tensor(of(copy));
		TORCH_CHECK(of(master).is_leaf(), "only a leaf has a low-precision copy");
		return new at::Tensor(LowPrecisionCopy::apply(of(master), of(copy)));
	});
}

cg_tensor cg_copy_as(cg_tensor t, int dtype) {
	return guard([&]() -> cg_tensor {
		c10::AutoGradMode off(false);
		return new at::Tensor(of(t).to(static_cast<at::ScalarType>(dtype), /*non_blocking=*/false, /*copy=*/true));
	});
}

void cg_copy_in_place(cg_tensor to, cg_tensor from) {
	guard([&] {
		c10::AutoGradMode off(false);
		of(to).copy_(of(from));
	});
}

int64_t cg_changes(cg_tensor t) {
	return guard([&]() -> int64_t { return of(t)._version(); });
}

} // extern "C"
