// Collectives of PyTorch's c10d as a C interface, in a library of its own (libtchdist.so): it is opened only by a process that has others
// beside it. A tensor is an at::Tensor*.
//
// Each call returns null, or the text of its failure, which the caller frees. Calls may come from any thread, one at a time. All
// processes start the same collectives in the same order.
#pragma once
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef void *cg_tensor;
typedef char *cgd_error;

const char *cgd_version(void); // of the libtorch that this library was compiled for

// The store: keys and values that all processes see. One process has the server; port 0 lets the system choose one. seconds bound
// connecting.
cgd_error cgd_store_open(const char *host, int port, int server, double seconds, void **store, int *port_used);
cgd_error cgd_store_set(void *store, const char *key, const void *value, int n);
cgd_error cgd_store_get(void *store, const char *key, void **value, int *n); // doesn't wait; value, for the caller to free: null without one
cgd_error cgd_store_add(void *store, const char *key, int64_t more, int64_t *now);
void cgd_store_free(void *store);

// A group of processes over Gloo. Either address or interface says where others reach this process; the other one is null. seconds bound
// each step of a collective.
cgd_error cgd_gloo(void *store, const char *prefix, int rank, int world, const char *address, const char *interface, double seconds,
                   void **group);
// From now on tensors of a CUDA device are exchanged by an engine of nccl.h, which the group then holds as well.
void cgd_group_cards(void *group, void *engine);
void cgd_group_free(void *group); // waits for what is under way: not after a failure

// Each prepares a collective: it allocates what the collective needs, which can fail in one process alone. Its tensors stay alive until
// the work is freed.
cgd_error cgd_prepare_sum(void *group, cg_tensor *ts, int n, void **work);           // sums over the processes, in place
cgd_error cgd_broadcast(void *group, cg_tensor *ts, int n, int root, void **work);   // in place
cgd_error cgd_gather(void *group, cg_tensor t, void **work);                         // [b, ...] to [world b, ...]
cgd_error cgd_sum_rows(void *group, cg_tensor t, void **work);                       // [world b, ...] to [b, ...], in the order of the ranks
cgd_error cgd_gather_bytes(void *group, const void *bytes, int64_t n, void **work);  // n bytes to world n

cgd_error cgd_begin(void *work); // starts a collective that is prepared
cgd_error cgd_sum(void *group, cg_tensor *ts, int n, void **work); // prepares a sum and begins it, for C++

// cgd_wait waits for at most so many seconds. *done: the work has ended, and its results are in place.
cgd_error cgd_wait(void *work, double seconds, int *done);
cg_tensor cgd_result(void *work);                            // of a gather or sum of rows that is done, a new handle
void cgd_result_bytes(void *work, void *bytes, int64_t n);
void cgd_work_free(void *work);

#ifdef __cplusplus
}
#endif
