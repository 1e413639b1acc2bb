// Asynchronous work for an accelerator: copies and an AdamW step that never synchronize with the host. It consists of libtorch's
// own operations, so it runs on any device and is tested on CPUs. See native.h.
#include "handle.h"
#include <ATen/record_function.h>
#include <atomic>
#include <c10/core/GradMode.h>
#include <c10/core/impl/VirtualGuardImpl.h>
#include <map>
#include <torch/version.h>
#include <vector>

#define CG_TORCH (TORCH_VERSION_MAJOR * 100 + TORCH_VERSION_MINOR)

namespace {

// Copies through pinned memory, asynchronously. PyTorch's allocator keeps the pinned memory until the copy has ended.
at::Tensor staged(const at::Tensor &host, at::Device device) {
	if (device.is_cpu()) return host.clone();
	at::Tensor pinned = at::empty(host.sizes(), host.options().pinned_memory(true)).copy_(host);
	return at::empty(host.sizes(), host.options().device(device)).copy_(pinned, /*non_blocking=*/true);
}

at::Tensor channels(const double *v, at::Device device) {
	at::Tensor host = at::empty({1, 3, 1, 1}, at::kFloat);
	for (int c = 0; c < 3; c++) host.data_ptr<float>()[c] = static_cast<float>(v[c]);
	return staged(host, device);
}

// Parameters that have the same weight decay.
struct Group {
	std::vector<at::Tensor> params, grads, mean, variance;
};

// Groups the parameters that have a gradient by their weight decay.
std::map<double, Group> groups_of(cg_tensor *params, cg_tensor *mean, cg_tensor *variance, const double *decay, int n) {
	std::map<double, Group> groups;
	for (int i = 0; i < n; i++) {
		at::Tensor g = of(params[i]).grad();
		if (!g.defined()) continue;
		at::Tensor p = of(params[i]), dense = (g.is_sparse() ? g.to_dense() : g).to(p.scalar_type());
		if (dense.strides() != p.strides()) dense = at::empty_like(p).copy_(dense); // CUDA's kernel requires equal strides
		Group &to = groups[decay[i]];
		to.params.push_back(p);
		to.grads.push_back(dense);
		to.mean.push_back(of(mean[i]));
		to.variance.push_back(of(variance[i]));
	}
	return groups;
}

at::Tensor norm_of(const std::map<double, Group> &groups, at::Device device) {
	std::vector<at::Tensor> norms;
	for (const auto &g : groups)
		for (const auto &one : at::_foreach_norm(g.second.grads, 2)) norms.push_back(one.to(at::kFloat));
	if (norms.empty()) return at::zeros({}, at::TensorOptions().dtype(at::kDouble).device(device));
	return at::stack(norms).to(at::kDouble).norm();
}

// Updates a group's parameters unless missed is 1. divisor, float32 [], divides the gradients; a.made, float32 [], is the number of
// steps including this one.
void move(Group &g, double decay, const cg_ahead &a, const at::Tensor &divisor, const at::Tensor &missed) {
	const at::Tensor &made = of(a.made);
#if CG_TORCH >= 204
	// The CPU kernel reads the step count on the host, CUDA's doesn't: the tests must not count this synchronization.
	at::DisableRecordFunctionGuard unseen;
	std::vector<at::Tensor> steps(g.params.size(), made);
	at::_fused_adamw_(g.params, g.grads, g.mean, g.variance, {}, steps, a.lr, a.beta1, a.beta2, decay, a.eps,
	                  /*amsgrad=*/false, /*maximize=*/false, divisor, missed);
#else
	at::Tensor skip = missed.to(at::kBool), root = (1 - at::pow(a.beta2, made)).sqrt(), rate = a.lr / (1 - at::pow(a.beta1, made));
	for (size_t i = 0; i < g.params.size(); i++) {
		at::Tensor d = g.grads[i] / divisor, p = g.params[i];
		at::Tensor m = g.mean[i] + (d - g.mean[i]) * (1 - a.beta1);
		at::Tensor v = g.variance[i] * a.beta2 + d * d * (1 - a.beta2);
		at::Tensor moved = p * (1 - a.lr * decay) - rate * m / (v.sqrt() / root + a.eps);
		p.copy_(at::where(skip, p, moved));
		g.mean[i].copy_(at::where(skip, g.mean[i], m));
		g.variance[i].copy_(at::where(skip, g.variance[i], v));
	}
#endif
}

// Number of operations that synchronize the host with an accelerator; counted between cg_watch_waits and cg_waits_seen.
std::atomic<int64_t> waited{0};
std::atomic<at::CallbackHandle> watch{0};

std::unique_ptr<at::ObserverContext> observe(const at::RecordFunction &f) {
	static const char *const waits[] = {"aten::_local_scalar_dense", "aten::is_nonzero", "aten::nonzero",
	                                    "aten::masked_select",       "aten::equal",      "aten::_unique2"};
	for (const char *name : waits)
		if (std::strcmp(f.name(), name) == 0) waited++;
	return nullptr;
}

} // namespace

void cg_waits() { waited++; }

extern "C" {

cg_tensor cg_on_device(cg_tensor t, int device) {
	return guard([&]() -> cg_tensor {
		at::Device to = device_of(device);
		const at::Tensor &x = of(t);
		if (x.device().is_cpu() && !to.is_cpu() && !x.requires_grad()) return new at::Tensor(staged(x, to));
		return new at::Tensor(x.to(to));
	});
}

cg_tensor cg_pixels_on_device(const uint8_t *pixels, int64_t n, int64_t size, const double *mean, const double *std,
                              int device) {
	return guard([&]() -> cg_tensor {
		at::Device to = device_of(device);
		at::Tensor host = at::from_blob(const_cast<uint8_t *>(pixels), {n, size, size, 3}, at::TensorOptions().dtype(at::kByte));
		at::Tensor x = staged(host, to).permute({0, 3, 1, 2}).contiguous().to(at::kFloat);
		return new at::Tensor(x.div_(255).sub_(channels(mean, to)).div_(channels(std, to)));
	});
}

cg_tensor cg_adamw_ahead(cg_tensor *params, cg_tensor *mean, cg_tensor *variance, const double *decay, int n,
                         const cg_ahead *args) {
	return guard([&]() -> cg_tensor {
		c10::AutoGradMode off(false);
		at::Tensor &made = of(args->made), &failed = of(args->failed);
		auto groups = groups_of(params, mean, variance, decay, n);
		at::Tensor norm = norm_of(groups, made.device());
		at::Tensor fine = at::isfinite(norm);
		for (int i = 0; i < args->n_losses; i++) fine = fine.logical_and(at::isfinite(of(args->losses[i]).detach()));
		at::Tensor missed = fine.logical_not().to(at::kFloat);
		made.add_(fine.to(at::kFloat));
		failed.add_(missed);         // [in a row, in all]
		failed.select(0, 0).mul_(missed);
		at::Tensor divisor = at::ones_like(missed);
		if (args->limit > 0) divisor = ((norm + 1e-6) / args->limit).clamp_min(1).to(at::kFloat);
		for (auto &g : groups) {
			move(g.second, g.first, *args, divisor, missed);
			for (auto &p : g.second.params) p.unsafeGetTensorImpl()->bump_version(); // makes low-precision copies stale
		}
		return new at::Tensor(norm);
	});
}

void cg_watch_waits(void) {
	guard([] {
		waited = 0;
		watch = at::addGlobalCallback(at::RecordFunctionCallback(observe));
	});
}

int64_t cg_waits_seen(void) {
	return guard([]() -> int64_t {
		at::removeCallback(watch);
		return waited;
	});
}

void cg_use_device(int device) {
	guard([&] { c10::impl::VirtualGuardImpl(at::kCUDA).setDevice(device_of(device)); });
}

void cg_tf32(int on) {
	guard([&] {
		at::globalContext().setAllowTF32CuBLAS(on != 0);
		at::globalContext().setAllowTF32CuDNN(on != 0);
	});
}

} // extern "C"
