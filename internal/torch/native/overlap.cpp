// Sums of gradients over processes that start while the backward pass goes on. See native.h.
#include "handle.h"
#include <algorithm>
#include <c10/core/GradMode.h>
#include <mutex>
#include <stdexcept>
#include <string>
#include <torch/csrc/autograd/function.h>
#include <torch/csrc/autograd/utils/lambda_post_hook.h>
#include <torch/csrc/autograd/variable.h>
#include <unordered_map>
#include <utility>
#include <vector>

namespace {

using torch::autograd::variable_list;

// raise throws the error that one of our own calls has left.
void raise() {
	if (!torch_last_err) return;
	std::string text(torch_last_err);
	free(torch_last_err);
	torch_last_err = nullptr;
	throw std::runtime_error(text);
}

// A leaf and the hook behind the accumulation of its gradient. The node is kept because autograd holds it weakly.
struct Hooked {
	decltype(torch::autograd::impl::grad_accumulator(at::Tensor())) node; // libtorch's versions have pointers of their own
	uintptr_t key;
};

struct Lane {
	std::vector<at::Tensor> leaves; // gradient replicas, undefined where there is none; empty for lane 0, which has the masters
	bool last = false;              // its last part has begun
	bool idle = false;              // it has no part
	std::vector<int> fired;         // by leaf: accumulations in the last part
	std::vector<int> missing;       // by bucket: accumulations to come
};

struct Bucket {
	std::vector<int> leaves;
	bool started = false;
	void *work = nullptr;
};

class Overlap {
public:
	Overlap(cg_tensor *params, int n) : kinds_(n), seen_(n), expected_(n), bucket_of_(n, -1) {
		for (int i = 0; i < n; i++) {
			masters_.push_back(of(params[i]));
			index_[masters_[i].unsafeGetTensorImpl()] = i;
		}
		open();
	}
	~Overlap() { close(); }

	void plan(const int *bucket_of, int buckets, cg_sum sum, void *group);
	void open();
	void replica(const at::Tensor &master, int lane, const at::Tensor &leaf);
	void begin(const int *busy, int n);
	void last(int lane);
	void end(bool complete);
	void close();

	void *take(int b) { return std::exchange(buckets_[b].work, nullptr); }
	const std::string &failure() const { return failure_; }
	int early() const { return early_; }
	bool late() const { return late_; }
	int kind(int i) const { return kinds_[i]; }
	int64_t seen(int i) const { return seen_[i]; }

private:
	std::vector<at::Tensor> masters_;
	std::unordered_map<at::TensorImpl *, int> index_;
	std::vector<int> kinds_;     // what the gradients of started buckets were, as of cg_gradient_kind
	std::vector<int64_t> seen_;  // when each leaf's last accumulation was, counted from 1; 0: there was none
	std::vector<int> expected_;  // accumulations in a lane's last part
	bool known_ = false;         // expected_ has been seen in a pass
	std::vector<int> bucket_of_; // -1: none
	std::vector<Bucket> buckets_; // in the order in which all processes start them
	at::Tensor spare_;            // what a process that has failed gives to the sums
	cg_sum sum_ = nullptr;
	void *group_ = nullptr;

	std::mutex mutex_; // of what the lanes change, below
	std::vector<Lane> lanes_;
	std::vector<Hooked> hooks_;
	int64_t clock_ = 0;
	size_t next_ = 0;
	int early_ = 0;          // buckets that started within the pass
	bool surprised_ = false; // a leaf had more accumulations than before: no bucket is known to be ready
	bool late_ = false;      // a leaf had one after its bucket's start
	std::string failure_;    // of starting a sum

	void hook(const at::Tensor &leaf, int lane, int i);
	void fired(int lane, int i);
	bool ready(int b) const;
	void advance();
	void start(int b);
	void give(int b, at::Tensor flat);
	void learn();
};

// kind_of is cg_gradient_kind of a tensor that may be undefined.
int kind_of(const at::Tensor &leaf) {
	if (!leaf.defined() || !leaf.grad().defined()) return 0;
	return leaf.grad().is_sparse() ? 2 : 1;
}

void Overlap::plan(const int *bucket_of, int buckets, cg_sum sum, void *group) {
	bucket_of_.assign(bucket_of, bucket_of + masters_.size());
	buckets_.assign(buckets, Bucket{});
	int64_t bytes = 0;
	for (size_t i = 0; i < masters_.size(); i++)
		if (bucket_of_[i] >= 0) buckets_[bucket_of_[i]].leaves.push_back(static_cast<int>(i));
	for (auto &b : buckets_) {
		std::reverse(b.leaves.begin(), b.leaves.end()); // as training lists them
		int64_t all = 0;
		for (int i : b.leaves) all += static_cast<int64_t>(masters_[i].nbytes());
		bytes = std::max(bytes, all);
	}
	spare_ = at::empty({bytes}, at::kByte); // memory that nobody has written to costs nothing
	sum_ = sum;
	group_ = group;
}

void Overlap::open() {
	close();
	lanes_.assign(1, Lane{});
	next_ = 0;
	early_ = 0;
	surprised_ = late_ = false;
	failure_.clear();
	std::fill(kinds_.begin(), kinds_.end(), 0);
	for (auto &b : buckets_) b.started = false;
	for (size_t i = 0; i < masters_.size(); i++) hook(masters_[i], 0, static_cast<int>(i));
}

void Overlap::close() {
	for (auto &h : hooks_) h.node->del_post_hook(h.key);
	hooks_.clear();
	lanes_.clear();
}

void Overlap::hook(const at::Tensor &leaf, int lane, int i) {
	auto node = torch::autograd::impl::grad_accumulator(leaf);
	if (!node) return; // frozen
	auto done = [this, lane, i](const variable_list &out, const variable_list &) {
		fired(lane, i);
		return out;
	};
	uintptr_t key = node->add_post_hook(std::make_unique<torch::autograd::utils::LambdaPostHook>(done));
	hooks_.push_back({node, key});
}

void Overlap::replica(const at::Tensor &master, int lane, const at::Tensor &leaf) {
	auto found = index_.find(master.unsafeGetTensorImpl());
	if (found == index_.end() || lanes_.empty()) return;
	while (static_cast<int>(lanes_.size()) <= lane) lanes_.emplace_back().leaves.resize(masters_.size());
	lanes_[lane].leaves[found->second] = leaf;
	hook(leaf, lane, found->second);
}

void Overlap::begin(const int *busy, int n) {
	if (static_cast<int>(lanes_.size()) < n) lanes_.resize(n);
	std::fill(seen_.begin(), seen_.end(), 0);
	clock_ = 0;
	for (size_t k = 0; k < lanes_.size(); k++) {
		Lane &l = lanes_[k];
		l.last = l.idle = static_cast<int>(k) >= n || !busy[k];
		l.fired.assign(masters_.size(), 0);
		l.missing.assign(buckets_.size(), 0);
		for (size_t i = 0; i < masters_.size(); i++)
			if (!l.idle && bucket_of_[i] >= 0) l.missing[bucket_of_[i]] += expected_[i];
	}
}

void Overlap::last(int lane) {
	std::lock_guard<std::mutex> lock(mutex_);
	lanes_[lane].last = true;
	advance();
}

// fired counts an accumulation of leaf i's gradient. It runs in the lane's thread, within the backward pass.
void Overlap::fired(int lane, int i) {
	std::lock_guard<std::mutex> lock(mutex_);
	Lane &l = lanes_[lane];
	if (!l.last || l.fired.empty()) return; // a part that isn't the last one, or a pass before them
	l.fired[i]++;
	seen_[i] = ++clock_;
	int b = bucket_of_[i];
	if (b < 0 || !known_) return;
	l.missing[b]--;
	surprised_ = surprised_ || l.fired[i] > expected_[i];
	late_ = late_ || buckets_[b].started;
	advance();
}

// ready tells whether all gradients of a bucket are complete. Rows of tables are not summed here: their forms are joined after the pass.
bool Overlap::ready(int b) const {
	for (const Lane &l : lanes_) {
		if (!l.last || l.missing[b] != 0) return false;
		for (int i : buckets_[b].leaves)
			if (!l.leaves.empty() && kind_of(l.leaves[i]) == 2) return false;
	}
	for (int i : buckets_[b].leaves)
		if (kind_of(masters_[i]) == 2) return false;
	return true;
}

// advance starts the buckets that are ready and whose turn it is.
void Overlap::advance() {
	if (!known_) return;
	while (!surprised_ && failure_.empty() && next_ < buckets_.size() && ready(static_cast<int>(next_))) start(static_cast<int>(next_));
}

// start joins the gradients of a bucket, those of lanes in the order of AddGradients after the pass, and starts their sum.
void Overlap::start(int b) {
	std::vector<cg_tensor> masters, replicas;
	for (int i : buckets_[b].leaves) {
		kinds_[i] = kind_of(masters_[i]);
		masters.push_back(&masters_[i]);
	}
	for (Lane &l : lanes_) {
		if (l.leaves.empty()) continue;
		std::vector<cg_tensor> to;
		replicas.clear();
		for (int i : buckets_[b].leaves) {
			if (!l.leaves[i].defined()) continue;
			int kind = kind_of(l.leaves[i]);
			if (kind == 1 || kinds_[i] == 0) kinds_[i] = kind;
			to.push_back(&masters_[i]);
			replicas.push_back(&l.leaves[i]);
		}
		cg_add_gradients(to.data(), replicas.data(), static_cast<int>(to.size()));
		raise();
	}
	cg_tensor flat = cg_join_gradients(masters.data(), static_cast<int>(masters.size()));
	raise();
	std::unique_ptr<at::Tensor> owned(static_cast<at::Tensor *>(flat));
	give(b, *owned);
}

// give starts the sum of a bucket.
void Overlap::give(int b, at::Tensor flat) {
	cg_tensor one = &flat;
	buckets_[b].started = true;
	next_ = b + 1;
	char *text = sum_(group_, &one, 1, &buckets_[b].work);
	if (!text) return;
	failure_ = text;
	free(text);
}

// end starts the sums that the pass has not started. If the pass failed, the others get numbers that all will drop.
void Overlap::end(bool complete) {
	std::lock_guard<std::mutex> lock(mutex_);
	std::string failed;
	early_ = static_cast<int>(next_);
	while (next_ < buckets_.size() && failure_.empty()) {
		int b = static_cast<int>(next_);
		if (complete) {
			try {
				start(b);
				continue;
			} catch (const std::exception &e) {
				failed = e.what();
				complete = false;
			}
		}
		const at::Tensor &first = masters_[buckets_[b].leaves[0]];
		int64_t bytes = 0;
		for (int i : buckets_[b].leaves) bytes += static_cast<int64_t>(masters_[i].nbytes());
		give(b, spare_.narrow(0, 0, bytes).view(first.scalar_type()));
	}
	if (complete) learn();
	if (!failed.empty()) throw std::runtime_error(failed);
}

// learn keeps how many accumulations each leaf had in the last part of a lane.
void Overlap::learn() {
	bool any = false;
	for (const Lane &l : lanes_) any = any || !l.idle;
	if (!any || (known_ && !surprised_)) return;
	known_ = true;
	for (size_t i = 0; i < masters_.size(); i++) {
		expected_[i] = 0;
		for (const Lane &l : lanes_) expected_[i] = std::max(expected_[i], l.fired[i]);
	}
}

Overlap &overlap(void *o) { return *static_cast<Overlap *>(o); }

} // namespace

extern "C" {

void *cg_overlap_new(cg_tensor *params, int n) {
	return guard([&]() -> void * { return new Overlap(params, n); });
}
void cg_overlap_plan(void *o, const int *bucket_of, int buckets, cg_sum sum, void *group) {
	guard([&] { overlap(o).plan(bucket_of, buckets, sum, group); });
}
void cg_overlap_open(void *o) {
	guard([&] { overlap(o).open(); });
}
void cg_overlap_replica(void *o, cg_tensor master, int lane, cg_tensor replica) {
	guard([&] { overlap(o).replica(of(master), lane, of(replica)); });
}
void cg_overlap_begin(void *o, const int *busy, int lanes) {
	guard([&] { overlap(o).begin(busy, lanes); });
}
void cg_overlap_last(void *o, int lane) {
	guard([&] {
		c10::AutoGradMode off(false);
		overlap(o).last(lane);
	});
}
void cg_overlap_end(void *o, int complete) {
	guard([&] { overlap(o).end(complete != 0); });
}
const char *cg_overlap_failure(void *o) { return overlap(o).failure().empty() ? nullptr : overlap(o).failure().c_str(); }
void *cg_overlap_take(void *o, int bucket) { return overlap(o).take(bucket); }
int cg_overlap_early(void *o) { return overlap(o).early(); }
int cg_overlap_late(void *o) { return overlap(o).late(); }
int cg_overlap_kind(void *o, int i) { return overlap(o).kind(i); }
int64_t cg_overlap_seen(void *o, int i) { return overlap(o).seen(i); }
void cg_overlap_close(void *o) {
	guard([&] { overlap(o).close(); });
}
void cg_overlap_free(void *o) {
	guard([&] { delete &overlap(o); });
}

} // extern "C"
