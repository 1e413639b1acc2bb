// What every file here needs: handles to tensors and back, and exceptions into gotch's error slot.
#pragma once
#include "native.h"
#include <ATen/ATen.h>
#include <cstring>

extern thread_local char *torch_last_err; // gotch's

inline at::Tensor &of(cg_tensor t) { return *static_cast<at::Tensor *>(t); }

// -1 is the CPU, others are CUDA's by their number.
inline at::Device device_of(int device) {
	return device < 0 ? at::Device(at::kCPU) : at::Device(at::kCUDA, static_cast<c10::DeviceIndex>(device));
}

void cg_waits(); // counts a synchronization of the host with a device

// guard runs f and stores the text of an exception in torch_last_err, as gotch's own calls do.
template <class F> auto guard(F f) -> decltype(f()) {
	try {
		return f();
	} catch (const std::exception &e) {
		torch_last_err = strdup(e.what());
		return decltype(f())();
	}
}
