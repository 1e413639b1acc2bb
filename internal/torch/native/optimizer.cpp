// The gradient norm and AdamW over all parameters, each in one pass over memory. See native.h.
#include "handle.h"
#include <ATen/Parallel.h>
#include <algorithm>
#include <c10/core/GradMode.h>
#include <cmath>
#include <vector>

// Loops over memory exist once for each level of vector instructions; -ffp-contract=off keeps them bit-identical.
#define CG_VECTOR __attribute__((target_clones("avx512f", "avx2", "default")))

namespace {

// A stretch of one tensor. Work is cut into stretches of a fixed size, so that neither the grouping of a sum nor the
// order within one depends on the number of threads.
struct Stretch {
	int tensor;
	int64_t begin, end;
};
constexpr int64_t kStretch = 1 << 15;

// Stretches end where a row of a matrix ends.
std::vector<Stretch> stretches(const std::vector<at::Tensor> &tensors) {
	std::vector<Stretch> out;
	for (int i = 0; i < static_cast<int>(tensors.size()); i++) {
		int64_t n = tensors[i].defined() ? tensors[i].numel() : 0;
		int64_t row = n > 0 && tensors[i].dim() == 2 ? tensors[i].size(1) : 1;
		int64_t length = std::max(row, kStretch / row * row);
		for (int64_t b = 0; b < n; b += length) out.push_back({i, b, std::min(n, b + length)});
	}
	return out;
}

bool plain_of(at::ScalarType type, const at::Tensor &t) {
	return !t.is_sparse() && t.device().is_cpu() && t.scalar_type() == type && t.is_contiguous();
}

bool plain_float(const at::Tensor &t) { return plain_of(at::kFloat, t); }

// Whether the loops here can read a gradient: float32, or bfloat16 from a low-precision copy.
bool plain_gradient(const at::Tensor &t) { return plain_float(t) || plain_of(at::kBFloat16, t); }

CG_VECTOR void widen(const uint16_t *__restrict from, uint32_t *__restrict to, int64_t n) {
	for (int64_t i = 0; i < n; i++) to[i] = static_cast<uint32_t>(from[i]) << 16;
}

// float32 to bfloat16, rounded to nearest even. NaN stays NaN.
CG_VECTOR void narrow(const uint32_t *__restrict from, uint16_t *__restrict to, int64_t n) {
	for (int64_t i = 0; i < n; i++) {
		uint32_t v = from[i], rounded = (v + 0x7fff + ((v >> 16) & 1)) >> 16;
		to[i] = static_cast<uint16_t>((v & 0x7fffffff) > 0x7f800000 ? 0x7fc0 : rounded);
	}
}

// A stretch of a gradient in float32; bfloat16 is widened into room.
const float *floats(const at::Tensor &g, const Stretch &s, std::vector<float> &room) {
	if (g.scalar_type() == at::kFloat) return g.data_ptr<float>() + s.begin;
	room.resize(std::max<size_t>(room.size(), s.end - s.begin));
	widen(static_cast<const uint16_t *>(g.data_ptr()) + s.begin, reinterpret_cast<uint32_t *>(room.data()), s.end - s.begin);
	return room.data();
}

// A parameter's gradient: dense, or some rows of a table. Undefined values mean that there is no gradient.
struct Gradient {
	at::Tensor values;         // contiguous; [rows.size(), D] for a table
	std::vector<int64_t> rows; // ascending
	bool table = false;
};

// Sums the gradients of lookups by row, in the order of the lookups.
Gradient by_rows(const at::Tensor &sparse) {
	at::Tensor indices = sparse._indices().contiguous(), each = sparse._values().contiguous();
	const int64_t *row = indices.data_ptr<int64_t>();
	int64_t n = indices.numel(), width = each.numel() / std::max<int64_t>(n, 1);
	Gradient g;
	g.table = true;
	g.rows.assign(row, row + n);
	std::sort(g.rows.begin(), g.rows.end());
	g.rows.erase(std::unique(g.rows.begin(), g.rows.end()), g.rows.end());
	g.values = at::zeros({static_cast<int64_t>(g.rows.size()), width}, each.options());
	float *sum = g.values.data_ptr<float>();
	const float *from = each.data_ptr<float>();
	for (int64_t i = 0; i < n; i++) {
		int64_t at = std::lower_bound(g.rows.begin(), g.rows.end(), row[i]) - g.rows.begin();
		for (int64_t k = 0; k < width; k++) sum[at * width + k] += from[i * width + k];
	}
	return g;
}

std::vector<Gradient> gradients_of(cg_tensor *params, int n) {
	std::vector<Gradient> out(n);
	for (int i = 0; i < n; i++) {
		at::Tensor g = of(params[i]).grad();
		if (!g.defined()) continue;
		if (g.is_sparse() && g.device().is_cpu() && g.scalar_type() == at::kFloat && g.sparse_dim() == 1)
			out[i] = by_rows(g);
		else
			out[i].values = g.is_sparse() ? g.to_dense() : g.contiguous();
	}
	return out;
}

CG_VECTOR void add(float *__restrict to, const float *__restrict from, int64_t n) {
	for (int64_t i = 0; i < n; i++) to[i] += from[i];
}

// The sum of two gradients of any kind, in the parameter's type; row gradients are concatenated.
at::Tensor sum_of(const at::Tensor &a, const at::Tensor &b, at::ScalarType type) {
	if (!a.is_sparse() || !b.is_sparse()) return a.to(type) + b.to(type);
	return at::_sparse_coo_tensor_unsafe(at::cat({a._indices(), b._indices()}, 1), at::cat({a._values(), b._values()}, 0),
	                                     a.sizes(), a.options());
}

// Eight independent sums keep the compiler free to vectorize without reordering anything between runs.
CG_VECTOR double square_sum(const float *p, int64_t n) {
	double lane[8] = {0, 0, 0, 0, 0, 0, 0, 0};
	int64_t i = 0;
	for (; i + 8 <= n; i += 8)
		for (int k = 0; k < 8; k++) lane[k] += static_cast<double>(p[i + k]) * p[i + k];
	for (; i < n; i++) lane[0] += static_cast<double>(p[i]) * p[i];
	return ((lane[0] + lane[1]) + (lane[2] + lane[3])) + ((lane[4] + lane[5]) + (lane[6] + lane[7]));
}

double norm_on_cpu(const std::vector<at::Tensor> &grads) {
	auto work = stretches(grads);
	std::vector<double> part(work.size());
	at::parallel_for(0, static_cast<int64_t>(work.size()), 1, [&](int64_t from, int64_t to) {
		std::vector<float> room;
		for (int64_t w = from; w < to; w++) {
			const Stretch &s = work[w];
			part[w] = square_sum(floats(grads[s.tensor], s, room), s.end - s.begin);
		}
	});
	double sum = 0;
	for (double p : part) sum += p;
	return std::sqrt(sum);
}

// The scalars of a step, as the loop uses them.
struct AdamW {
	float beta1, beta2, eps, rate, root, scale;
	explicit AdamW(const cg_adamw_args &a)
	    : beta1(a.beta1), beta2(a.beta2), eps(a.eps), rate(a.lr / (1 - std::pow(a.beta1, a.step))),
	      root(1 / std::sqrt(1 - std::pow(a.beta2, a.step))), scale(a.gradient_scale) {}
};

CG_VECTOR void update(const AdamW a, float keep, float *__restrict p, const float *__restrict g, float *__restrict m,
                      float *__restrict v, int64_t n) {
	for (int64_t i = 0; i < n; i++) {
		float d = g[i] * a.scale;
		float mi = m[i] + (1 - a.beta1) * (d - m[i]);
		float vi = a.beta2 * v[i] + (1 - a.beta2) * d * d;
		m[i] = mi;
		v[i] = vi;
		p[i] = p[i] * keep - a.rate * (mi / (std::sqrt(vi) * a.root + a.eps));
	}
}

CG_VECTOR void decay(float keep, float *p, int64_t n) {
	if (keep == 1) return;
	for (int64_t i = 0; i < n; i++) p[i] *= keep;
}

// Updates a table's rows [from, to). Rows that never had a gradient have zero moments: for them only the decay is applied.
void update_rows(const AdamW &step, float keep, const Gradient &g, uint8_t *touched, int64_t from, int64_t to, float *p,
                 float *m, float *v) {
	int64_t width = g.values.size(1);
	std::vector<float> none(width);
	auto next = std::lower_bound(g.rows.begin(), g.rows.end(), from);
	for (int64_t r = from; r < to;) {
		int64_t stop = next == g.rows.end() ? to : std::min(to, *next), idle = r;
		while (idle < stop && touched && !touched[idle]) idle++;
		decay(keep, p + r * width, (idle - r) * width);
		r = idle;
		if (r == to) break;
		const float *d = none.data();
		if (r == stop) {
			d = g.values.data_ptr<float>() + (next++ - g.rows.begin()) * width;
			if (touched) touched[r] = 1;
		}
		update(step, keep, p + r * width, d, m + r * width, v + r * width, width);
		r++;
	}
}

// The same formula in libtorch's operations, one tensor at a time, for any device and type.
void adamw_by_ops(at::Tensor p, const at::Tensor &g, at::Tensor m, at::Tensor v, double decay, const cg_adamw_args &a) {
	at::Tensor d = g.to(p.scalar_type()) * a.gradient_scale;
	p.mul_(1 - a.lr * decay);
	m.mul_(a.beta1).add_(d, 1 - a.beta1);
	v.mul_(a.beta2).addcmul_(d, d, 1 - a.beta2);
	at::Tensor root = v.sqrt().div_(std::sqrt(1 - std::pow(a.beta2, a.step))).add_(a.eps);
	p.addcdiv_(m, root, -a.lr / (1 - std::pow(a.beta1, a.step)));
}

} // namespace

extern "C" {

void cg_add_gradients(cg_tensor *params, cg_tensor *replicas, int n) {
	guard([&] {
		c10::AutoGradMode off(false);
		std::vector<at::Tensor> to(n), from(n);
		for (int i = 0; i < n; i++) {
			at::Tensor &sum = of(params[i]).mutable_grad(), &more = of(replicas[i]).mutable_grad();
			if (!more.defined()) continue;
			if (sum.defined() && plain_of(at::kBFloat16, sum)) sum = sum.to(at::kFloat);
			if (sum.defined() && plain_float(sum) && plain_gradient(more))
				to[i] = sum, from[i] = more;
			else
				sum = sum.defined() ? sum_of(sum, more, of(params[i]).scalar_type()) : more;
			more = at::Tensor();
		}
		auto work = stretches(to);
		at::parallel_for(0, static_cast<int64_t>(work.size()), 1, [&](int64_t first, int64_t last) {
			std::vector<float> room;
			for (int64_t w = first; w < last; w++) {
				const Stretch &s = work[w];
				add(to[s.tensor].data_ptr<float>() + s.begin, floats(from[s.tensor], s, room), s.end - s.begin);
			}
		});
	});
}

void cg_gather_rows(cg_tensor *params, int n) {
	guard([&] {
		c10::AutoGradMode off(false);
		for (int i = 0; i < n; i++) {
			at::Tensor &g = of(params[i]).mutable_grad();
			if (!g.defined() || !g.is_sparse()) continue;
			if (!g.device().is_cpu() || g.scalar_type() != at::kFloat || g.sparse_dim() != 1) {
				g = g.coalesce();
				continue;
			}
			Gradient each = by_rows(g);
			at::Tensor rows = at::tensor(each.rows, at::kLong).unsqueeze(0);
			g = at::_sparse_coo_tensor_unsafe(rows, each.values, g.sizes(), g.options());
		}
	});
}

double cg_gradient_norm(cg_tensor *params, int n) {
	return guard([&]() -> double {
		std::vector<at::Tensor> grads;
		bool plain = true;
		for (auto &g : gradients_of(params, n)) {
			if (!g.values.defined()) continue;
			grads.push_back(g.values);
			plain = plain && plain_gradient(g.values);
		}
		cg_waits();
		if (plain) return norm_on_cpu(grads);
		double sum = 0;
		for (const auto &g : grads) sum += std::pow(g.to(at::kDouble).norm().item<double>(), 2);
		return std::sqrt(sum);
	});
}

void cg_adamw(cg_tensor *params, cg_tensor *mean, cg_tensor *variance, cg_tensor *touched, cg_tensor *copies, const double *decay,
              int n, const cg_adamw_args *args) {
	guard([&] {
		c10::AutoGradMode off(false);
		auto grads = gradients_of(params, n);
		std::vector<at::Tensor> fused(grads.size());
		for (int i = 0; i < n; i++) {
			if (!grads[i].values.defined()) continue;
			if (plain_float(of(params[i])) && plain_gradient(grads[i].values)) {
				fused[i] = of(params[i]);
				of(params[i]).unsafeGetTensorImpl()->bump_version(); // as an in-place operation does
				continue;
			}
			adamw_by_ops(of(params[i]), grads[i].values, of(mean[i]), of(variance[i]), decay[i], *args);
			if (copies[i]) of(copies[i]).copy_(of(params[i]));
		}
		AdamW step(*args);
		auto work = stretches(fused);
		at::parallel_for(0, static_cast<int64_t>(work.size()), 1, [&](int64_t from, int64_t to) {
			std::vector<float> room;
			for (int64_t w = from; w < to; w++) {
				const Stretch &s = work[w];
				int i = s.tensor;
				const Gradient &g = grads[i];
				float keep = static_cast<float>(1 - args->lr * decay[i]);
				float *p = of(params[i]).data_ptr<float>(), *m = of(mean[i]).data_ptr<float>(), *v = of(variance[i]).data_ptr<float>();
				if (g.table) {
					int64_t width = g.values.size(1);
					update_rows(step, keep, g, touched[i] ? of(touched[i]).data_ptr<uint8_t>() : nullptr, s.begin / width,
					            s.end / width, p, m, v);
				} else {
					update(step, keep, p + s.begin, floats(g.values, s, room), m + s.begin, v + s.begin, s.end - s.begin);
				}
				if (copies[i]) // while the stretch is in the cache
					narrow(reinterpret_cast<uint32_t *>(p + s.begin), static_cast<uint16_t *>(of(copies[i]).data_ptr()) + s.begin, s.end - s.begin);
			}
		});
	});
}

} // extern "C"
