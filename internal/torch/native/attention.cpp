// Multi-head attention, forward and backward, on CPUs: of all tokens to each other, from a packed projection, or of one token of each
// sequence to all. See native.h. For each head, with q [Q, H], k and v [L, H]:
//   s = q k^T / sqrt(H) + mask, p = softmax(s), o = p v                     [Q, L], [Q, L], [Q, H]
//   dv = p^T do, dp = do v^T, ds = p (dp - rowsum(p dp))                    elementwise products
//   dq = ds k / sqrt(H), dk = ds^T q / sqrt(H)
// bfloat16 is widened when a head is read and rounded when its result is written: s, p and all sums are float32.
//
// libtorch computes it by batched products of small matrices, which its CPU library runs one by one: for 17 tokens that is a
// quarter of a training step. Here a head is a task of one thread: s stays in the L1 cache, and q, k, v and their gradients
// are read and written inside the packed projection, without a transpose or a copy. The shape alone fixes the order of every sum.
#include "handle.h"
#include "heads.h"
#include "instructions.h"
#include <ATen/Parallel.h>
#include <c10/core/GradMode.h>
#include <cmath>
#include <torch/csrc/autograd/custom_function.h>
#include <vector>

namespace {

// The sizes of a call, and where one head's part lies. q_row and kv_row are the steps from token to token.
struct Sizes {
	int64_t batch, queries, length, heads, width, q_row, kv_row; // width of one head
	int64_t mask_step;                                           // from sequence to sequence; 0: they share a mask
	int64_t model() const { return heads * width; }
	int64_t pad() const { return padded(length); }
	int64_t scores() const { return queries * pad(); }
	float scale() const { return static_cast<float>(1 / std::sqrt(static_cast<double>(width))); }
	// Offset of head t (of batch * heads) in [batch, tokens, row].
	int64_t place(int64_t t, int64_t tokens, int64_t row) const { return t / heads * tokens * row + t % heads * width; }
	int64_t query(int64_t t) const { return place(t, queries, q_row); }
	int64_t key(int64_t t) const { return place(t, length, kv_row); }
	int64_t result(int64_t t) const { return place(t, queries, model()); }
};

// Where the first head's queries, keys and values begin.
template <class T> struct Heads {
	T *q, *k, *v;
};

// n rows of a head in float32: where they are, or widened into room.
CG_INLINE Right rows_of(const float *from, int64_t row, int64_t, int64_t, float *) { return {from, row}; }
CG_INLINE Right rows_of(const uint16_t *from, int64_t row, int64_t n, int64_t width, float *room) {
	for (int64_t i = 0; i < n; i++)
		for (int64_t h = 0; h < width; h++) room[i * width + h] = widened(from[i * row + h]);
	return {room, width};
}

// Where n rows of a result are made, and how they reach their place.
CG_INLINE Out made_in(float *to, int64_t row, int64_t, float *) { return {to, row}; }
CG_INLINE Out made_in(uint16_t *, int64_t, int64_t width, float *room) { return {room, width}; }
CG_INLINE void placed(float *, int64_t, int64_t, int64_t, const float *) {}
CG_INLINE void placed(uint16_t *to, int64_t row, int64_t n, int64_t width, const float *room) {
	for (int64_t i = 0; i < n; i++)
		for (int64_t h = 0; h < width; h++) to[i * row + h] = narrowed(room[i * width + h]);
}

// The gradient of a row of scores, in place of that of its softmax p: scale p (d - sum p d).
CG_INLINE void through_softmax(int64_t pad, float scale, const float *p, float *d) {
	vec sums = vec{};
	for (int64_t j = 0; j < pad; j += kWide) sums += at_vec(p + j) * at_vec(d + j);
	float sum = 0;
	for (int w = 0; w < kWide; w++) sum += sums[w];
	for (int64_t j = 0; j < pad; j += kWide) at_vec(d + j) = at_vec(p + j) * (at_vec(d + j) - sum) * scale;
}

// Forward for heads [from, to): out [B, Q, D]. chance [B * N, Q, pad] receives p of each head if step is Q * pad; with step 0 each
// head overwrites the same [Q, pad].
template <class V, class T>
CG_INLINE void forward_heads_in(const Sizes s, int64_t from, int64_t to, const Heads<const T> in, const float *mask, float *chance,
                                int64_t step, T *out) {
	int64_t n = s.queries, l = s.length, one = l * s.width, few = n * s.width;
	std::vector<float> keys(s.width * s.pad()), room(sizeof(T) == sizeof(float) ? 0 : 2 * one + 2 * few);
	for (int64_t t = from; t < to; t++) {
		T *result = out + s.result(t);
		float *wide = room.data(), *made = wide + 2 * one + few;
		Right k = rows_of(in.k + s.key(t), s.kv_row, l, s.width, wide), v = rows_of(in.v + s.key(t), s.kv_row, l, s.width, wide + one);
		Right q = rows_of(in.q + s.query(t), s.q_row, n, s.width, wide + 2 * one);
		const float *added = mask ? mask + t / s.heads * s.mask_step : nullptr;
		attend<V>(n, l, s.width, s.scale(), q, k, v, added, keys.data(), chance + t * step, made_in(result, s.model(), s.width, made));
		placed(result, s.model(), n, s.width, made);
	}
}

// Backward for heads [from, to): the gradients of q, k and v, which lie as they do, from d_out [B, Q, D].
template <class V, class T>
CG_INLINE void backward_heads_in(const Sizes s, int64_t from, int64_t to, const Heads<const T> in, const float *chance, const T *d_out,
                                 const Heads<T> grad) {
	int64_t n = s.queries, l = s.length, pad = s.pad(), one = l * s.width, few = n * s.width;
	std::vector<float> values(s.width * pad), scores(s.scores()), room(sizeof(T) == sizeof(float) ? 0 : 3 * one + 2 * few);
	float *ds = scores.data(), *wide = room.data(), *made = wide + 2 * one + 2 * few;
	for (int64_t t = from; t < to; t++) {
		const float *p = chance + t * s.scores();
		Right k = rows_of(in.k + s.key(t), s.kv_row, l, s.width, wide), v = rows_of(in.v + s.key(t), s.kv_row, l, s.width, wide + one);
		Right q = rows_of(in.q + s.query(t), s.q_row, n, s.width, wide + 2 * one);
		Right d = rows_of(d_out + s.result(t), s.model(), n, s.width, wide + 2 * one + few);
		T *dq = grad.q + s.query(t), *dk = grad.k + s.key(t), *dv = grad.v + s.key(t);
		transpose(l, s.width, v, values.data());
		product<V>(n, pad, s.width, {d.at, d.row, 1}, {values.data(), pad}, {ds, pad});
		for (int64_t i = 0; i < n; i++) through_softmax(pad, s.scale(), p + i * pad, ds + i * pad);
		product<V>(n, s.width, l, {ds, pad, 1}, k, made_in(dq, s.q_row, s.width, made));
		placed(dq, s.q_row, n, s.width, made);
		product<V>(l, s.width, n, {ds, 1, pad}, q, made_in(dk, s.kv_row, s.width, made));
		placed(dk, s.kv_row, l, s.width, made);
		product<V>(l, s.width, n, {p, 1, pad}, d, made_in(dv, s.kv_row, s.width, made));
		placed(dv, s.kv_row, l, s.width, made);
	}
}

CG_BY_INSTRUCTIONS(forward_heads,
                   (const Sizes s, int64_t from, int64_t to, const Heads<const float> in, const float *mask, float *chance, int64_t step,
                    float *out),
                   (s, from, to, in, mask, chance, step, out))
CG_BY_INSTRUCTIONS(forward_heads,
                   (const Sizes s, int64_t from, int64_t to, const Heads<const uint16_t> in, const float *mask, float *chance,
                    int64_t step, uint16_t *out),
                   (s, from, to, in, mask, chance, step, out))
CG_BY_INSTRUCTIONS(backward_heads,
                   (const Sizes s, int64_t from, int64_t to, const Heads<const float> in, const float *chance, const float *d_out,
                    const Heads<float> grad),
                   (s, from, to, in, chance, d_out, grad))
CG_BY_INSTRUCTIONS(backward_heads,
                   (const Sizes s, int64_t from, int64_t to, const Heads<const uint16_t> in, const float *chance, const uint16_t *d_out,
                    const Heads<uint16_t> grad),
                   (s, from, to, in, chance, d_out, grad))

bool narrow(const at::Tensor &t) { return t.scalar_type() == at::kBFloat16; }

template <class T> T *begin(const at::Tensor &t) { return static_cast<T *>(t.data_ptr()); }

// q is [B, D], one query for each sequence, and kv [B, L, 2D]; or q is [0], and all three lie side by side in kv [B, L, 3D].
bool is_packed(const at::Tensor &q) { return q.dim() == 1; }

// Where q, k and v begin.
template <class T> Heads<T> heads_of(const at::Tensor &q, const at::Tensor &kv, int64_t model) {
	auto *at = begin<std::remove_const_t<T>>(kv);
	if (is_packed(q)) return {at, at + model, at + 2 * model};
	return {begin<std::remove_const_t<T>>(q), at, at + model};
}

Sizes sizes_of(const at::Tensor &q, const at::Tensor &kv, int64_t heads, const at::Tensor &mask) {
	bool packed = is_packed(q);
	int64_t parts = packed ? 3 : 2, row = kv.size(2), width = row / (parts * heads);
	int64_t queries = packed ? kv.size(1) : 1;
	int64_t step = mask.numel() > queries * kv.size(1) ? queries * kv.size(1) : 0;
	return {kv.size(0), queries, kv.size(1), heads, width, packed ? row : heads * width, row, step};
}

class Attend : public torch::autograd::Function<Attend> {
public:
	static at::Tensor forward(torch::autograd::AutogradContext *ctx, at::Tensor q, at::Tensor kv, int64_t heads, at::Tensor mask, bool keep) {
		q = q.contiguous(), kv = kv.contiguous();
		Sizes s = sizes_of(q, kv, heads, mask);
		at::Tensor out = is_packed(q) ? at::empty({s.batch, s.length, s.model()}, kv.options()) : at::empty_like(q);
		int64_t tasks = s.batch * s.heads;
		at::Tensor chance = at::empty({keep ? tasks : 0, s.queries, s.pad()}, kv.options().dtype(at::kFloat));
		const float *m = mask.numel() > 0 ? mask.data_ptr<float>() : nullptr;
		at::parallel_for(0, tasks, 1, [&](int64_t from, int64_t to) {
			std::vector<float> own(keep ? 0 : s.scores());
			float *p = keep ? chance.data_ptr<float>() : own.data();
			int64_t step = keep ? s.scores() : 0;
			if (narrow(kv))
				forward_heads(s, from, to, heads_of<const uint16_t>(q, kv, s.model()), m, p, step, begin<uint16_t>(out));
			else
				forward_heads(s, from, to, heads_of<const float>(q, kv, s.model()), m, p, step, begin<float>(out));
		});
		ctx->save_for_backward({q, kv, chance});
		ctx->saved_data["heads"] = heads;
		return out;
	}

	static torch::autograd::variable_list backward(torch::autograd::AutogradContext *ctx, torch::autograd::variable_list grads) {
		auto saved = ctx->get_saved_variables();
		at::Tensor q = saved[0], kv = saved[1], d_out = grads[0].contiguous(), dq = at::empty_like(q), dkv = at::empty_like(kv);
		Sizes s = sizes_of(q, kv, ctx->saved_data["heads"].toInt(), at::empty({0}));
		at::parallel_for(0, s.batch * s.heads, 1, [&](int64_t from, int64_t to) {
			const float *p = saved[2].data_ptr<float>();
			if (narrow(kv))
				backward_heads(s, from, to, heads_of<const uint16_t>(q, kv, s.model()), p, begin<const uint16_t>(d_out),
				               heads_of<uint16_t>(dq, dkv, s.model()));
			else
				backward_heads(s, from, to, heads_of<const float>(q, kv, s.model()), p, begin<const float>(d_out),
				               heads_of<float>(dq, dkv, s.model()));
		});
		return {dq, dkv, at::Tensor(), at::Tensor(), at::Tensor()};
	}
};

// A mask in float32; without elements where there is none.
at::Tensor mask_of(cg_tensor mask, const at::Tensor &x) {
	return mask ? of(mask).to(at::kFloat).contiguous() : at::empty({0}, x.options().dtype(at::kFloat));
}

void check(const at::Tensor &x, int64_t parts, int64_t heads) {
	TORCH_CHECK((x.scalar_type() == at::kFloat || narrow(x)) && x.device().is_cpu(), "attention here is for float32 and bfloat16 on CPUs");
	TORCH_CHECK(x.dim() == 3 && x.size(2) % (parts * heads) == 0, "packed projection is ", x.sizes(), " for ", heads, " heads");
}

} // namespace

extern "C" {

cg_tensor cg_attention(cg_tensor qkv, int64_t heads, cg_tensor mask) {
	return guard([&]() -> cg_tensor {
		const at::Tensor &x = of(qkv);
		check(x, 3, heads);
		at::Tensor m = mask_of(mask, x);
		TORCH_CHECK(!mask || m.numel() == x.size(1) * x.size(1), "mask is not [L, L]");
		bool keep = c10::GradMode::is_enabled() && x.requires_grad();
		return new at::Tensor(Attend::apply(at::empty({0}, x.options()), x, heads, m, keep));
	});
}

cg_tensor cg_single_query_attention(cg_tensor q, cg_tensor kv, int64_t heads, cg_tensor mask) {
	return guard([&]() -> cg_tensor {
		const at::Tensor &one = of(q), &x = of(kv);
		check(x, 2, heads);
		TORCH_CHECK(one.dim() == 2 && one.size(0) == x.size(0) && 2 * one.size(1) == x.size(2) && one.scalar_type() == x.scalar_type(),
		            "query ", one.sizes(), " for keys and values ", x.sizes());
		at::Tensor m = mask_of(mask, x);
		TORCH_CHECK(!mask || m.numel() == x.size(0) * x.size(1), "mask is not [B, L]");
		bool keep = c10::GradMode::is_enabled() && (x.requires_grad() || one.requires_grad());
		return new at::Tensor(Attend::apply(one, x, heads, m, keep));
	});
}

} // extern "C"
