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
// Adds the CUDA half of libtorch, from where its other half is, if the machine has a driver: loading it takes as long as all
// the rest. To be called first. It tells whether there is one now.
int cg_load_cuda(void);
int cg_cuda_devices(void);                  // 0 without CUDA
void cg_set_threads(int n); // of the calling thread, from now on
int cg_get_threads(void);

// Data in and out. Bytes are in the tensor's own type, row-major.
cg_tensor cg_from_bytes(const void *bytes, const int64_t *shape, int dims, int dtype, int device); // copies
cg_tensor cg_view_bytes(void *bytes, const int64_t *shape, int dims, int dtype); // zero copy: bytes must outlive it
// uint8 [n, size, size, 3] to float32 [n, 3, size, size], (u8/255 - mean)/std: on the CPU in one pass, or on any device, to
// which the bytes go.
cg_tensor cg_pixels(const uint8_t *pixels, int64_t n, int64_t size, const double *mean, const double *std);
cg_tensor cg_pixels_on_device(const uint8_t *pixels, int64_t n, int64_t size, const double *mean, const double *std,
                              int device);
// A copy on a device, the same elements where t is there. From the CPU it goes through pinned memory, and nobody waits for it.
cg_tensor cg_on_device(cg_tensor t, int device);
void cg_to_bytes(cg_tensor t, void *bytes, size_t n);
void cg_overwrite(cg_tensor t, const void *bytes, size_t n); // in place, no graph

// softmax(q k^T / sqrt(H) + mask) v for each head: qkv [B, L, 3 heads H] to [B, L, heads H], float32 or bfloat16 on CPUs, with
// gradient. mask [L, L] may be null.
cg_tensor cg_attention(cg_tensor qkv, int64_t heads, cg_tensor mask);

// Mean over `over` rows of the cross-entropy of softmax(x w): x [R, D], w [D, V] with any strides, targets int64 [R], a scalar
// in float32. Of the target's mass, `even` is spread over all V. The scores are never held as a whole more than once.
cg_tensor cg_vocabulary_loss(cg_tensor x, cg_tensor w, cg_tensor targets, double even, double over);

// copy, of a narrower type, in the place of the leaf master: gradients that reach it are added to master's. A single one stays in
// the copy's type there; sums are made in master's.
cg_tensor cg_stand_in(cg_tensor master, cg_tensor copy);
cg_tensor cg_copy_as(cg_tensor t, int dtype);         // outside the graph
void cg_copy_in_place(cg_tensor to, cg_tensor from); // converted where needed
int64_t cg_changes(cg_tensor t);                     // how often t has been changed in place

// result, computed before from the operands, with a graph that keeps nothing but them. Backward calls again, which computes the result
// once more, from leaves in the operands' place, and goes back from the gradient given; it returns null, or why it could not, to be
// freed. forget tells that job will not be asked for any more.
typedef char *(*cg_again)(uintptr_t job, cg_tensor *leaves, int n, cg_tensor gradient);
typedef void (*cg_forget)(uintptr_t job);
cg_tensor cg_recomputed(cg_tensor result, cg_tensor *operands, int n, uintptr_t job, cg_again again, cg_forget forget);

// Autograd.
void cg_backward(cg_tensor t, cg_tensor gradient); // gradient may be null for a scalar
cg_tensor cg_gradient(cg_tensor t);                     // new handle, or null when there is none
void cg_drop_gradients(cg_tensor *params, int n);
// Adds the gradient of each twin, a second leaf over a parameter's memory, to the parameter's, and drops it.
void cg_add_gradients(cg_tensor *params, cg_tensor *twins, int n);
// Lets each row of a table stand once in its gradient, so that this doesn't grow with every lookup of several passes.
void cg_gather_rows(cg_tensor *params, int n);
double cg_gradient_norm(cg_tensor *params, int n); // L2 over all; the same bits for any number of threads

// One AdamW step over all parameters in one pass; decoupled decay, eps outside the root, bias corrected.
typedef struct {
	double lr, beta1, beta2, eps;
	double gradient_scale; // from clipping; 1 leaves gradients alone
	int64_t step;          // counted from 1
} cg_adamw_args;
// touched[i], uint8 [V], marks the rows of a table whose moments are not zero; null for others, or to treat every row so.
// copies[i] is the parameter in bfloat16, which stays equal to it; null for none.
void cg_adamw(cg_tensor *params, cg_tensor *mean, cg_tensor *variance, cg_tensor *touched, cg_tensor *copies, const double *decay,
              int n, const cg_adamw_args *args);

// cg_adamw without a number on the host: the gradient norm, the clipping to limit (0: none) and whether the step is made at
// all, which it is where the norm and each loss are finite, stay on the device. Returns the norm, float64 [].
typedef struct {
	double lr, beta1, beta2, eps, limit;
	cg_tensor made;   // float32 [], steps made; counted up
	cg_tensor failed; // float32 [2], steps that were not: in a row, and in all
	cg_tensor *losses;
	int n_losses;
} cg_ahead;
cg_tensor cg_adamw_ahead(cg_tensor *params, cg_tensor *mean, cg_tensor *variance, const double *decay, int n,
                         const cg_ahead *args);

// How often the process did what makes a host wait for a GPU, whatever the device, between the two calls. For tests.
void cg_watch_waits(void);
int64_t cg_waits_seen(void);

void cg_tf32(int on); // products of float32 on CUDA devices with 10 bits of mantissa

void cg_clamp_in_place(cg_tensor t, double low, double high);

#ifdef __cplusplus
}
#endif
