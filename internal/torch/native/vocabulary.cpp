// The cross-entropy of a vocabulary, from the rows that it is read from. See native.h.
//
// Of a small model's training most is this: 50,000 scores for each token. Made one operation after another they go through
// memory a dozen times. Here they are made a tile of the vocabulary at a time, become exp(score - highest so far) where they
// lie in cache, and are multiplied at once into the gradient of the rows; when all have been seen, one more product
// makes the vocabulary's own. So the scores of a block of rows are written once and read once. As the gradient is that of a mean
// of logarithms, it is made in the forward pass, up to the factor that comes back.
#include "handle.h"
#include "vector.h"
#include <ATen/Parallel.h>
#include <algorithm>
#include <c10/core/GradMode.h>
#include <cmath>
#include <limits>
#include <torch/csrc/autograd/custom_function.h>
#include <vector>

namespace {

constexpr int64_t kTile = 512;  // words at once: with a block of rows, about what the second cache holds
constexpr int64_t kBlock = 512; // rows at once: 100 MB of scores for CLIP's vocabulary

// What is known of a row after some tiles.
struct Seen {
	float high = -std::numeric_limits<float>::infinity(); // largest score
	double mass = 0;                                       // sum of exp(score - high)
	double sum = 0;                                        // of the scores
	float target = 0;                                      // the target's score
};

// Takes n scores of a row: turns them into exp(score - high), and returns what the masses so far are to be multiplied by.
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

// Adds a b to a float32 matrix, whatever the type of both.
void add_product(at::Tensor &to, const at::Tensor &a, const at::Tensor &b) {
	if (a.scalar_type() == at::kFloat) to.addmm_(a, b);
	else to.add_(at::mm(a, b));
}

// The loss of some rows, and the gradients to them and to the vocabulary.
struct Block {
	at::Tensor x, w, targets; // [R, D], [D, V], [R]
	double even, over;
	bool gradient;
	std::vector<Seen> seen;
	at::Tensor mass; // [tiles, R, tile], exp(score - high when the tile was seen), in x's type
	at::Tensor high; // [tiles, R]
	at::Tensor dx;   // [R, D]

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
			at::Tensor scores = x.scalar_type() == at::kFloat ? at::mm_out(to, x, words) : at::mm(x, words).to(at::kFloat);
			look(t, scores, fade);
			if (!gradient) continue;
			if (!scores.is_same(to)) to.copy_(scores);
			dx.mul_(fade);
			add_product(dx, to, words.t());
		}
		return loss();
	}

	// Takes a tile's scores into what is known of each row.
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

	// Finishes dx, and adds the vocabulary's gradient to dw [D, V], or makes it where this is the first block.
	void backward(at::Tensor dw, bool first) {
		int64_t r = rows();
		at::Tensor share = at::empty({r, 1}, at::kFloat); // what a row's masses are to be multiplied by
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
			else into.copy_(at::mm(scaled.t(), p));
		}
		to_targets(own, dw);
	}

	// Takes the target's share from both gradients.
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
