// Gradient checkpointing (Chen et al., 2016): a function's graph is not kept, the backward pass recomputes it. See native.h.
#include "handle.h"
#include <stdexcept>
#include <string>
#include <torch/csrc/autograd/custom_function.h>
#include <torch/custom_class.h>
#include <vector>

namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

// Recomputes the function. The graph owns it and calls forget when it is destroyed.
struct Job : torch::CustomClassHolder {
	uintptr_t job;
	cg_recompute again;
	cg_forget forget;
	Job(uintptr_t job, cg_recompute again, cg_forget forget) : job(job), again(again), forget(forget) {}
	~Job() override { forget(job); }
};

class Recompute : public torch::autograd::Function<Recompute> {
public:
	// anchor is a leaf with requires_grad, so that the result is recorded even if no operand requires a gradient (only parameters
	// do). Operands are arguments of their own because autograd doesn't see tensors within a list; n is 1 or 2.
	static at::Tensor forward(AutogradContext *ctx, at::Tensor result, at::Tensor anchor, at::Tensor a, at::Tensor b, int64_t n,
	                          c10::intrusive_ptr<Job> job) {
		variable_list leaves = {a.variable_data().set_requires_grad(a.requires_grad())};
		if (n == 2) leaves.push_back(b.variable_data().set_requires_grad(b.requires_grad()));
		ctx->saved_data["leaves"] = leaves;
		ctx->saved_data["job"] = c10::IValue::make_capsule(job);
		return result.variable_data();
	}

	// Calls back to recompute the function from the leaves and to run its backward pass, which accumulates the gradients of the
	// operands into the leaves and those of the parameters into the parameters.
	static variable_list backward(AutogradContext *ctx, variable_list grads) {
		auto found = ctx->saved_data.find("job");
		TORCH_CHECK(found != ctx->saved_data.end(), "a second backward pass through a function that is computed again");
		auto job = c10::static_intrusive_pointer_cast<Job>(found->second.toCapsule());
		variable_list leaves = ctx->saved_data["leaves"].toTensorVector();
		ctx->saved_data.clear(); // the operands live no longer than they are needed
		std::vector<cg_tensor> handles;
		for (auto &leaf : leaves) handles.push_back(&leaf);
		if (char *reason = job->again(job->job, handles.data(), static_cast<int>(handles.size()), &grads[0])) {
			std::string text(reason);
			free(reason);
			throw std::runtime_error(text);
		}
		variable_list out(2); // of result and anchor: none
		for (auto &leaf : leaves) out.push_back(leaf.requires_grad() ? leaf.grad() : at::Tensor());
		out.resize(6); // of a missing operand, n and job: none
		return out;
	}
};

} // namespace

extern "C" cg_tensor cg_recomputed(cg_tensor result, cg_tensor *operands, int n, uintptr_t job, cg_recompute again, cg_forget forget) {
	return guard([&]() -> cg_tensor {
		auto owned = c10::make_intrusive<Job>(job, again, forget);
		TORCH_CHECK(n == 1 || n == 2, n, " operands of a function that is computed again; 1 or 2");
		at::Tensor anchor = at::empty({0}, of(result).options().requires_grad(false)).set_requires_grad(true);
		return new at::Tensor(Recompute::apply(of(result).variable_data(), anchor, of(operands[0]), n == 2 ? of(operands[1]) : anchor, static_cast<int64_t>(n), owned));
	});
}
