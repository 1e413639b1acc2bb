// See native.h. Built into libtch.so beside gotch's torch_api.cpp, whose error slot it shares.
#include "native.h"
#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <ATen/Version.h>
#include <c10/core/GradMode.h>
#include <cmath>
#include <cstring>
#include <torch/csrc/autograd/variable.h>
#include <torch/version.h>
#include <vector>

extern thread_local char *torch_last_err; // gotch's

// Loops over memory exist once for each level of vector instructions; -ffp-contract=off keeps them bit-identical.
#define CG_VECTOR __attribute__((target_clones("avx512f", "avx2", "default")))

namespace {

at::Tensor &of(cg_tensor t) { return *static_cast<at::Tensor *>(t); }

// guard runs f and leaves what it throws where gotch's own calls leave it.
template <class F> auto guard(F f) -> decltype(f()) {
	try {
		return f();
	} catch (const std::exception &e) {
		torch_last_err = strdup(e.what());
		return decltype(f())();
	}
}

at::Device device_of(int device) {
	return device < 0 ? at::Device(at::kCPU) : at::Device(at::kCUDA, static_cast<c10::DeviceIndex>(device));
}

at::TensorOptions options_of(int dtype) { return at::TensorOptions().dtype(static_cast<at::ScalarType>(dtype)); }

void check_bytes(const at::Tensor &t, size_t n) {
	TORCH_CHECK(t.nbytes() == n, "tensor holds ", t.nbytes(), " bytes, not ", n);
}

// A stretch of one tensor. Work is cut into stretches of a fixed size, so that neither the grouping of a sum nor the
// order within one depends on the number of threads.
struct Stretch {
	int tensor;
	int64_t begin, end;
};
constexpr int64_t kStretch = 1 << 15;

std::vector<Stretch> stretches(const std::vector<at::Tensor> &tensors) {
	std::vector<Stretch> out;
	for (int i = 0; i < static_cast<int>(tensors.size()); i++) {
		int64_t n = tensors[i].defined() ? tensors[i].numel() : 0;
		for (int64_t b = 0; b < n; b += kStretch) out.push_back({i, b, std::min(n, b + kStretch)});
	}
	return out;
}

bool plain_float(const at::Tensor &t) {
	return t.device().is_cpu() && t.scalar_type() == at::kFloat && t.is_contiguous();
}

std::vector<at::Tensor> gradients_of(cg_tensor *params, int n) {
	std::vector<at::Tensor> out;
	for (int i = 0; i < n; i++) {
		at::Tensor g = of(params[i]).grad();
		out.push_back(g.defined() ? g.contiguous() : g);
	}
	return out;
}

// Eight independent sums keep the compiler free to vectorize without reordering anything between runs.
CG_VECTOR double square_sum(const float *p, int64_t n) {
	double lane[8] = {0, 0, 0, 0, 0, 0, 0, 0};
	int64_t i = 0;
	for (; i + 8 <= n; i += 8)
		for (int k = 0; k < 8; k++) lane[k] += static_cast<double>(p[i + k]) * p[i + k];
	for (; i < n; i++) lane[0] += static_cast<double>(p[i]) * p[i];
	return ((lane[0] + lane[1]) + (lane[2] + lane[3])) + ((lane[4] + lane[5]) + (lane[6] + lane[7]));
}

double norm_on_cpu(const std::vector<at::Tensor> &grads) {
	auto work = stretches(grads);
	std::vector<double> part(work.size());
	at::parallel_for(0, static_cast<int64_t>(work.size()), 1, [&](int64_t from, int64_t to) {
		for (int64_t w = from; w < to; w++) {
			const Stretch &s = work[w];
			part[w] = square_sum(grads[s.tensor].data_ptr<float>() + s.begin, s.end - s.begin);
		}
	});
	double sum = 0;
	for (double p : part) sum += p;
	return std::sqrt(sum);
}

// The scalars of a step, as the loop uses them.
struct AdamW {
	float beta1, beta2, eps, rate, root, scale;
	explicit AdamW(const cg_adamw_args &a)
	    : beta1(a.beta1), beta2(a.beta2), eps(a.eps), rate(a.lr / (1 - std::pow(a.beta1, a.step))),
	      root(1 / std::sqrt(1 - std::pow(a.beta2, a.step))), scale(a.gradient_scale) {}
};

CG_VECTOR void update(const AdamW a, float keep, float *__restrict p, const float *__restrict g, float *__restrict m,
                      float *__restrict v, int64_t n) {
	for (int64_t i = 0; i < n; i++) {
		float d = g[i] * a.scale;
		float mi = m[i] + (1 - a.beta1) * (d - m[i]);
		float vi = a.beta2 * v[i] + (1 - a.beta2) * d * d;
		m[i] = mi;
		v[i] = vi;
		p[i] = p[i] * keep - a.rate * (mi / (std::sqrt(vi) * a.root + a.eps));
	}
}

// Any device and type, one tensor at a time: the same formula in libtorch's own operations.
void adamw_by_ops(at::Tensor p, const at::Tensor &g, at::Tensor m, at::Tensor v, double decay, const cg_adamw_args &a) {
	at::Tensor d = g * a.gradient_scale;
	p.mul_(1 - a.lr * decay);
	m.mul_(a.beta1).add_(d, 1 - a.beta1);
	v.mul_(a.beta2).addcmul_(d, d, 1 - a.beta2);
	at::Tensor root = v.sqrt().div_(std::sqrt(1 - std::pow(a.beta2, a.step))).add_(a.eps);
	p.addcdiv_(m, root, -a.lr / (1 - std::pow(a.beta1, a.step)));
}

} // namespace

extern "C" {

const char *cg_version(void) { return TORCH_VERSION; }

char *cg_build_config(void) { return strdup(at::show_config().c_str()); }

int cg_cuda_devices(void) {
	return guard([] { return at::hasCUDA() ? static_cast<int>(at::detail::getCUDAHooks().getNumGPUs()) : 0; });
}

void cg_set_threads(int n) { guard([&] { at::set_num_threads(n); }); }
int cg_get_threads(void) { return at::get_num_threads(); }

cg_tensor cg_from_bytes(const void *bytes, const int64_t *shape, int dims, int dtype, int device) {
	return guard([&]() -> cg_tensor {
		auto view = at::from_blob(const_cast<void *>(bytes), at::IntArrayRef(shape, dims), options_of(dtype));
		return new at::Tensor(device < 0 ? view.clone() : view.to(device_of(device)));
	});
}

cg_tensor cg_view_bytes(void *bytes, const int64_t *shape, int dims, int dtype) {
	return guard([&]() -> cg_tensor {
		return new at::Tensor(at::from_blob(bytes, at::IntArrayRef(shape, dims), options_of(dtype)));
	});
}

cg_tensor cg_pixels(const uint8_t *pixels, int64_t n, int64_t size, const double *mean, const double *std,
                    int device) {
	return guard([&]() -> cg_tensor {
		float value[3][256];
		for (int c = 0; c < 3; c++)
			for (int v = 0; v < 256; v++)
				value[c][v] = (static_cast<float>(v) / 255.0f - static_cast<float>(mean[c])) / static_cast<float>(std[c]);
		at::Tensor out = at::empty({n, 3, size, size}, at::kFloat);
		float *to = out.data_ptr<float>();
		int64_t plane = size * size;
		at::parallel_for(0, n, 1, [&](int64_t from, int64_t end) {
			for (int64_t i = from; i < end; i++)
				for (int64_t p = 0; p < plane; p++)
					for (int64_t c = 0; c < 3; c++)
						to[(i * 3 + c) * plane + p] = value[c][pixels[(i * plane + p) * 3 + c]];
		});
		return new at::Tensor(device < 0 ? out : out.to(device_of(device)));
	});
}

void cg_to_bytes(cg_tensor t, void *bytes, size_t n) {
	guard([&] {
		check_bytes(of(t), n);
		at::Tensor c = of(t).detach().cpu().contiguous();
		std::memcpy(bytes, c.data_ptr(), n);
	});
}

void cg_overwrite(cg_tensor t, const void *bytes, size_t n) {
	guard([&] {
		check_bytes(of(t), n);
		auto view = at::from_blob(const_cast<void *>(bytes), of(t).sizes(), of(t).options().device(at::kCPU).requires_grad(false));
		c10::AutoGradMode off(false);
		of(t).copy_(view);
	});
}

void cg_backward(cg_tensor t, cg_tensor gradient) {
	guard([&] { of(t).backward(gradient ? of(gradient) : at::Tensor()); });
}

cg_tensor cg_gradient(cg_tensor t) {
	return guard([&]() -> cg_tensor {
		at::Tensor g = of(t).grad();
		return g.defined() ? new at::Tensor(g) : nullptr;
	});
}

void cg_drop_gradients(cg_tensor *params, int n) {
	guard([&] {
		for (int i = 0; i < n; i++) of(params[i]).mutable_grad() = at::Tensor();
	});
}

double cg_gradient_norm(cg_tensor *params, int n) {
	return guard([&]() -> double {
		auto grads = gradients_of(params, n);
		bool plain = true;
		for (const auto &g : grads) plain = plain && (!g.defined() || plain_float(g));
		if (plain) return norm_on_cpu(grads);
		double sum = 0;
		for (const auto &g : grads)
			if (g.defined()) sum += std::pow(g.to(at::kDouble).norm().item<double>(), 2);
		return std::sqrt(sum);
	});
}

void cg_adamw(cg_tensor *params, cg_tensor *mean, cg_tensor *variance, const double *decay, int n,
              const cg_adamw_args *args) {
	guard([&] {
		c10::AutoGradMode off(false);
		auto grads = gradients_of(params, n);
		std::vector<at::Tensor> fused(grads.size());
		for (int i = 0; i < n; i++) {
			if (!grads[i].defined()) continue;
			if (plain_float(of(params[i])) && plain_float(grads[i]))
				fused[i] = grads[i];
			else
				adamw_by_ops(of(params[i]), grads[i], of(mean[i]), of(variance[i]), decay[i], *args);
		}
		AdamW step(*args);
		auto work = stretches(fused);
		at::parallel_for(0, static_cast<int64_t>(work.size()), 1, [&](int64_t from, int64_t to) {
			for (int64_t w = from; w < to; w++) {
				const Stretch &s = work[w];
				int i = s.tensor;
				update(step, static_cast<float>(1 - args->lr * decay[i]), of(params[i]).data_ptr<float>() + s.begin,
				       fused[i].data_ptr<float>() + s.begin, of(mean[i]).data_ptr<float>() + s.begin,
				       of(variance[i]).data_ptr<float>() + s.begin, s.end - s.begin);
			}
		});
	});
}

void cg_clamp_in_place(cg_tensor t, double low, double high) {
	guard([&] {
		c10::AutoGradMode off(false);
		of(t).clamp_(low, high);
	});
}

} // extern "C"
