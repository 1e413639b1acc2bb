// The C calls that clipgo needs and gotch lacks. Same conventions as gotch's torch_api.h: a tensor is an owned
// at::Tensor*, a failure leaves its text in torch_last_err (read through get_and_reset_last_err).
#pragma once
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef void *cg_tensor; // an at::Tensor*

// The library.
const char *cg_version(void);               // libtorch's version, static
char *cg_build_config(void);                // how it was built (BLAS, CPU capability, threads); free() it
// Loads the CUDA half of libtorch from the directory of the CPU half, if the machine has a CUDA driver: that takes as long as loading
// the CPU half. Call it before anything else. Returns whether the CUDA half is loaded.
int cg_load_cuda(void);
int cg_cuda_devices(void);                  // 0 without CUDA
void cg_set_threads(int n); // of the calling thread, from now on
int cg_get_threads(void);

// Data in and out. Bytes are in the tensor's own type, row-major.
cg_tensor cg_from_bytes(const void *bytes, const int64_t *shape, int dims, int dtype, int device); // copies
cg_tensor cg_view_bytes(void *bytes, const int64_t *shape, int dims, int dtype); // zero copy: bytes must outlive it
// uint8 [n, size, size, 3] to float32 [n, 3, size, size], (u8/255 - mean)/std. cg_pixels computes it on the CPU in one pass;
// cg_pixels_on_device copies the bytes to a device and computes there.
cg_tensor cg_pixels(const uint8_t *pixels, int64_t n, int64_t size, const double *mean, const double *std);
cg_tensor cg_pixels_on_device(const uint8_t *pixels, int64_t n, int64_t size, const double *mean, const double *std,
                              int device);
// A copy of t on a device; a second handle if t is there already. A copy from the CPU to a GPU is asynchronous, through pinned memory.
cg_tensor cg_on_device(cg_tensor t, int device);
void cg_to_bytes(cg_tensor t, void *bytes, size_t n);
void cg_overwrite(cg_tensor t, const void *bytes, size_t n); // in place, no graph

// softmax(q k^T / sqrt(H) + mask) v for each head: qkv [B, L, 3 heads H] to [B, L, heads H], float32 or bfloat16, CPU only,
// differentiable. mask [L, L] may be null.
cg_tensor cg_attention(cg_tensor qkv, int64_t heads, cg_tensor mask);
// The same for one query of each sequence: q [B, heads H] and kv [B, L, 2 heads H] to [B, heads H]; mask [B, L] may be null.
cg_tensor cg_single_query_attention(cg_tensor q, cg_tensor kv, int64_t heads, cg_tensor mask);

// For inference on CPUs, without gradients: each row of a result has the same bits whatever other rows are computed with it, at any
// place among them, on any number of threads.
cg_tensor cg_row_product(cg_tensor x, cg_tensor w, cg_tensor bias); // x [..., K] w [K, N] + bias [N] or null; float32 or bfloat16
int cg_has_amx(void); // whether libtorch's own products of bfloat16 are several times faster than that
cg_tensor cg_row_elementwise(int which, cg_tensor x);               // 0: GELU, 1: GELU by tanh, 2: sigmoid
// softmax(q k^T / sqrt(H) + mask) v: q [B or 1, N, L, H], k and v [B, N, M, H], mask [L, M], [B, 1, L, M] or null
cg_tensor cg_row_attention(cg_tensor q, cg_tensor k, cg_tensor v, cg_tensor mask);
cg_tensor cg_row_mean(cg_tensor x); // [B, L, D] to [B, D]
cg_tensor cg_row_unit(cg_tensor x); // rows over their L2 norm, or over 1e-12 where that is greater; float32

// Linear layers in 8 bits, for inference on CPUs. Each row of a result depends on that row of x alone; int8_rows.h has the scheme. The
// arrays of a matrix are the caller's: packed has wide * quads * 4 bytes, scales and sums have wide elements, where wide is n rounded up
// to 32 and quads is k / 4 rounded up.
typedef struct {
	int64_t n, k; // outputs, inputs
	const int8_t *packed;
	const float *scales;  // of the columns
	const int32_t *sums;  // of the columns
	const float *factors; // [k] by which x is multiplied, and w was divided; null: none
} cg_int8;
void cg_int8_pack(cg_tensor w, const cg_int8 *to); // w float32 [n, k]; factors are read, the other arrays are filled
// activation(x w + bias) + residual: x float32 [..., k], bias [n] or null, residual [..., n] or null; activation 0: none, 1: GELU,
// 2: GELU by tanh, 3: QuickGELU
cg_tensor cg_int8_linear(cg_tensor x, const cg_int8 *w, cg_tensor bias, int activation, cg_tensor residual);

// Cross-entropy of the logits x w, label smoothing `even`, divided by `over`; a float32 scalar:
//   z = x w, loss = sum_r (logsumexp(z_r) - (1 - even) z_r[target_r] - even mean(z_r)) / over
// x [R, D], w [D, V] with any strides, targets int64 [R]. At most one copy of the logits of a block of rows exists at a time.
cg_tensor cg_vocabulary_loss(cg_tensor x, cg_tensor w, cg_tensor targets, double even, double over);

// Returns an autograd node whose value is `copy` (bfloat16) and whose gradient accumulates into `master` (float32, a leaf). A single
// gradient is kept in bfloat16; several are summed in float32.
cg_tensor cg_low_precision_copy(cg_tensor master, cg_tensor copy);
cg_tensor cg_copy_as(cg_tensor t, int dtype);         // outside the graph
void cg_copy_in_place(cg_tensor to, cg_tensor from); // converted where needed
int64_t cg_changes(cg_tensor t);                     // how often t has been changed in place

// Gradient checkpointing. Returns result, already computed from the operands, with a graph that keeps only the operands. The backward
// pass calls `again` with detached copies of the operands (leaves): it recomputes result from them and runs its backward pass from
// `gradient`. It returns null, or an error text that the caller frees. `forget` is called once, when the graph no longer needs job.
typedef char *(*cg_recompute)(uintptr_t job, cg_tensor *leaves, int n, cg_tensor gradient);
typedef void (*cg_forget)(uintptr_t job);
cg_tensor cg_recomputed(cg_tensor result, cg_tensor *operands, int n, uintptr_t job, cg_recompute again, cg_forget forget);

// Autograd.
void cg_backward(cg_tensor t, cg_tensor gradient); // gradient may be null for a scalar
cg_tensor cg_gradient(cg_tensor t);                     // new handle, or null when there is none
void cg_drop_gradients(cg_tensor *params, int n);
// Adds the gradient of each replica (a second leaf that shares a parameter's memory) to the parameter's gradient, and clears it.
void cg_add_gradients(cg_tensor *params, cg_tensor *replicas, int n);
// Sums a table's sparse gradient by row (coalesces it), so that it doesn't grow with the number of lookups.
void cg_gather_rows(cg_tensor *params, int n);
double cg_gradient_norm(cg_tensor *params, int n); // L2 over all; the same bits for any number of threads

// Gradients as processes exchange them. Both results share the memory of the new gradients: whoever sums them over processes, in place,
// has summed the gradients.
int cg_gradient_kind(cg_tensor param); // 0: none, 1: dense, 2: rows of a table
// Makes the gradients of some parameters, of one type and device, dense stretches of one tensor, which it returns; zeros where there are
// none.
cg_tensor cg_join_gradients(cg_tensor *params, int n);
cg_tensor cg_gradient_ids(cg_tensor param); // the rows of a table's sparse gradient, ascending, int64 on the CPU
// Makes a table's gradient, sparse or none, one of the given ascending rows, and returns their values [n, D]. Rows that it lacks are 0.
cg_tensor cg_gradient_rows(cg_tensor param, const int64_t *ids, int64_t n);

// Sums of gradients over processes that start while the backward pass goes on, from the hooks behind the accumulation of each gradient.
// A pass is made by lanes, each of which goes through parts of the batch; gradients are complete after the last part of each lane. How
// many accumulations of a leaf its last part has is learned in one pass, and the order of the leaves as well. Every process starts all
// buckets in the same order, also one whose pass has failed.
typedef char *(*cg_sum)(void *group, cg_tensor *tensors, int n, void **work); // cgd_sum of processes.h
void *cg_overlap_new(cg_tensor *params, int n); // params have gradients, and stay; also opens the first step
// bucket_of[i] is the bucket of a parameter, -1: none. Buckets are numbered in the order in which they start.
void cg_overlap_plan(void *overlap, const int *bucket_of, int buckets, cg_sum sum, void *group);
void cg_overlap_open(void *overlap);  // before a step's passes
void cg_overlap_replica(void *overlap, cg_tensor master, int lane, cg_tensor replica);
void cg_overlap_begin(void *overlap, const int *busy, int lanes); // the backward pass begins; lanes that are not busy have no part
void cg_overlap_last(void *overlap, int lane); // a lane's last part begins
// Starts the sums that have not started, after the lanes' gradients are joined. complete is 0 if the pass failed. The error is one of
// joining gradients.
void cg_overlap_end(void *overlap, int complete);
const char *cg_overlap_failure(void *overlap); // of starting a sum; null: none
void *cg_overlap_take(void *overlap, int bucket); // the work of a sum, for its new owner; null: not started
int cg_overlap_early(void *overlap); // the number of sums that started within the pass
int cg_overlap_late(void *overlap); // whether a gradient came after the start of its bucket, whose sum is wrong
int cg_overlap_kind(void *overlap, int i); // cg_gradient_kind of a parameter in a bucket, before its bucket was joined
// A parameter's place in the order in which the last pass completed gradients, from 1; 0: it had none in a lane's last part.
int64_t cg_overlap_seen(void *overlap, int i);
void cg_overlap_close(void *overlap); // after a step
void cg_overlap_free(void *overlap);

// One AdamW step over all parameters in one pass over memory (Loshchilov and Hutter, 2019):
//   m = beta1 m + (1 - beta1) g, v = beta2 v + (1 - beta2) g^2, g scaled by gradient_scale
//   p = p (1 - lr decay) - lr (m / (1 - beta1^step)) / (sqrt(v / (1 - beta2^step)) + eps)
typedef struct {
	double lr, beta1, beta2, eps;
	double gradient_scale; // from clipping; 1 leaves gradients alone
	int64_t step;          // counted from 1
} cg_adamw_args;
// touched[i], uint8 [V], marks the rows of a table whose moments are not zero. It is null for other parameters, and for a table of
// which every row is to be updated. copies[i] is the parameter's bfloat16 copy, which is updated with it; null if there is none.
void cg_adamw(cg_tensor *params, cg_tensor *mean, cg_tensor *variance, cg_tensor *touched, cg_tensor *copies, const double *decay,
              int n, const cg_adamw_args *args);

// cg_adamw without synchronizing with the device. The gradient norm, the clipping to limit (0: none) and the decision to skip the step
// (the norm or a loss is not finite) stay on the device. Returns the norm before clipping, float64 [].
typedef struct {
	double lr, beta1, beta2, eps, limit;
	cg_tensor made;   // float32 [], steps made; counted up
	cg_tensor failed; // float32 [2], steps that were not: in a row, and in all
	cg_tensor *losses;
	int n_losses;
} cg_ahead;
cg_tensor cg_adamw_ahead(cg_tensor *params, cg_tensor *mean, cg_tensor *variance, const double *decay, int n,
                         const cg_ahead *args);

// Counts the operations between the two calls that would synchronize the host with a GPU, on any device. For tests.
void cg_watch_waits(void);
int64_t cg_waits_seen(void);

void cg_use_device(int device); // of the calling thread, where nothing else is said
void cg_tf32(int on); // whether float32 matrix products on CUDA devices use TF32 (10 bits of mantissa)

void cg_clamp_in_place(cg_tensor t, double low, double high);

#ifdef __cplusplus
}
#endif
