// A substitute for CUDA's runtime and for NCCL, for tests of the engine of CUDA devices on machines without one. It is preloaded before
// PyTorch's libraries. There are two devices, whose memory is that of the CPU. Copies and NCCL's collectives work, between processes
// too; kernels do nothing. What isn't defined here gets a function that returns 0 (scripts/standin.sh).
#pragma once
#include <pthread.h>
#include <stddef.h>

// Stream counts what was given to it and what is done. Only NCCL's streams have work that isn't done at once.
typedef struct {
	long given, done;
} Stream;

void stream_give(Stream *s);
void stream_end(Stream *s);
