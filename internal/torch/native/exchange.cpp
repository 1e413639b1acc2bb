// Gradients in the form in which processes exchange them. See native.h.
#include "handle.h"
#include <algorithm>
#include <c10/core/GradMode.h>
#include <vector>

namespace {

// The sums of the rows of a sparse gradient, in the order of the lookups: entry i is that of ids[i], or zeros.
at::Tensor rows_of(const at::Tensor &gradient, const at::Tensor &param, const std::vector<int64_t> &ids) {
	at::Tensor out = at::zeros({static_cast<int64_t>(ids.size()), param.size(1)}, param.options().requires_grad(false));
	if (!gradient.defined()) return out;
	at::Tensor from = gradient._indices().reshape(-1).to(at::kCPU).contiguous(), to = at::empty_like(from);
	for (int64_t i = 0; i < from.numel(); i++)
		to.data_ptr<int64_t>()[i] = std::lower_bound(ids.begin(), ids.end(), from.data_ptr<int64_t>()[i]) - ids.begin();
	return out.index_add_(0, to.to(param.device()), gradient._values().to(param.scalar_type()));
}

} // namespace

extern "C" {

int cg_gradient_kind(cg_tensor p) {
	return guard([&]() -> int {
		const at::Tensor &g = of(p).grad();
		return !g.defined() ? 0 : g.is_sparse() ? 2 : 1;
	});
}

cg_tensor cg_join_gradients(cg_tensor *params, int n) {
	return guard([&]() -> cg_tensor {
		c10::AutoGradMode off(false);
		int64_t all = 0;
		for (int i = 0; i < n; i++) all += of(params[i]).numel();
		at::Tensor flat = at::empty({all}, of(params[0]).options().requires_grad(false));
		int64_t at = 0;
		for (int i = 0; i < n; i++) {
			at::Tensor &g = of(params[i]).mutable_grad();
			at::Tensor own = flat.narrow(0, at, of(params[i]).numel()).view(of(params[i]).sizes());
			if (g.defined())
				own.copy_(g.is_sparse() ? g.to_dense() : g);
			else
				own.zero_();
			g = own;
			at += own.numel();
		}
		return new at::Tensor(flat);
	});
}

cg_tensor cg_gradient_ids(cg_tensor p) {
	return guard([&]() -> cg_tensor {
		at::Tensor ids = of(p).grad()._indices().reshape(-1).to(at::kCPU);
		return new at::Tensor(std::get<0>(at::_unique(ids, /*sorted=*/true)));
	});
}

cg_tensor cg_gradient_rows(cg_tensor p, const int64_t *ids, int64_t n) {
	return guard([&]() -> cg_tensor {
		c10::AutoGradMode off(false);
		at::Tensor &g = of(p).mutable_grad();
		at::Tensor values = rows_of(g, of(p), std::vector<int64_t>(ids, ids + n));
		at::Tensor at = at::empty({1, n}, at::kLong);
		std::copy(ids, ids + n, at.data_ptr<int64_t>());
		g = at::_sparse_coo_tensor_unsafe(at.to(of(p).device()), values, of(p).sizes(),
		                                  of(p).options().requires_grad(false).layout(at::kSparse));
		return new at::Tensor(values);
	});
}

} // extern "C"
