// Cross-entropy over a vocabulary, fused with the projection to logits. See native.h.
//
// x [R, D] rows, w [D, V] vocabulary, y [R] targets, e label smoothing, N the divisor `over`. With z = x w and p = softmax(z):
//   loss = 1/N sum_r (logsumexp(z_r) - (1 - e) z_r[y_r] - e/V sum_v z_rv)
//   dz   = (p - (1 - e) onehot(y) - e/V) / N                               [R, V]
//   dx   = dz w^T, dw = x^T dz
//
// Tiles of the vocabulary use an online softmax. h_t is row r's maximum up to tile t, and q_t = exp(z_t - h_t) is kept:
//   mass_t = mass_{t-1} exp(h_{t-1} - h_t) + sum(q_t)
//   dx_t   = dx_{t-1} exp(h_{t-1} - h_t) + q_t w_t^T                       at the end divided by mass N
//   dw_t   = (x exp(h_t - h_last) / (mass N))^T q_t
// The terms of the target and of the smoothing are subtracted last.
//
// This is most of a small model's training: 50,000 logits for each token. Separate operations would move them through memory a dozen
// times. Here a tile is exponentiated and multiplied into dx while it is in cache, so the logits of a block of rows are written once
// and read once. The gradients are computed in the forward pass; the backward pass multiplies them by the incoming scalar.
#include "handle.h"
#include "instructions.h"
#include "vector.h"
#include <ATen/Parallel.h>
#include <algorithm>
#include <c10/core/GradMode.h>
#include <cmath>
#include <limits>
#include <torch/csrc/autograd/custom_function.h>
#include <vector>

namespace {

constexpr int64_t kTile = 512;  // words of a tile: a tile of a block's logits about fits the L2 cache
constexpr int64_t kBlock = 512; // rows of a block: 100 MB of logits for CLIP's vocabulary

// The running state of a row's online softmax.
struct Seen {
	float high = -std::numeric_limits<float>::infinity(); // largest logit so far
	double mass = 0;                                       // sum of exp(logit - high)
	double sum = 0;                                        // sum of the logits
	float target = 0;                                      // the target's logit
};

// Adds n logits of a row to seen and replaces them by q = exp(logit - high). Returns exp(old high - new high), the factor for the sums
// that were computed with the old high.
CG_VECTOR float take(int64_t n, float *row, Seen &seen) {
	vec high = vec{} - std::numeric_limits<float>::infinity(), sums = vec{};
	float most = seen.high, sum = 0;
	int64_t whole = n / kWide * kWide;
	for (int64_t j = 0; j < whole; j += kWide) {
		vec x = at_vec(row + j);
		high = x > high ? x : high;
		sums += x;
	}
	for (int i = 0; i < kWide; i++) most = high[i] > most ? high[i] : most, sum += sums[i];
	for (int64_t j = whole; j < n; j++) most = row[j] > most ? row[j] : most, sum += row[j];
	vec mass = vec{};
	for (int64_t j = 0; j < whole; j += kWide) mass += at_vec(row + j) = exp_of(at_vec(row + j) - most);
	float one = 0;
	for (int i = 0; i < kWide; i++) one += mass[i];
	for (int64_t j = whole; j < n; j++) one += row[j] = std::exp(row[j] - most);
	float fade = std::exp(seen.high - most);
	seen.high = most;
	seen.mass = seen.mass * fade + one;
	seen.sum += sum;
	return fade;
}

// a b of bfloat16, with sums in float32: where oneDNN has no products of bfloat16, libtorch's own loops round each partial sum.
at::Tensor narrow_product(const at::Tensor &a, const at::Tensor &b) {
	return instructions().avx512 ? at::mm(a, b) : at::mm(a.to(at::kFloat), b.to(at::kFloat));
}

// Adds a b to a float32 matrix, whatever the type of both.
void add_product(at::Tensor &to, const at::Tensor &a, const at::Tensor &b) {
	if (a.scalar_type() == at::kFloat) to.addmm_(a, b);
	else to.add_(narrow_product(a, b));
}

// The loss of some rows, and the gradients to them and to the vocabulary.
struct Block {
	at::Tensor x, w, targets; // [R, D], [D, V], [R]
	double even, over;
	bool gradient;
	std::vector<Seen> seen;
	at::Tensor mass; // [tiles, R, tile], q_t, in x's type
	at::Tensor high; // [tiles, R], h_t
	at::Tensor dx;   // [R, D], float32

	int64_t rows() const { return x.size(0); }
	int64_t words() const { return w.size(1); }
	int64_t tiles() const { return (words() + kTile - 1) / kTile; }
	at::Tensor tile(const at::Tensor &of, int64_t t) const { return of.narrow(1, t * kTile, std::min(kTile, words() - t * kTile)); }

	double forward() {
		int64_t r = rows();
		seen.assign(r, Seen());
		mass = at::empty({gradient ? tiles() : 1, r, std::min(kTile, words())}, x.options());
		high = at::empty({tiles(), r}, at::kFloat);
		dx = at::zeros({r, x.size(1)}, at::kFloat);
		at::Tensor fade = at::empty({r, 1}, at::kFloat);
		for (int64_t t = 0; t < tiles(); t++) {
			at::Tensor words = tile(w, t), to = mass[gradient ? t : 0].narrow(1, 0, words.size(1));
			at::Tensor scores = x.scalar_type() == at::kFloat ? at::mm_out(to, x, words) : narrow_product(x, words).to(at::kFloat);
			look(t, scores, fade);
			if (!gradient) continue;
			if (!scores.is_same(to)) to.copy_(scores);
			dx.mul_(fade);
			add_product(dx, to, words.t());
		}
		return loss();
	}

	// Adds a tile's logits to the state of each row.
	void look(int64_t t, at::Tensor &scores, at::Tensor &fade) {
		const int64_t *target = targets.data_ptr<int64_t>();
		float *to = scores.data_ptr<float>(), *fades = fade.data_ptr<float>(), *highs = high[t].data_ptr<float>();
		int64_t n = scores.size(1), step = scores.stride(0), first = t * kTile;
		at::parallel_for(0, rows(), 16, [&](int64_t from, int64_t end) {
			for (int64_t i = from; i < end; i++) {
				float *row = to + i * step;
				if (target[i] >= first && target[i] < first + n) seen[i].target = row[target[i] - first];
				fades[i] = take(n, row, seen[i]);
				highs[i] = seen[i].high;
			}
		});
	}

	double loss() const {
		double total = 0;
		for (const Seen &s : seen)
			total += s.high + std::log(s.mass) - (1 - even) * s.target - even * s.sum / static_cast<double>(words());
		return total / over;
	}

	// Completes dx and adds this block's part of dw [D, V]; the first block overwrites dw.
	void backward(at::Tensor dw, bool first) {
		int64_t r = rows();
		at::Tensor share = at::empty({r, 1}, at::kFloat); // 1 / (mass N)
		float *to = share.data_ptr<float>();
		for (int64_t i = 0; i < r; i++) to[i] = static_cast<float>(1 / seen[i].mass / over);
		dx.mul_(share);
		at::Tensor last = at::empty({r}, at::kFloat);
		for (int64_t i = 0; i < r; i++) last.data_ptr<float>()[i] = seen[i].high;
		at::Tensor own = x.to(at::kFloat);
		for (int64_t t = 0; t < tiles(); t++) {
			at::Tensor into = tile(dw, t), p = mass[t].narrow(1, 0, into.size(1));
			at::Tensor scaled = own.mul(share).mul_(at::exp(high[t] - last).unsqueeze(1)).to(p.scalar_type());
			if (!first) add_product(into, scaled.t(), p);
			else if (p.scalar_type() == at::kFloat) at::mm_out(into, scaled.t(), p);
			else into.copy_(narrow_product(scaled.t(), p));
		}
		to_targets(own, dw);
	}

	// Subtracts the terms of the targets and of the smoothing from both gradients.
	void to_targets(const at::Tensor &own, at::Tensor &dw) {
		double each = (1 - even) / over;
		dx.sub_(w.index_select(1, targets).t().to(at::kFloat), each);
		dw.index_add_(1, targets, own.t().mul(-each));
		if (even == 0) return;
		double all = even / over / static_cast<double>(words());
		dx.sub_(w.sum(1, false, at::kFloat), all);
		dw.sub_(own.sum(0).mul_(all).unsqueeze(1));
	}
};

class Vocabulary : public torch::autograd::Function<Vocabulary> {
public:
	static at::Tensor forward(torch::autograd::AutogradContext *ctx, at::Tensor x, at::Tensor w, at::Tensor targets, double even,
	                          double over, bool gradient) {
		double loss = 0;
		at::Tensor dx = gradient ? at::empty_like(x) : at::Tensor();
		at::Tensor dw = gradient ? at::empty_strided(w.sizes(), w.strides(), w.options().dtype(at::kFloat)) : at::Tensor();
		for (int64_t from = 0; from < x.size(0); from += kBlock) {
			int64_t n = std::min(kBlock, x.size(0) - from);
			Block b{x.narrow(0, from, n), w, targets.narrow(0, from, n), even, over, gradient};
			loss += b.forward();
			if (!gradient) continue;
			b.backward(dw, from == 0);
			dx.narrow(0, from, n).copy_(b.dx);
		}
		if (gradient) ctx->save_for_backward({dx, dw});
		return at::full({}, loss, at::kFloat);
	}

	static torch::autograd::variable_list backward(torch::autograd::AutogradContext *ctx, torch::autograd::variable_list grads) {
		auto saved = ctx->get_saved_variables();
		double factor = grads[0].item<double>(); // of the loss
		if (factor != 1)
			for (at::Tensor &t : saved) t.mul_(factor);
		return {saved[0], saved[1], at::Tensor(), at::Tensor(), at::Tensor(), at::Tensor()};
	}
};

} // namespace

extern "C" cg_tensor cg_vocabulary_loss(cg_tensor x, cg_tensor w, cg_tensor targets, double even, double over) {
	return guard([&]() -> cg_tensor {
		const at::Tensor &rows = of(x), &words = of(w);
		TORCH_CHECK(rows.dim() == 2 && words.dim() == 2 && rows.size(1) == words.size(0) && rows.size(0) > 0, "rows are ", rows.sizes(),
		            " for a vocabulary of ", words.sizes());
		TORCH_CHECK(rows.device().is_cpu() && rows.scalar_type() == words.scalar_type(), "rows and vocabulary must be of one type, on the CPU");
		const at::Tensor &t = of(targets);
		TORCH_CHECK(t.numel() == rows.size(0) && t.ge(0).logical_and(t.lt(words.size(1))).all().item<bool>(), "targets must be one word a row");
		bool gradient = c10::GradMode::is_enabled() && (rows.requires_grad() || words.requires_grad());
		return new at::Tensor(Vocabulary::apply(rows.contiguous(), words, t.contiguous(), even, over, gradient));
	});
}
