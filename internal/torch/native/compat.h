// compat.h is force-included when gotch v0.9.1's unmodified torch_api.cpp (written for libtorch 2.1) is compiled,
// so that it builds against libtorch 1.13.1 (-std=c++17) up to 2.15.0 (-std=c++20). What a version lacks throws at
// run time; gotch turns the exception into an error value.
#pragma once
#include <torch/torch.h>
#include <torch/script.h>
#include <ATen/autocast_mode.h>
#include <torch/csrc/autograd/engine.h>
#include <torch/csrc/jit/passes/fixup_trace_scope_blocks.h>
#include <torch/csrc/jit/passes/normalize_ops.h>
#include <torch/csrc/jit/runtime/graph_executor.h>
#include <cmath>
#include <stdexcept>
#include <tuple>

#define GC_VER (TORCH_VERSION_MAJOR * 100 + TORCH_VERSION_MINOR)

#if GC_VER < 201
namespace torch {
// What a missing function "returns": usable as a Tensor and as a tuple of up to 8.
struct gc_miss : std::tuple<at::Tensor, at::Tensor, at::Tensor, at::Tensor,
                            at::Tensor, at::Tensor, at::Tensor, at::Tensor> {
  operator at::Tensor() const { return std::get<0>(*this); }
};
[[noreturn]] inline void gc_throw(const char *n) {
  throw std::runtime_error(std::string("torch::") + n +
                           " is not in libtorch " TORCH_VERSION);
}
inline gc_miss gc_none(const char *n) { gc_throw(n); }
inline int64_t gc_none_int(const char *n) { gc_throw(n); }
// 1.13: one dim only / implemented through loops
inline int64_t gc_dim1(int64_t d) { return d; }
inline int64_t gc_dim1(at::IntArrayRef d) {
  if (d.size() != 1) gc_throw("squeeze_(dims)");
  return d[0];
}
inline int64_t gc_spdim(int64_t d) { return d; }
template <class... A> inline int64_t gc_spdim(A &&...) { gc_throw("to_sparse(layout)"); }
inline at::Tensor gc_none_t(const char *n) { gc_throw(n); }
inline c10::optional<int64_t> gc_corr(const at::Scalar &s) { return s.toLong(); }
inline Tensor _sparse_coo_tensor_unsafe(const Tensor &i, const Tensor &v, IntArrayRef s, const TensorOptions &o, bool) { return torch::_sparse_coo_tensor_unsafe(i, v, s, o); }
inline Tensor _sparse_coo_tensor_with_dims_and_tensors(int64_t a, int64_t b, IntArrayRef s, const Tensor &i, const Tensor &v, const TensorOptions &o, bool) { return torch::_sparse_coo_tensor_with_dims_and_tensors(a, b, s, i, v, o); }
inline Tensor sparse_coo_tensor(const Tensor &i, const Tensor &v, const TensorOptions &o, bool) { return torch::sparse_coo_tensor(i, v, o); }
inline Tensor sparse_coo_tensor(const Tensor &i, const Tensor &v, IntArrayRef s, const TensorOptions &o, bool) { return torch::sparse_coo_tensor(i, v, s, o); }
} // namespace torch

namespace at {
// ---- real implementations -------------------------------------------------
inline Tensor scaled_dot_product_attention(const Tensor &q, const Tensor &k, const Tensor &v, const Tensor &mask, double p, bool causal, c10::optional<double> scale) {
  double sc = scale ? *scale : 1.0 / ::std::sqrt((double)q.size(-1));
  Tensor s = at::matmul(q * sc, k.transpose(-2, -1));
  if (causal) {
    auto m = at::ones({q.size(-2), k.size(-2)}, q.options().dtype(kBool)).tril();
    s = s.masked_fill(m.logical_not(), -INFINITY);
  } else if (mask.defined()) {
    if (mask.scalar_type() == kBool) s = s.masked_fill(mask.logical_not(), -INFINITY);
    else s = s + mask;
  }
  s = at::softmax(s, -1);
  if (p > 0) s = at::dropout(s, p, true);
  return at::matmul(s, v);
}
inline Tensor _is_all_true(const Tensor &a) { return a.all(); }
inline Tensor _is_any_true(const Tensor &a) { return a.any(); }
inline Tensor _reshape_copy(const Tensor &a, IntArrayRef s) { return a.reshape(s).clone(); }
inline Tensor _unsafe_index(const Tensor &a, const c10::List<c10::optional<Tensor>> &i) { return at::index(a, i); }
inline Tensor _unsafe_index_put(const Tensor &a, const c10::List<c10::optional<Tensor>> &i, const Tensor &v, bool acc) { return at::index_put(a, i, v, acc); }
inline Tensor squeeze(const Tensor &a, IntArrayRef d) {
  ::std::vector<int64_t> v; for (auto x : d) v.push_back(x < 0 ? x + a.dim() : x);
  ::std::sort(v.rbegin(), v.rend());
  Tensor r = a; for (auto x : v) r = at::squeeze(r, x); return r;
}
inline Tensor squeeze_copy(const Tensor &a, IntArrayRef d) { return at::squeeze(a, d).clone(); }
inline Tensor &squeeze_copy_out(Tensor &o, const Tensor &a, IntArrayRef d) { return o.copy_(at::squeeze(a, d)); }
inline Tensor &max_out(Tensor &o, const Tensor &a) { o.copy_(a.max()); return o; }
inline Tensor &min_out(Tensor &o, const Tensor &a) { o.copy_(a.min()); return o; }
#define GC_S template <class S, ::std::enable_if_t<::std::is_same_v<S, Scalar>, int> = 0> inline
#define GC_A const c10::optional<IntArrayRef> &d, const S &c, bool k
#define GC_P at::OptionalIntArrayRef(d), torch::gc_corr(c), k
#define GC_STAT(F)                                                                                  \
  GC_S Tensor F(const Tensor &a, GC_A) { return at::F(a, GC_P); }                                   \
  GC_S Tensor F##_out(Tensor &o, const Tensor &a, GC_A) { return at::F##_out(o, a, GC_P); }         \
  GC_S ::std::tuple<Tensor, Tensor> F##_mean(const Tensor &a, GC_A) { return at::F##_mean(a, GC_P); } \
  GC_S ::std::tuple<Tensor, Tensor> F##_mean_out(Tensor &o, Tensor &p, const Tensor &a, GC_A) { return at::F##_mean_out(o, p, a, GC_P); }
GC_STAT(std)
GC_STAT(var)
// ---- overloads that exist only later: throw --------------------------------
inline ::std::tuple<Tensor, Tensor> _ctc_loss_out(Tensor &, Tensor &, const Tensor &, const Tensor &, const Tensor &, const Tensor &, int64_t, bool) { torch::gc_throw("_ctc_loss_out.Tensor"); }
inline Tensor _sparse_mm(const Tensor &, const Tensor &, const ::std::string &) { torch::gc_throw("_sparse_mm.reduce"); }
inline Tensor _sparse_coo_tensor_with_dims_and_tensors_out(Tensor &o, int64_t a, int64_t b, IntArrayRef s, const Tensor &i, const Tensor &v, bool) { return at::_sparse_coo_tensor_with_dims_and_tensors_out(o, a, b, s, i, v); }
} // namespace at

// ---- member functions ------------------------------------------------------
#define squeeze_(...) squeeze_(__VA_OPT__(torch::gc_dim1(__VA_ARGS__)))
#define to_dense(a, b) to_dense(a)
#define _to_dense(a, b) _to_dense(a)
#define to_sparse(...) to_sparse(torch::gc_spdim(__VA_ARGS__))
#define _to_sparse(...) to_sparse(torch::gc_spdim(__VA_ARGS__))
#define to_sparse_bsc(b, d) to_sparse_bsc(b)
#define to_sparse_bsr(b, d) to_sparse_bsr(b)
#define to_sparse_csc(d) to_sparse_csc()
#define to_sparse_csr(d) to_sparse_csr()
#define _to_sparse_bsc(b, d) to_sparse_bsc(b, d)
#define _to_sparse_bsr(b, d) to_sparse_bsr(b, d)
#define _to_sparse_csc(d) to_sparse_csc(d)
#define _to_sparse_csr(d) to_sparse_csr(d)
#define _sparse_mask_projection(m, a) sparse_mask(torch::gc_none_t("_sparse_mask_projection"))

// ---- whole functions that do not exist --------------------------------------
#define GC_N(n) gc_none(#n)
#define _cslt_compress(...) GC_N(_cslt_compress)
#define _cslt_sparse_mm(...) GC_N(_cslt_sparse_mm)
#define _efficient_attention_backward(...) GC_N(_efficient_attention_backward)
#define _fill_mem_eff_dropout_mask_(...) GC_N(_fill_mem_eff_dropout_mask_)
#define _flash_attention_backward(...) GC_N(_flash_attention_backward)
#define _functional_assert_async(...) GC_N(_functional_assert_async)
#define _functional_sym_constrain_range(...) GC_N(_functional_sym_constrain_range)
#define _functional_sym_constrain_range_for_size(...) GC_N(_functional_sym_constrain_range_for_size)
#define _fused_sdp_choice(...) gc_none_int("_fused_sdp_choice")
#define _int_mm(...) GC_N(_int_mm)
#define _int_mm_out(...) GC_N(_int_mm_out)
#define _lstm_mps(...) GC_N(_lstm_mps)
#define _lstm_mps_out(...) GC_N(_lstm_mps_out)
#define _make_dep_token(...) GC_N(_make_dep_token)
#define _native_batch_norm_legit(...) GC_N(_native_batch_norm_legit)
#define _native_batch_norm_legit_functional(...) GC_N(_native_batch_norm_legit_functional)
#define _native_batch_norm_legit_out(...) GC_N(_native_batch_norm_legit_out)
#define _native_batch_norm_legit_no_training(...) GC_N(_native_batch_norm_legit_no_training)
#define _native_batch_norm_legit_no_training_out(...) GC_N(_native_batch_norm_legit_no_training_out)
#define _nested_view_from_buffer(...) GC_N(_nested_view_from_buffer)
#define _nested_view_from_buffer_copy(...) GC_N(_nested_view_from_buffer_copy)
#define _nested_view_from_buffer_copy_out(...) GC_N(_nested_view_from_buffer_copy_out)
#define _prelu_kernel(...) GC_N(_prelu_kernel)
#define _prelu_kernel_backward(...) GC_N(_prelu_kernel_backward)
#define _propagate_xla_data(...) GC_N(_propagate_xla_data)
#define _scaled_dot_product_attention_math(...) GC_N(_scaled_dot_product_attention_math)
#define _scaled_dot_product_efficient_attention(...) GC_N(_scaled_dot_product_efficient_attention)
#define _scaled_dot_product_flash_attention_backward(...) GC_N(_scaled_dot_product_flash_attention_backward)
#define _scaled_mm(...) GC_N(_scaled_mm)
#define _scaled_mm_out(...) GC_N(_scaled_mm_out)
#define _sparse_mask_projection_out(...) GC_N(_sparse_mask_projection_out)
#define _sparse_mm_reduce_impl(...) GC_N(_sparse_mm_reduce_impl)
#define _sparse_semi_structured_linear(...) GC_N(_sparse_semi_structured_linear)
#define _test_check_tensor(...) GC_N(_test_check_tensor)
#define _test_functorch_fallback(...) GC_N(_test_functorch_fallback)
#define _test_functorch_fallback_out(...) GC_N(_test_functorch_fallback_out)
#define _to_dense_out(...) GC_N(_to_dense_out)
#define _to_sparse_bsc_out(...) GC_N(_to_sparse_bsc_out)
#define _to_sparse_bsr_out(...) GC_N(_to_sparse_bsr_out)
#define _to_sparse_csc_out(...) GC_N(_to_sparse_csc_out)
#define _to_sparse_csr_out(...) GC_N(_to_sparse_csr_out)
#define _to_sparse_out(...) GC_N(_to_sparse_out)
#define _to_sparse_semi_structured(...) GC_N(_to_sparse_semi_structured)
#define empty_permuted(...) GC_N(empty_permuted)
#define empty_permuted_out(...) GC_N(empty_permuted_out)
#define max_pool2d_backward(...) GC_N(max_pool2d_backward)
#define max_pool2d_backward_out(...) GC_N(max_pool2d_backward_out)
#define mkldnn_reorder_conv2d_weight(...) GC_N(mkldnn_reorder_conv2d_weight)
#define mkldnn_reorder_conv2d_weight_out(...) GC_N(mkldnn_reorder_conv2d_weight_out)
#define mkldnn_rnn_layer(...) GC_N(mkldnn_rnn_layer)
#define mkldnn_rnn_layer_backward(...) GC_N(mkldnn_rnn_layer_backward)
#define mkldnn_rnn_layer_backward_out(...) GC_N(mkldnn_rnn_layer_backward_out)
#define mkldnn_rnn_layer_out(...) GC_N(mkldnn_rnn_layer_out)
#define nonzero_static(...) GC_N(nonzero_static)
#define nonzero_static_out(...) GC_N(nonzero_static_out)
#define quantized_max_pool3d(...) GC_N(quantized_max_pool3d)
#define quantized_max_pool3d_out(...) GC_N(quantized_max_pool3d_out)
#define sym_constrain_range(...) GC_N(sym_constrain_range)
#define sym_constrain_range_for_size(...) GC_N(sym_constrain_range_for_size)
#define to_dense_backward(a, b, c) to_dense_backward(a, b)
#endif // GC_VER < 201

#if GC_VER >= 202
// Newer libtorch: parameter lists changed since 2.1, or functions removed.
namespace torch {
struct gc_miss : std::tuple<at::Tensor, at::Tensor, at::Tensor, at::Tensor> {
  operator at::Tensor() const { return std::get<0>(*this); }
};
[[noreturn]] inline void gc_throw(const char *n) {
  throw std::runtime_error(std::string("torch::") + n + " changed or gone in libtorch " TORCH_VERSION);
}
inline gc_miss gc_none(const char *n) { gc_throw(n); }
inline at::Tensor gc_none_t(const char *n) { gc_throw(n); }
inline std::vector<at::Tensor> gc_none_v(const char *n) { gc_throw(n); }
} // namespace torch
#define GC_N(n) gc_none(#n)
#define _cslt_sparse_mm(...) GC_N(_cslt_sparse_mm)
#define _scaled_mm(...) GC_N(_scaled_mm)
#define _scaled_mm_out(...) GC_N(_scaled_mm_out)
#if GC_VER >= 212 // exact release not checked; gone in 2.14
#define align_tensors(...) gc_none_v("align_tensors")
#define align_as(o) expand_as(torch::gc_none_t("align_as"))
#endif
#if GC_VER >= 212
#define cholesky(...) GC_N(cholesky)
#define cholesky_out(...) GC_N(cholesky_out)
#endif
#if GC_VER >= 212
#define qr(...) GC_N(qr)
#define qr_out(...) GC_N(qr_out)
#endif
#endif

#if GC_VER >= 200
// gotch passes "no mask" as an *engaged* optional holding an undefined tensor; libtorch rejects that.
namespace torch {
inline at::Tensor gc_sdpa(const at::Tensor &q, const at::Tensor &k, const at::Tensor &v, const at::Tensor &m, double p, bool causal, c10::optional<double> scale) {
  return at::scaled_dot_product_attention(q, k, v, m.defined() ? c10::optional<at::Tensor>(m) : c10::nullopt, p, causal, scale);
}
} // namespace torch
#define scaled_dot_product_attention gc_sdpa
#endif
