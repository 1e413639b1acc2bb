// What else inference computes on CPUs, so that each row has the same bits whatever rows are beside it. See native.h.
//
// libtorch's loops over elements take vectors as long as they can and then single elements by other functions, and where that is
// depends on how many there are and on the number of threads. Its reductions split sums likewise.
#include "handle.h"
#include "heads.h"
#include "instructions.h"
#include <ATen/Parallel.h>
#include <c10/core/GradMode.h>
#include <cmath>
#include <vector>

namespace {

// Elements are handed to libtorch in multiples of kVectors, whole vectors on any CPU, and on one thread: within a loop over threads
// it opens no other, and few elements it doesn't split.
constexpr int64_t kVectors = 128, kFew = 1 << 14;

void apply(int which, const at::Tensor &x, at::Tensor y) {
	switch (which) {
	case 0: at::gelu_out(y, x, "none"); break;
	case 1: at::gelu_out(y, x, "tanh"); break;
	default: at::sigmoid_out(y, x);
	}
}

at::Tensor elementwise(int which, const at::Tensor &given) {
	at::Tensor x = given.detach().contiguous(), flat = x.view({-1}), y = at::empty_like(flat);
	int64_t n = flat.numel(), whole = n / kVectors * kVectors;
	at::parallel_for(0, whole / kVectors, kFew / kVectors, [&](int64_t from, int64_t to) {
		c10::AutoGradMode off(false);
		int64_t most = at::in_parallel_region() || at::get_num_threads() == 1 ? n : kFew;
		for (int64_t i = from * kVectors, end = to * kVectors; i < end; i += most) {
			int64_t count = std::min(most, end - i);
			apply(which, flat.narrow(0, i, count), y.narrow(0, i, count));
		}
	});
	if (whole < n) {
		at::Tensor last = at::zeros({kVectors}, flat.options());
		last.narrow(0, 0, n - whole).copy_(flat.narrow(0, whole, n - whole));
		apply(which, last, last);
		y.narrow(0, whole, n - whole).copy_(last.narrow(0, 0, n - whole));
	}
	return y.view(x.sizes());
}

// Four dimensions of a matrix of heads [B, N, L, H] whose last one is contiguous.
struct Heads {
	at::Tensor kept;
	const float *at;
	int64_t batch, heads, length, width, per_batch, per_head, row;
	explicit Heads(const at::Tensor &t) : kept(t.to(at::kFloat)) {
		TORCH_CHECK(t.dim() == 4, "heads are ", t.sizes(), ", not [B, N, L, H]");
		if (kept.stride(3) != 1) kept = kept.contiguous();
		at = kept.data_ptr<float>();
		batch = kept.size(0), heads = kept.size(1), length = kept.size(2), width = kept.size(3);
		per_batch = batch == 1 ? 0 : kept.stride(0), per_head = kept.stride(1), row = kept.stride(2);
	}
	Right head(int64_t b, int64_t n) const { return {at + b * per_batch + n * per_head, row}; }
};

// softmax(q k^T / sqrt(H) + mask) v for heads [from, to) of a batch, mask [L, M] with a step from one sequence to the next.
template <class V>
CG_INLINE void heads_in(const Heads &q, const Heads &k, const Heads &v, const float *mask, int64_t step, int64_t from, int64_t to,
                        float *out) {
	int64_t l = q.length, m = k.length, pad = padded(m), h = q.width;
	float scale = static_cast<float>(1 / std::sqrt(static_cast<double>(h)));
	std::vector<float> keys(h * pad), chance(l * pad);
	for (int64_t t = from; t < to; t++) {
		int64_t b = t / q.heads, n = t % q.heads;
		attend<V>(l, m, h, scale, q.head(b, n), k.head(b, n), v.head(b, n), mask ? mask + b * step : nullptr, keys.data(), chance.data(),
		          {out + t * l * h, h});
	}
}
CG_BY_INSTRUCTIONS(heads,
                   (const Heads &q, const Heads &k, const Heads &v, const float *mask, int64_t step, int64_t from, int64_t to, float *out),
                   (q, k, v, mask, step, from, to, out))

} // namespace

extern "C" {

cg_tensor cg_row_elementwise(int which, cg_tensor x) {
	return guard([&]() -> cg_tensor { return new at::Tensor(elementwise(which, of(x))); });
}

cg_tensor cg_row_attention(cg_tensor q, cg_tensor k, cg_tensor v, cg_tensor mask) {
	return guard([&]() -> cg_tensor {
		Heads query(of(q)), key(of(k)), value(of(v));
		int64_t batch = std::max(query.batch, key.batch), l = query.length, m = key.length;
		at::Tensor added = mask ? of(mask).to(at::kFloat).contiguous() : at::Tensor();
		int64_t masks = mask ? added.numel() / (l * m) : 0;
		TORCH_CHECK(!mask || (masks * l * m == added.numel() && (masks == 1 || masks == batch)), "mask is ", added.sizes());
		at::Tensor out = at::empty({batch, query.heads, l, query.width}, query.kept.options().requires_grad(false));
		at::parallel_for(0, batch * query.heads, 1, [&](int64_t from, int64_t to) {
			heads(query, key, value, mask ? added.data_ptr<float>() : nullptr, masks == 1 ? 0 : l * m, from, to, out.data_ptr<float>());
		});
		return new at::Tensor(out.to(of(q).scalar_type()));
	});
}

cg_tensor cg_row_mean(cg_tensor x) {
	return guard([&]() -> cg_tensor {
		at::Tensor in = of(x).to(at::kFloat).contiguous();
		TORCH_CHECK(in.dim() == 3, "mean of ", in.sizes(), ", not [B, L, D]");
		int64_t l = in.size(1), d = in.size(2);
		at::Tensor out = at::zeros({in.size(0), d}, in.options().requires_grad(false));
		const float *from = in.data_ptr<float>();
		float *to = out.data_ptr<float>();
		at::parallel_for(0, in.size(0), 1, [&](int64_t begin, int64_t end) {
			for (int64_t b = begin; b < end; b++) {
				float *row = to + b * d;
				for (int64_t i = 0; i < l; i++)
					for (int64_t j = 0; j < d; j++) row[j] += from[(b * l + i) * d + j];
				for (int64_t j = 0; j < d; j++) row[j] /= static_cast<float>(l);
			}
		});
		return new at::Tensor(out.to(of(x).scalar_type()));
	});
}

cg_tensor cg_row_unit(cg_tensor x) {
	return guard([&]() -> cg_tensor {
		at::Tensor in = of(x).to(at::kFloat).contiguous(), out = at::empty(in.sizes(), in.options().requires_grad(false));
		const float *from = in.data_ptr<float>();
		float *to = out.data_ptr<float>();
		int64_t d = in.size(-1), n = d > 0 ? in.numel() / d : 0;
		at::parallel_for(0, n, 64, [&](int64_t begin, int64_t end) {
			for (int64_t i = begin * d; i < end * d; i += d) {
				double sum = 0;
				for (int64_t j = i; j < i + d; j++) sum += static_cast<double>(from[j]) * from[j];
				float norm = std::max(static_cast<float>(std::sqrt(sum)), 1e-12f);
				for (int64_t j = i; j < i + d; j++) to[j] = from[j] / norm;
			}
		});
		return new at::Tensor(out);
	});
}

} // extern "C"
