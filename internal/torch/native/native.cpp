// See native.h. Built into libtch.so beside gotch's torch_api.cpp, whose error slot it shares.
#include "handle.h"
#include <ATen/Parallel.h>
#include <ATen/Version.h>
#include <c10/core/GradMode.h>
#include <torch/csrc/autograd/variable.h>
#include <torch/version.h>
#include <dlfcn.h>

namespace {

at::TensorOptions options_of(int dtype) { return at::TensorOptions().dtype(static_cast<at::ScalarType>(dtype)); }

void check_bytes(const at::Tensor &t, size_t n) {
	TORCH_CHECK(t.nbytes() == n, "tensor holds ", t.nbytes(), " bytes, not ", n);
}

} // namespace

extern "C" {

const char *cg_version(void) { return TORCH_VERSION; }

char *cg_build_config(void) { return strdup(at::show_config().c_str()); }

// dlopen searches the library path of its caller. A tail call would make another function the caller.
int cg_load_cuda(void) {
	if (!dlopen("libcuda.so.1", RTLD_LAZY | RTLD_LOCAL)) return 0;
	void *library = dlopen("libtorch_cuda.so", RTLD_NOW | RTLD_GLOBAL);
	return library != nullptr;
}

int cg_cuda_devices(void) {
	return guard([] { return at::hasCUDA() ? static_cast<int>(at::detail::getCUDAHooks().getNumGPUs()) : 0; });
}

void cg_set_threads(int n) {
	guard([&] {
		at::set_num_threads(n);
		// A thread's first parallel loop takes the number that any thread set last. Running one here fixes this thread's number.
		at::parallel_for(0, 1, 1, [](int64_t, int64_t) {});
	});
}
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

cg_tensor cg_pixels(const uint8_t *pixels, int64_t n, int64_t size, const double *mean, const double *std) {
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
		return new at::Tensor(out);
	});
}

void cg_to_bytes(cg_tensor t, void *bytes, size_t n) {
	guard([&] {
		cg_waits();
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
		if (!g.defined()) return nullptr;
		return new at::Tensor((g.is_sparse() ? g.to_dense() : g).to(of(t).scalar_type()));
	});
}

void cg_drop_gradients(cg_tensor *params, int n) {
	guard([&] {
		for (int i = 0; i < n; i++) of(params[i]).mutable_grad() = at::Tensor();
	});
}

void cg_clamp_in_place(cg_tensor t, double low, double high) {
	guard([&] {
		c10::AutoGradMode off(false);
		of(t).clamp_(low, high);
	});
}

} // extern "C"
