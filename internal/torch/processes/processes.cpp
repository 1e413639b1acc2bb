// See processes.h. Compiled for libtorch 1.13, where an engine of collectives is a ProcessGroup, to 2.15, where it is a Backend.
#include "engine.h"
#include <cstdlib>
#include <cstring>
#include <functional>
#include <torch/csrc/distributed/c10d/PrefixStore.hpp>
#include <torch/csrc/distributed/c10d/TCPStore.hpp>

namespace {

using Started = c10::intrusive_ptr<c10d::Work>;

std::chrono::milliseconds time_of(double seconds) { return std::chrono::milliseconds(static_cast<int64_t>(seconds * 1000)); }

at::Tensor &of(cg_tensor t) { return *static_cast<at::Tensor *>(t); }

struct Store {
	c10::intrusive_ptr<c10d::TCPStore> tcp;
};

struct Group {
	c10::intrusive_ptr<Engine> engine;
	bool host; // the engine reads memory of the CPU
};

struct Work {
	std::vector<Started> started;
	std::vector<at::Tensor> held; // what the engine reads and writes meanwhile
	std::function<void()> finish; // called once all is done
	at::Tensor result;
};

Store &store_of(void *s) { return *static_cast<Store *>(s); }
Group &group_of(void *g) { return *static_cast<Group *>(g); }
Work &work_of(void *w) { return *static_cast<Work *>(w); }

// A store served by libuv is the default of later versions, and an error where libtorch was built without it.
template <typename O> auto plain_server(O &o, int) -> decltype(o.useLibUV = false, void()) { o.useLibUV = false; }
template <typename O> void plain_server(O &, long) {}

// Some calls have other names from one version to the next. The first of a pair is taken where the engine has it, since its last
// argument, an int, fits 0 better.
template <typename E> auto all_to_all(E &e, at::Tensor out, at::Tensor in, std::vector<int64_t> parts, int)
    -> decltype(Started(e.all_to_all_single(out, in, parts, parts))) {
	return e.all_to_all_single(out, in, parts, parts);
}
template <typename E> Started all_to_all(E &e, at::Tensor out, at::Tensor in, std::vector<int64_t> parts, long) {
	return e.alltoall_base(out, in, parts, parts);
}

// The memory of a contiguous tensor as bytes: an engine then needs to know no type.
at::Tensor bytes_of(const at::Tensor &t) {
	return at::from_blob(t.data_ptr(), {static_cast<int64_t>(t.nbytes())}, at::TensorOptions().dtype(at::kByte).device(t.device()));
}

// What the engine can read of t: t itself, if that is possible.
at::Tensor readable(const Group &g, const at::Tensor &t) {
	at::Tensor c = t.detach();
	return (g.host ? c.cpu() : c).contiguous();
}

Started gather_into(Group &g, at::Tensor out, at::Tensor in) {
	std::vector<std::vector<at::Tensor>> outs{out.chunk(g.engine->getSize())};
	std::vector<at::Tensor> ins{in};
	return g.engine->allgather(outs, ins);
}

// to = the sum of the parts of all, in their order.
void add_parts(const at::Tensor &to, const at::Tensor &all, int world) {
	at::Tensor parts = all.view({world, -1}), flat = to.view({-1});
	flat.copy_(parts[0]);
	for (int k = 1; k < world; k++) flat.add_(parts[k]);
}

template <typename F> cgd_error start(void **out, F f) {
	return attempt([&] {
		auto work = std::make_unique<Work>();
		f(*work);
		*out = work.release();
	});
}

// Adds to what is done once all is done.
void before_finish(Work &w, std::function<void()> more) {
	auto rest = w.finish;
	w.finish = [=] {
		if (rest) rest();
		more();
	};
}

// Counts a change in place that the engine made behind libtorch's back: copies of t are out of date.
void changed(const at::Tensor &t) { t.unsafeGetTensorImpl()->bump_version(); }

// Types that every engine adds. Others are added as float32.
at::ScalarType summed_as(at::ScalarType t) {
	return t == at::kFloat || t == at::kDouble || t == at::kLong || t == at::kByte ? t : at::kFloat;
}

// Starts the sum of the tensors that are added as one type, as one.
void sum_of_type(Group &g, const std::vector<at::Tensor> &ts, at::ScalarType type, Work &w) {
	c10d::AllreduceOptions o;
	o.reduceOp = c10d::ReduceOp::SUM;
	at::Tensor flat;
	if (ts.size() == 1 && ts[0].scalar_type() == type && ts[0].is_contiguous() && (!g.host || ts[0].device().is_cpu())) {
		flat = ts[0].detach().view({-1});
		before_finish(w, [=] { changed(ts[0]); });
	} else {
		std::vector<at::Tensor> parts;
		for (const auto &t : ts) parts.push_back(readable(g, t).to(type).view({-1}));
		flat = at::cat(parts);
		before_finish(w, [=] {
			int64_t at = 0;
			for (const auto &t : ts) {
				t.detach().copy_(flat.narrow(0, at, t.numel()).view(t.sizes()));
				at += t.numel();
			}
		});
	}
	w.held.push_back(flat);
	std::vector<at::Tensor> one{flat};
	w.started.push_back(g.engine->allreduce(one, o));
}

} // namespace

extern "C" {

const char *cgd_version(void) { return TORCH_VERSION; }

cgd_error cgd_store_open(const char *host, int port, int server, double seconds, void **store, int *port_used) {
	return attempt([&] {
		setenv("TORCH_CPP_LOG_LEVEL", "FATAL", 0); // failures are returned, not written to stderr
		c10::initLogging();
		c10d::TCPStoreOptions o;
		o.port = static_cast<uint16_t>(port);
		o.isServer = server != 0;
		o.waitWorkers = false;
		o.timeout = time_of(seconds);
		plain_server(o, 0);
		auto tcp = c10::make_intrusive<c10d::TCPStore>(host, o);
		tcp->setTimeout(time_of(seconds));
		*port_used = tcp->getPort();
		*store = new Store{std::move(tcp)};
	});
}

cgd_error cgd_store_set(void *store, const char *key, const void *value, int n) {
	return attempt([&] {
		auto *bytes = static_cast<const uint8_t *>(value);
		store_of(store).tcp->set(key, std::vector<uint8_t>(bytes, bytes + n));
	});
}

cgd_error cgd_store_get(void *store, const char *key, void **value, int *n) {
	*value = nullptr;
	return attempt([&] {
		if (!store_of(store).tcp->check({key})) return;
		std::vector<uint8_t> got = static_cast<c10d::Store &>(*store_of(store).tcp).get(key);
		*n = static_cast<int>(got.size());
		*value = std::malloc(got.size() + 1);
		std::memcpy(*value, got.data(), got.size());
	});
}

cgd_error cgd_store_add(void *store, const char *key, int64_t more, int64_t *now) {
	return attempt([&] { *now = store_of(store).tcp->add(key, more); });
}

void cgd_store_free(void *store) { std::free(attempt([&] { delete &store_of(store); })); }

cgd_error cgd_gloo(void *store, const char *prefix, int rank, int world, const char *address, const char *interface, double seconds,
                   void **group) {
	return attempt([&] {
		using Gloo = c10d::ProcessGroupGloo;
		auto o = Gloo::Options::create(time_of(seconds));
		o->threads = 2;
		o->devices.push_back(interface ? Gloo::createDeviceForInterface(interface) : Gloo::createDeviceForHostname(address));
		auto under = c10::make_intrusive<c10d::PrefixStore>(prefix, store_of(store).tcp);
		*group = new Group{c10::make_intrusive<Gloo>(under, rank, world, o), true};
	});
}

void cgd_group_free(void *group) { std::free(attempt([&] { delete &group_of(group); })); }

cgd_error cgd_sum(void *group, cg_tensor *ts, int n, void **work) {
	return start(work, [&](Work &w) {
		Group &g = group_of(group);
		for (auto type : {at::kFloat, at::kDouble, at::kLong, at::kByte}) {
			std::vector<at::Tensor> same;
			for (int i = 0; i < n; i++)
				if (summed_as(of(ts[i]).scalar_type()) == type) same.push_back(of(ts[i]));
			if (!same.empty()) sum_of_type(g, same, type, w);
		}
	});
}

cgd_error cgd_broadcast(void *group, cg_tensor *ts, int n, int root, void **work) {
	return start(work, [&](Work &w) {
		Group &g = group_of(group);
		c10d::BroadcastOptions o;
		o.rootRank = root;
		std::vector<std::pair<at::Tensor, at::Tensor>> back;
		for (int i = 0; i < n; i++) {
			if (of(ts[i]).numel() == 0) continue;
			at::Tensor c = readable(g, of(ts[i]));
			back.emplace_back(of(ts[i]).detach(), c);
			w.held.push_back(c);
			std::vector<at::Tensor> one{bytes_of(c)};
			w.started.push_back(g.engine->broadcast(one, o));
		}
		if (g.engine->getRank() == root) return; // its tensors are what they were
		w.finish = [back] {
			for (const auto &pair : back)
				if (pair.first.data_ptr() == pair.second.data_ptr())
					changed(pair.first);
				else
					pair.first.copy_(pair.second);
		};
	});
}

cgd_error cgd_gather(void *group, cg_tensor t, void **work) {
	return start(work, [&](Work &w) {
		Group &g = group_of(group);
		at::Tensor in = readable(g, of(t));
		TORCH_CHECK(in.dim() > 0 && in.numel() > 0, "there are no rows to gather");
		auto shape = in.sizes().vec();
		shape[0] *= g.engine->getSize();
		at::Tensor out = at::empty(shape, in.options());
		w.held = {in, out};
		w.started.push_back(gather_into(g, bytes_of(out), bytes_of(in)));
		auto device = of(t).device();
		w.finish = [&w, out, device] { w.result = out.to(device); };
	});
}

cgd_error cgd_sum_rows(void *group, cg_tensor t, void **work) {
	return start(work, [&](Work &w) {
		Group &g = group_of(group);
		int world = g.engine->getSize();
		at::Tensor in = readable(g, of(t));
		TORCH_CHECK(in.dim() > 0 && in.numel() > 0 && in.size(0) % world == 0, in.size(0), " rows for ", world, " processes");
		auto shape = in.sizes().vec();
		shape[0] /= world;
		at::Tensor all = at::empty_like(in), out = at::empty(shape, in.options());
		w.held = {in, all};
		std::vector<int64_t> parts(world, static_cast<int64_t>(in.nbytes()) / world);
		w.started.push_back(all_to_all(*g.engine, bytes_of(all), bytes_of(in), parts, 0));
		auto device = of(t).device();
		w.finish = [&w, all, out, world, device] {
			add_parts(out, all, world);
			w.result = out.to(device);
		};
	});
}

cgd_error cgd_gather_bytes(void *group, const void *bytes, int64_t n, void **work) {
	return start(work, [&](Work &w) {
		Group &g = group_of(group);
		at::Tensor in = at::empty({n}, at::kByte), out = at::empty({n * g.engine->getSize()}, at::kByte);
		std::memcpy(in.data_ptr(), bytes, n);
		w.held = {in, out};
		w.started.push_back(gather_into(g, out, in));
		w.result = out;
	});
}

cgd_error cgd_wait(void *work, double seconds, int *done) {
	*done = 0;
	return attempt([&] {
		Work &w = work_of(work);
		auto until = std::chrono::steady_clock::now() + time_of(seconds);
		while (!w.started.empty()) {
			auto &next = w.started.back();
			auto left = std::chrono::duration_cast<std::chrono::milliseconds>(until - std::chrono::steady_clock::now());
			if (!next->isCompleted() && left.count() <= 0) return;
			try {
				next->wait(std::max(left, std::chrono::milliseconds(1)));
			} catch (...) {
				if (!next->isCompleted()) return; // its time is up, not the work's
				// The work may have ended well since then: this says how it has ended.
				next->wait(std::chrono::milliseconds(1));
			}
			w.started.pop_back();
		}
		c10::AutoGradMode off(false);
		if (w.finish) w.finish();
		w.finish = nullptr;
		*done = 1;
	});
}

cg_tensor cgd_result(void *work) { return new at::Tensor(work_of(work).result); }

void cgd_result_bytes(void *work, void *bytes, int64_t n) { std::memcpy(bytes, work_of(work).result.data_ptr(), n); }

void cgd_work_free(void *work) { std::free(attempt([&] { delete &work_of(work); })); }

} // extern "C"
