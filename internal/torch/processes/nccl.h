// The engine of CUDA devices, c10d's ProcessGroupNCCL, in a library of its own (libtchnccl.so): it is built only for a libtorch with CUDA,
// and opened only by a process that has others beside it and computes on a device. See processes.h for errors and stores.
#pragma once
#include "processes.h"

#ifdef __cplusplus
extern "C" {
#endif

const char *cgn_version(void); // of the libtorch that this library was compiled for
int cgn_nccl(void);            // the version of NCCL that libtorch uses, such as 23007 for 2.30.7

// cgn_engine joins all processes, each with a device of its own, and connects them. seconds bound the engine's own watch of a
// collective, which makes it fail; the callers' waits are to end before. The store is used by threads of the engine from then on: it is
// to be one that nobody else uses.
cgd_error cgn_engine(void *store, const char *prefix, int rank, int world, int device, double seconds, void **engine);
cgd_error cgn_abort(void *engine); // ends what is under way; all further calls fail
void cgn_free(void *engine);       // leaves, once nothing is under way

#ifdef __cplusplus
}
#endif
