// What every file here needs: handles to tensors and back, and exceptions into gotch's error slot.
#pragma once
#include "native.h"
#include <ATen/ATen.h>
#include <cstring>

extern thread_local char *torch_last_err; // gotch's

inline at::Tensor &of(cg_tensor t) { return *static_cast<at::Tensor *>(t); }

// guard runs f and leaves what it throws where gotch's own calls leave it.
template <class F> auto guard(F f) -> decltype(f()) {
	try {
		return f();
	} catch (const std::exception &e) {
		torch_last_err = strdup(e.what());
		return decltype(f())();
	}
}
