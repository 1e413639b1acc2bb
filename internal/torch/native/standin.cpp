// A parameter's copy in a narrower type, in the parameter's place. See native.h.
#include "handle.h"
#include <c10/core/GradMode.h>
#include <torch/csrc/autograd/custom_function.h>

namespace {

// Adds a gradient in the copy's type to the parameter's own. One alone stays as it came, for the optimizer reads either type;
// a second makes the sum float32, so that nothing is ever added up in the narrow type.
void collect(at::Tensor &sum, const at::Tensor &more, at::ScalarType wide) {
	if (!sum.defined())
		sum = more.contiguous();
	else if (sum.scalar_type() == wide)
		sum.add_(more);
	else
		sum = sum.to(wide).add_(more);
}

class StandIn : public torch::autograd::Function<StandIn> {
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

cg_tensor cg_stand_in(cg_tensor master, cg_tensor copy) {
	return guard([&]() -> cg_tensor {
		if (!c10::GradMode::is_enabled() || !of(master).requires_grad()) return new at::Tensor(of(copy));
		TORCH_CHECK(of(master).is_leaf(), "only a leaf has a stand-in");
		return new at::Tensor(StandIn::apply(of(master), of(copy)));
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
