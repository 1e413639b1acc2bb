// What differs between the versions of libtorch, and how failures leave the library.
#pragma once
#include "processes.h"
#include <ATen/ATen.h>
#include <c10/core/GradMode.h>
#include <c10/util/Logging.h>
#include <torch/csrc/distributed/c10d/ProcessGroupGloo.hpp>
#include <torch/csrc/distributed/c10d/TCPStore.hpp>
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
#include <chrono>
#include <csignal>
#include <cstring>
#include <ctime>

// Store is the store of processes.h. nccl.cpp, which is a library of its own, reads it.
struct Store {
	c10::intrusive_ptr<c10d::TCPStore> tcp;
};

inline Store &store_of(void *s) { return *static_cast<Store *>(s); }

inline std::chrono::milliseconds time_of(double seconds) { return std::chrono::milliseconds(static_cast<int64_t>(seconds * 1000)); }

// A thread that writes to a socket whose other end has gone gets SIGPIPE, which would end the program. NoPipeSignal blocks it in the
// calling thread, and in the threads that it starts.
class NoPipeSignal {
public:
	NoPipeSignal() {
		sigemptyset(&pipe_);
		sigaddset(&pipe_, SIGPIPE);
		sigset_t pending;
		sigpending(&pending);
		was_pending_ = sigismember(&pending, SIGPIPE);
		pthread_sigmask(SIG_BLOCK, &pipe_, &before_);
	}
	~NoPipeSignal() {
		timespec none{0, 0};
		if (!was_pending_)
			while (sigtimedwait(&pipe_, nullptr, &none) > 0) {}
		pthread_sigmask(SIG_SETMASK, &before_, nullptr);
	}

private:
	sigset_t pipe_, before_;
	bool was_pending_;
};

// attempt runs f and returns null, or the text of the exception that it threw.
template <typename F> cgd_error attempt(F f) {
	NoPipeSignal quiet;
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
