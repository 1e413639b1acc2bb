// See processes.h. Compiled for libtorch 1.13, where an engine of collectives is a ProcessGroup, to 2.15, where it is a Backend.
#include "engine.h"
#include <cstdlib>
#include <cstring>
#include <functional>
#include <thread>
#include <torch/csrc/distributed/c10d/PrefixStore.hpp>

namespace {

using Started = c10::intrusive_ptr<c10d::Work>;

at::Tensor &of(cg_tensor t) { return *static_cast<at::Tensor *>(t); }

struct Group {
	c10::intrusive_ptr<Engine> engine; // reads memory of the CPU
	c10::intrusive_ptr<Engine> cards;  // reads that of a CUDA device; null: what lies there goes through memory of the CPU
};

struct Work {
	std::vector<std::function<Started()>> prepared; // what is to be started
	bool cards = false;                             // by the engine of CUDA devices
	std::vector<Started> started;
	std::vector<at::Tensor> held; // what the engine reads and writes meanwhile
	std::function<void()> finish; // called once all is done
	at::Tensor result;
};

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

bool on_card(const Group &g, const at::Tensor &t) { return g.cards && !t.device().is_cpu(); }

// The engine that reads c, which is of readable.
Engine &reader(const Group &g, const at::Tensor &c) { return c.device().is_cpu() ? *g.engine : *g.cards; }

// What an engine can read of t: t itself, if that is possible.
at::Tensor readable(const Group &g, const at::Tensor &t) {
	at::Tensor c = t.detach();
	return (on_card(g, t) ? c : c.cpu()).contiguous();
}

// Gloo takes the parts one by one. NCCL would make a copy of them, and takes them as one.
template <typename E> auto gather_single(E &e, at::Tensor &out, at::Tensor &in, int) -> decltype(Started(e.all_gather_single(out, in))) {
	return e.all_gather_single(out, in);
}
template <typename E> Started gather_single(E &e, at::Tensor &out, at::Tensor &in, long) { return e._allgather_base(out, in); }

Started gather_into(Engine &e, at::Tensor out, at::Tensor in) {
	if (!out.device().is_cpu()) return gather_single(e, out, in, 0);
	std::vector<std::vector<at::Tensor>> outs{out.chunk(e.getSize())};
	std::vector<at::Tensor> ins{in};
	return e.allgather(outs, ins);
}

// to = the sum of the parts of all, in their order.
void add_parts(const at::Tensor &to, const at::Tensor &all, int world) {
	at::Tensor parts = all.view({world, -1}), flat = to.view({-1});
	flat.copy_(parts[0]);
	for (int k = 1; k < world; k++) flat.add_(parts[k]);
}

// Makes a work and what it needs. cgd_begin starts it.
template <typename F> cgd_error prepare(void **out, F f) {
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

// Has e take part in a collective.
void plan(Work &w, Engine &e, std::function<Started(Engine &)> collective) {
	w.prepared.push_back([&e, collective] { return collective(e); });
}

// Sums the tensors that are added as one type, as one.
void sum_of_type(Group &g, const std::vector<at::Tensor> &ts, at::ScalarType type, Work &w) {
	at::Tensor flat;
	if (ts.size() == 1 && ts[0].scalar_type() == type && ts[0].is_contiguous() && (ts[0].device().is_cpu() || on_card(g, ts[0]))) {
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
	plan(w, reader(g, flat), [flat](Engine &e) {
		c10d::AllreduceOptions o;
		o.reduceOp = c10d::ReduceOp::SUM;
		std::vector<at::Tensor> one{flat};
		return e.allreduce(one, o);
	});
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
		*group = new Group{c10::make_intrusive<Gloo>(under, rank, world, o), {}};
	});
}

void cgd_group_cards(void *group, void *engine) {
	auto &e = *static_cast<c10::intrusive_ptr<Engine> *>(engine);
	group_of(group).cards = e;
}

void cgd_group_free(void *group) { std::free(attempt([&] { delete &group_of(group); })); }

cgd_error cgd_prepare_sum(void *group, cg_tensor *ts, int n, void **work) {
	return prepare(work, [&](Work &w) {
		Group &g = group_of(group);
		for (bool card : {false, true})
			for (auto type : {at::kFloat, at::kDouble, at::kLong, at::kByte}) {
				std::vector<at::Tensor> same;
				for (int i = 0; i < n; i++)
					if (on_card(g, of(ts[i])) == card && summed_as(of(ts[i]).scalar_type()) == type) same.push_back(of(ts[i]));
				if (same.empty()) continue;
				sum_of_type(g, same, type, w);
				w.cards = w.cards || card;
			}
	});
}

cgd_error cgd_sum(void *group, cg_tensor *ts, int n, void **work) {
	cgd_error failed = cgd_prepare_sum(group, ts, n, work);
	return failed ? failed : cgd_begin(*work);
}

cgd_error cgd_broadcast(void *group, cg_tensor *ts, int n, int root, void **work) {
	return prepare(work, [&](Work &w) {
		Group &g = group_of(group);
		std::vector<std::pair<at::Tensor, at::Tensor>> back;
		for (int i = 0; i < n; i++) {
			if (of(ts[i]).numel() == 0) continue;
			at::Tensor c = readable(g, of(ts[i]));
			back.emplace_back(of(ts[i]).detach(), c);
			w.held.push_back(c);
			w.cards = w.cards || !c.device().is_cpu();
			plan(w, reader(g, c), [c, root](Engine &e) {
				c10d::BroadcastOptions o;
				o.rootRank = root;
				std::vector<at::Tensor> one{bytes_of(c)};
				return e.broadcast(one, o);
			});
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
	return prepare(work, [&](Work &w) {
		Group &g = group_of(group);
		at::Tensor in = readable(g, of(t));
		TORCH_CHECK(in.dim() > 0 && in.numel() > 0, "there are no rows to gather");
		auto shape = in.sizes().vec();
		shape[0] *= g.engine->getSize();
		at::Tensor out = at::empty(shape, in.options());
		w.held = {in, out};
		w.cards = !in.device().is_cpu();
		plan(w, reader(g, in), [in, out](Engine &e) { return gather_into(e, bytes_of(out), bytes_of(in)); });
		auto device = of(t).device();
		w.finish = [&w, out, device] { w.result = out.to(device); };
	});
}

cgd_error cgd_sum_rows(void *group, cg_tensor t, void **work) {
	return prepare(work, [&](Work &w) {
		Group &g = group_of(group);
		int world = g.engine->getSize();
		at::Tensor in = readable(g, of(t));
		TORCH_CHECK(in.dim() > 0 && in.numel() > 0 && in.size(0) % world == 0, in.size(0), " rows for ", world, " processes");
		auto shape = in.sizes().vec();
		shape[0] /= world;
		at::Tensor all = at::empty_like(in), out = at::empty(shape, in.options());
		w.held = {in, all};
		w.cards = !in.device().is_cpu();
		plan(w, reader(g, in), [in, all, world](Engine &e) {
			std::vector<int64_t> parts(world, static_cast<int64_t>(in.nbytes()) / world);
			return all_to_all(e, bytes_of(all), bytes_of(in), parts, 0);
		});
		auto device = of(t).device();
		w.finish = [&w, all, out, world, device] {
			add_parts(out, all, world);
			w.result = out.to(device);
		};
	});
}

cgd_error cgd_gather_bytes(void *group, const void *bytes, int64_t n, void **work) {
	return prepare(work, [&](Work &w) {
		Group &g = group_of(group);
		at::Tensor in = at::empty({n}, at::kByte), out = at::empty({n * g.engine->getSize()}, at::kByte);
		std::memcpy(in.data_ptr(), bytes, n);
		w.held = {in, out};
		plan(w, *g.engine, [in, out](Engine &e) { return gather_into(e, out, in); });
		w.result = out;
	});
}

cgd_error cgd_begin(void *work) {
	return attempt([&] {
		Work &w = work_of(work);
		for (auto &begin : w.prepared) w.started.push_back(begin());
		w.prepared.clear();
	});
}

cgd_error cgd_wait(void *work, double seconds, int *done) {
	*done = 0;
	return attempt([&] {
		Work &w = work_of(work);
		TORCH_CHECK(w.prepared.empty(), "the collective has not begun");
		auto until = std::chrono::steady_clock::now() + time_of(seconds);
		while (!w.started.empty()) {
			auto &next = w.started.back();
			// A work of NCCL waits on the device's side, without a limit: the host asks until it is done.
			while (w.cards && !next->isCompleted() && std::chrono::steady_clock::now() < until)
				std::this_thread::sleep_for(std::chrono::microseconds(50));
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
