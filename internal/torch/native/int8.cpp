// Linear layers in 8 bits, for inference on CPUs. See native.h, and int8_rows.h for the scheme.
#include "handle.h"
#include "int8_rows.h"
#include <ATen/Parallel.h>

namespace {

// Many rows are split over the threads; of few rows each thread computes some columns.
void spread(const Int8Product &p) {
	const int64_t threads = at::in_parallel_region() ? 1 : at::get_num_threads();
	if (threads == 1 || p.m >= threads * 12) {
		at::parallel_for(0, p.m, 1, [&](int64_t from, int64_t to) {
			Quantized x(p, std::min(kBlockRows, to - from));
			for (int64_t row = from; row < to; row += kBlockRows) {
				int64_t rows = std::min(kBlockRows, to - row);
				x.fill(p, row, 0, rows);
				multiply(p, x, row, rows, 0, p.panels());
			}
		});
		return;
	}
	Quantized x(p, p.m);
	at::parallel_for(0, p.m, 1, [&](int64_t from, int64_t to) { x.fill(p, 0, from, to); });
	at::parallel_for(0, p.panels(), 1, [&](int64_t from, int64_t to) { multiply(p, x, 0, p.m, from, to); });
}

// A column of w, as floats, to its place in the packed bytes. w is [n, k], a row for each column of the product.
void pack_column(const float *w, const float *factors, const cg_int8 &to, int64_t j, int8_t *packed, float *scales, int32_t *sums) {
	float most = 0;
	auto weight = [&](int64_t i) { return factors ? w[i] / factors[i] : w[i]; };
	for (int64_t i = 0; i < to.k; i++) most = std::max(most, std::fabs(weight(i)));
	const float inverse = most < 1e-30f ? 0 : 127 / most;
	const int64_t quads = (to.k + kQuad - 1) / kQuad;
	int32_t sum = 0;
	for (int64_t i = 0; i < to.k; i++) {
		int32_t q = std::clamp(static_cast<int32_t>(std::nearbyint(weight(i) * inverse)), -127, 127);
		packed[((j / kPanel * quads + i / kQuad) * kPanel + j % kPanel) * kQuad + i % kQuad] = static_cast<int8_t>(q);
		sum += q;
	}
	scales[j] = inverse == 0 ? 0 : most / 127;
	sums[j] = sum;
}

} // namespace

extern "C" {

void cg_int8_pack(cg_tensor weights, const cg_int8 *to) {
	guard([&] {
		at::Tensor kept = of(weights).detach().to(at::kFloat).contiguous();
		TORCH_CHECK(kept.numel() == to->n * to->k, "w ", kept.sizes(), " is not of ", to->n, " rows of ", to->k);
		const float *w = kept.data_ptr<float>();
		const int64_t quads = (to->k + kQuad - 1) / kQuad, wide = (to->n + kPanel - 1) / kPanel * kPanel;
		auto packed = const_cast<int8_t *>(to->packed);
		auto scales = const_cast<float *>(to->scales);
		auto sums = const_cast<int32_t *>(to->sums);
		std::memset(packed, 0, wide * quads * kQuad);
		std::memset(scales, 0, wide * sizeof *scales);
		std::memset(sums, 0, wide * sizeof *sums);
		at::parallel_for(0, to->n, 16, [&](int64_t from, int64_t end) {
			for (int64_t j = from; j < end; j++) pack_column(w + j * to->k, to->factors, *to, j, packed, scales, sums);
		});
	});
}

cg_tensor cg_int8_linear(cg_tensor x, const cg_int8 *w, cg_tensor bias, int activation, cg_tensor residual) {
	return guard([&]() -> cg_tensor {
		at::Tensor a = of(x).detach().contiguous();
		TORCH_CHECK(a.scalar_type() == at::kFloat && a.device().is_cpu(), "products in 8 bits are of float32 rows on CPUs");
		TORCH_CHECK(a.dim() > 0 && a.size(-1) == w->k, "x ", a.sizes(), " does not fit a matrix of ", w->k, " rows");
		std::vector<int64_t> shape = a.sizes().vec();
		shape.back() = w->n;
		at::Tensor y = at::empty(shape, a.options().requires_grad(false)), b, r;
		if (bias) {
			b = of(bias).detach().to(at::kFloat).contiguous();
			TORCH_CHECK(b.numel() == w->n, "bias has ", b.numel(), " elements, not ", w->n);
		}
		if (residual) {
			r = of(residual).detach().contiguous();
			TORCH_CHECK(r.scalar_type() == at::kFloat && r.sizes() == y.sizes(), "residual is ", r.sizes(), ", not ", y.sizes());
		}
		if (y.numel() > 0)
			spread({y.numel() / w->n, a.data_ptr<float>(), *w, bias ? b.data_ptr<float>() : nullptr, residual ? r.data_ptr<float>() : nullptr,
			        y.data_ptr<float>(), activation});
		return new at::Tensor(y);
	});
}

} // extern "C"
