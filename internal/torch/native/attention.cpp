// Multi-head self-attention over a packed projection, forward and backward, on CPUs. See native.h. For each head, with q, k, v [L, H]:
//   s = q k^T / sqrt(H) + mask, p = softmax(s), o = p v                     [L, L], [L, L], [L, H]
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

// The sizes of a call, and where one head's part of the packed projection lies.
struct Sizes {
	int64_t batch, length, heads, width; // width of one head
	float scale;
	int64_t model() const { return heads * width; }
	int64_t packed() const { return 3 * model(); }
	int64_t pad() const { return padded(length); }
	// Offset of head t (of batch * heads) in [batch, length, row].
	int64_t place(int64_t t, int64_t row) const { return t / heads * length * row + t % heads * width; }
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

// Forward for heads [from, to): out [B, L, D]. chance [B * N, L, pad] receives p of each head if step is L * pad; with step 0 each
// head overwrites the same [L, pad].
template <class V, class T>
CG_INLINE void forward_heads_in(const Sizes s, int64_t from, int64_t to, const T *qkv, const float *mask, float *chance, int64_t step, T *out) {
	int64_t l = s.length, one = l * s.width, packed = s.packed(), model = s.model();
	std::vector<float> keys(s.width * s.pad()), room(sizeof(T) == sizeof(float) ? 0 : 4 * one);
	for (int64_t t = from; t < to; t++) {
		const T *at = qkv + s.place(t, packed);
		T *result = out + s.place(t, model);
		Right q = rows_of(at, packed, l, s.width, room.data()), k = rows_of(at + model, packed, l, s.width, room.data() + one);
		Right v = rows_of(at + 2 * model, packed, l, s.width, room.data() + 2 * one);
		float *p = chance + t * step;
		attend<V>(l, l, s.width, s.scale, q, k, v, mask, keys.data(), p, made_in(result, model, s.width, room.data() + 3 * one));
		placed(result, model, l, s.width, room.data() + 3 * one);
	}
}

// Backward for heads [from, to): d_qkv [B, L, 3D] from d_out [B, L, D].
template <class V, class T>
CG_INLINE void backward_heads_in(const Sizes s, int64_t from, int64_t to, const T *qkv, const float *chance, const T *d_out, T *d_qkv) {
	int64_t l = s.length, pad = s.pad(), one = l * s.width, packed = s.packed(), model = s.model();
	std::vector<float> values(s.width * pad), scores(l * pad), room(sizeof(T) == sizeof(float) ? 0 : 5 * one);
	float *ds = scores.data(), *made = room.data() + 4 * one;
	for (int64_t t = from; t < to; t++) {
		const T *at = qkv + s.place(t, packed);
		const float *p = chance + t * l * pad;
		Right q = rows_of(at, packed, l, s.width, room.data()), k = rows_of(at + model, packed, l, s.width, room.data() + one);
		Right v = rows_of(at + 2 * model, packed, l, s.width, room.data() + 2 * one);
		Right d = rows_of(d_out + s.place(t, model), model, l, s.width, room.data() + 3 * one);
		T *dq = d_qkv + s.place(t, packed);
		transpose(l, s.width, v, values.data());
		product<V>(l, pad, s.width, {d.at, d.row, 1}, {values.data(), pad}, {ds, pad});
		for (int64_t i = 0; i < l; i++) { // through the softmax: p (d - sum p d)
			float *row = ds + i * pad;
			const float *pi = p + i * pad;
			vec sums = vec{};
			for (int64_t j = 0; j < pad; j += kWide) sums += at_vec(pi + j) * at_vec(row + j);
			float sum = 0;
			for (int w = 0; w < kWide; w++) sum += sums[w];
			for (int64_t j = 0; j < pad; j += kWide) at_vec(row + j) = at_vec(pi + j) * (at_vec(row + j) - sum) * s.scale;
		}
		product<V>(l, s.width, l, {ds, pad, 1}, k, made_in(dq, packed, s.width, made));
		placed(dq, packed, l, s.width, made);
		product<V>(l, s.width, l, {ds, 1, pad}, q, made_in(dq + model, packed, s.width, made));
		placed(dq + model, packed, l, s.width, made);
		product<V>(l, s.width, l, {p, 1, pad}, d, made_in(dq + 2 * model, packed, s.width, made));
		placed(dq + 2 * model, packed, l, s.width, made);
	}
}

CG_BY_INSTRUCTIONS(forward_heads,
                   (const Sizes s, int64_t from, int64_t to, const float *qkv, const float *mask, float *chance, int64_t step, float *out),
                   (s, from, to, qkv, mask, chance, step, out))
CG_BY_INSTRUCTIONS(forward_heads,
                   (const Sizes s, int64_t from, int64_t to, const uint16_t *qkv, const float *mask, float *chance, int64_t step,
                    uint16_t *out),
                   (s, from, to, qkv, mask, chance, step, out))
CG_BY_INSTRUCTIONS(backward_heads,
                   (const Sizes s, int64_t from, int64_t to, const float *qkv, const float *chance, const float *d_out, float *d_qkv),
                   (s, from, to, qkv, chance, d_out, d_qkv))
CG_BY_INSTRUCTIONS(backward_heads,
                   (const Sizes s, int64_t from, int64_t to, const uint16_t *qkv, const float *chance, const uint16_t *d_out, uint16_t *d_qkv),
                   (s, from, to, qkv, chance, d_out, d_qkv))

bool narrow(const at::Tensor &t) { return t.scalar_type() == at::kBFloat16; }

uint16_t *halves(const at::Tensor &t) { return static_cast<uint16_t *>(t.data_ptr()); }

Sizes sizes_of(const at::Tensor &qkv, int64_t heads) {
	TORCH_CHECK(qkv.dim() == 3 && qkv.size(2) % (3 * heads) == 0, "packed projection is ", qkv.sizes(), " for ", heads, " heads");
	int64_t width = qkv.size(2) / (3 * heads);
	return {qkv.size(0), qkv.size(1), heads, width, static_cast<float>(1 / std::sqrt(static_cast<double>(width)))};
}

class Attend : public torch::autograd::Function<Attend> {
public:
	static at::Tensor forward(torch::autograd::AutogradContext *ctx, at::Tensor qkv, int64_t heads, at::Tensor mask, bool keep) {
		qkv = qkv.contiguous();
		Sizes s = sizes_of(qkv, heads);
		at::Tensor out = at::empty({s.batch, s.length, s.model()}, qkv.options());
		int64_t tasks = s.batch * s.heads, one = s.length * s.pad();
		at::Tensor chance = at::empty({keep ? tasks : 0, s.length, s.pad()}, qkv.options().dtype(at::kFloat));
		const float *m = mask.numel() > 0 ? mask.data_ptr<float>() : nullptr;
		at::parallel_for(0, tasks, 1, [&](int64_t from, int64_t to) {
			std::vector<float> own(keep ? 0 : one);
			float *p = keep ? chance.data_ptr<float>() : own.data();
			if (narrow(qkv))
				forward_heads(s, from, to, halves(qkv), m, p, keep ? one : 0, halves(out));
			else
				forward_heads(s, from, to, qkv.data_ptr<float>(), m, p, keep ? one : 0, out.data_ptr<float>());
		});
		ctx->save_for_backward({qkv, chance});
		ctx->saved_data["heads"] = heads;
		return out;
	}

	static torch::autograd::variable_list backward(torch::autograd::AutogradContext *ctx, torch::autograd::variable_list grads) {
		auto saved = ctx->get_saved_variables();
		Sizes s = sizes_of(saved[0], ctx->saved_data["heads"].toInt());
		at::Tensor d_out = grads[0].contiguous(), d_qkv = at::empty_like(saved[0]);
		at::parallel_for(0, s.batch * s.heads, 1, [&](int64_t from, int64_t to) {
			const float *p = saved[1].data_ptr<float>();
			if (narrow(d_qkv))
				backward_heads(s, from, to, halves(saved[0]), p, halves(d_out), halves(d_qkv));
			else
				backward_heads(s, from, to, saved[0].data_ptr<float>(), p, d_out.data_ptr<float>(), d_qkv.data_ptr<float>());
		});
		return {d_qkv, at::Tensor(), at::Tensor(), at::Tensor()};
	}
};

} // namespace

extern "C" cg_tensor cg_attention(cg_tensor qkv, int64_t heads, cg_tensor mask) {
	return guard([&]() -> cg_tensor {
		const at::Tensor &x = of(qkv);
		TORCH_CHECK((x.scalar_type() == at::kFloat || narrow(x)) && x.device().is_cpu(), "attention here is for float32 and bfloat16 on CPUs");
		at::Tensor m = mask ? of(mask).to(at::kFloat).contiguous() : at::empty({0}, x.options().dtype(at::kFloat));
		TORCH_CHECK(!mask || m.numel() == x.size(1) * x.size(1), "mask is not [L, L]");
		return new at::Tensor(Attend::apply(x, heads, m, c10::GradMode::is_enabled() && x.requires_grad()));
	});
}
