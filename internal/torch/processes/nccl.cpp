// See nccl.h. Compiled for libtorch 2.15 with CUDA. No GPU has run it yet: docs/distributed.md says what was tested.
#include "engine.h"
#include "nccl.h"
#include <c10/cuda/CUDAGuard.h>
#include <cstdlib>
#include <torch/csrc/distributed/c10d/PrefixStore.hpp>
#include <torch/csrc/distributed/c10d/ProcessGroupNCCL.hpp>

namespace {

using NCCL = c10d::ProcessGroupNCCL;

c10::intrusive_ptr<Engine> &engine_of(void *e) { return *static_cast<c10::intrusive_ptr<Engine> *>(e); }

// ProcessGroupNCCL watches its collectives in a thread. Its defaults end the program from there when one fails or hangs. clipgo has
// deadlines of its own, after which it says who is missing and saves what it can, so a failure is only to make the works fail.
void keep_alive() {
	setenv("TORCH_NCCL_ASYNC_ERROR_HANDLING", "2", 0);  // CleanUpOnly: abort the communicators, not the program
	setenv("TORCH_NCCL_ENABLE_MONITORING", "0", 0);     // the thread that kills a program whose watch hangs
	setenv("TORCH_NCCL_RETHROW_CUDA_ERRORS", "0", 0);   // an exception in the watching thread would end the program
	setenv("TORCH_NCCL_DUMP_ON_TIMEOUT", "0", 0);
}

} // namespace

extern "C" {

const char *cgn_version(void) { return TORCH_VERSION; }

int cgn_nccl(void) {
	int version = 0;
	return ncclGetVersion(&version) == ncclSuccess ? version : 0;
}

cgd_error cgn_engine(void *store, const char *prefix, int rank, int world, int device, double seconds, void **engine) {
	return attempt([&] {
		keep_alive();
		c10::cuda::CUDAGuard here(static_cast<c10::DeviceIndex>(device)); // this thread may have used no device yet
		auto options = NCCL::Options::create();
		options->timeout = time_of(seconds);
		auto under = c10::make_intrusive<c10d::PrefixStore>(prefix, store_of(store).tcp);
		c10::intrusive_ptr<Engine> e = c10::make_intrusive<NCCL>(under, rank, world, options);
		at::Device on(at::kCUDA, static_cast<c10::DeviceIndex>(device));
		e->setBoundDeviceId(on);
		e->eagerConnectSingleDevice(on);
		*engine = new c10::intrusive_ptr<Engine>(std::move(e));
	});
}

cgd_error cgn_abort(void *engine) {
	return attempt([&] { engine_of(engine)->abort(); });
}

void cgn_free(void *engine) {
	std::free(attempt([&] {
		engine_of(engine)->shutdown();
		delete &engine_of(engine);
	}));
}

} // extern "C"
