// What differs between the versions of libtorch, and how failures leave the library.
#pragma once
#include "processes.h"
#include <ATen/ATen.h>
#include <c10/core/GradMode.h>
#include <c10/util/Logging.h>
#include <torch/csrc/distributed/c10d/ProcessGroupGloo.hpp>
#if __has_include(<torch/headeronly/version.h>)
#include <torch/headeronly/version.h>
#else
#include <torch/csrc/api/include/torch/version.h>
#endif
// Debian's 1.13 has a Backend.hpp, too, which nothing uses.
#if TORCH_VERSION_MAJOR >= 2
#include <torch/csrc/distributed/c10d/Backend.hpp>
using Engine = c10d::Backend;
#else
using Engine = c10d::ProcessGroup;
#endif
#include <cstring>

// attempt runs f and returns null, or the text of the exception that it threw.
template <typename F> cgd_error attempt(F f) {
	try {
		f();
		return nullptr;
	} catch (const c10::Error &e) {
		return strdup(e.what_without_backtrace());
	} catch (const std::exception &e) {
		return strdup(e.what());
	} catch (...) {
		return strdup("an exception of an unknown type");
	}
}
