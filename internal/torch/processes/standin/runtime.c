// CUDA's runtime: devices, memory, streams and events. See standin.h.
#include "standin.h"
#include <cuda_runtime_api.h>
#include <stdlib.h>
#include <string.h>
#undef cudaGetDeviceProperties

enum { devices = 2, blocks = 4096 };
static const size_t memory = (size_t)4 << 30;

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t progress = PTHREAD_COND_INITIALIZER;
static __thread int device;

typedef struct {
	Stream *stream;
	long after; // what had been given to the stream
} Event;

static struct {
	char *start;
	size_t bytes;
	int device;
} owned[blocks]; // memory of the devices, never given back

static int owners;

void stream_give(Stream *s) {
	pthread_mutex_lock(&lock);
	if (s) s->given++;
	pthread_mutex_unlock(&lock);
}

void stream_end(Stream *s) {
	pthread_mutex_lock(&lock);
	if (s) s->done++;
	pthread_cond_broadcast(&progress);
	pthread_mutex_unlock(&lock);
}

static int reached(const Stream *s, long n) {
	pthread_mutex_lock(&lock);
	int yes = !s || s->done >= n;
	pthread_mutex_unlock(&lock);
	return yes;
}

static void wait_for(const Stream *s, long n) {
	pthread_mutex_lock(&lock);
	while (s && s->done < n) pthread_cond_wait(&progress, &lock);
	pthread_mutex_unlock(&lock);
}

static void *block(size_t n) { return aligned_alloc(512, (n + 511) / 512 * 512); }

cudaError_t cudaGetDeviceCount(int *n) { return *n = devices, cudaSuccess; }
cudaError_t cudaGetDevice(int *d) { return *d = device, cudaSuccess; }
cudaError_t cudaSetDevice(int d) { return device = d, cudaSuccess; }
cudaError_t cudaDriverGetVersion(int *v) { return *v = CUDART_VERSION, cudaSuccess; }
cudaError_t cudaRuntimeGetVersion(int *v) { return *v = CUDART_VERSION, cudaSuccess; }
cudaError_t cudaDeviceGetAttribute(int *v, enum cudaDeviceAttr a, int d) { return *v = 1, cudaSuccess; }

cudaError_t cudaGetDeviceProperties(struct cudaDeviceProp *p, int d) {
	memset(p, 0, sizeof *p);
	strcpy(p->name, "substitute");
	p->major = 9;
	p->multiProcessorCount = 1;
	p->maxThreadsPerMultiProcessor = p->maxThreadsPerBlock = 1024;
	p->warpSize = 32;
	p->totalGlobalMem = memory;
	return cudaSuccess;
}

cudaError_t cudaMalloc(void **p, size_t n) {
	*p = block(n);
	pthread_mutex_lock(&lock);
	int full = owners == blocks || !*p;
	if (!full) {
		owned[owners].start = *p;
		owned[owners].bytes = n;
		owned[owners++].device = device;
	}
	pthread_mutex_unlock(&lock);
	return full ? cudaErrorMemoryAllocation : cudaSuccess;
}

cudaError_t cudaPointerGetAttributes(struct cudaPointerAttributes *a, const void *p) {
	memset(a, 0, sizeof *a);
	a->device = -1;
	for (int i = 0; i < owners; i++)
		if ((const char *)p >= owned[i].start && (const char *)p < owned[i].start + owned[i].bytes) {
			a->type = cudaMemoryTypeDevice;
			a->device = owned[i].device;
			a->devicePointer = (void *)p;
		}
	return cudaSuccess;
}

cudaError_t cudaHostAlloc(void **p, size_t n, unsigned flags) { return *p = block(n), *p ? cudaSuccess : cudaErrorMemoryAllocation; }
cudaError_t cudaFreeHost(void *p) { return free(p), cudaSuccess; }
cudaError_t cudaMemGetInfo(size_t *left, size_t *all) { return *left = *all = memory, cudaSuccess; }

cudaError_t cudaMemcpyAsync(void *to, const void *from, size_t n, enum cudaMemcpyKind kind, cudaStream_t s) {
	return memcpy(to, from, n), cudaSuccess;
}

cudaError_t cudaMemcpy(void *to, const void *from, size_t n, enum cudaMemcpyKind kind) { return memcpy(to, from, n), cudaSuccess; }

cudaError_t cudaStreamCreateWithPriority(cudaStream_t *s, unsigned flags, int priority) {
	return *s = (cudaStream_t)calloc(1, sizeof(Stream)), cudaSuccess;
}

cudaError_t cudaStreamSynchronize(cudaStream_t s) {
	if (s) wait_for((Stream *)s, ((Stream *)s)->given);
	return cudaSuccess;
}

cudaError_t cudaStreamQuery(cudaStream_t s) {
	return !s || reached((Stream *)s, ((Stream *)s)->given) ? cudaSuccess : cudaErrorNotReady;
}

cudaError_t cudaStreamIsCapturing(cudaStream_t s, enum cudaStreamCaptureStatus *c) {
	return *c = cudaStreamCaptureStatusNone, cudaSuccess;
}

cudaError_t cudaEventCreateWithFlags(cudaEvent_t *e, unsigned flags) { return *e = (cudaEvent_t)calloc(1, sizeof(Event)), cudaSuccess; }

cudaError_t cudaEventRecord(cudaEvent_t event, cudaStream_t s) {
	Event *e = (Event *)event;
	pthread_mutex_lock(&lock);
	e->stream = (Stream *)s;
	e->after = s ? e->stream->given : 0;
	pthread_mutex_unlock(&lock);
	return cudaSuccess;
}

cudaError_t cudaEventRecordWithFlags(cudaEvent_t e, cudaStream_t s, unsigned flags) { return cudaEventRecord(e, s); }

cudaError_t cudaEventQuery(cudaEvent_t event) {
	Event *e = (Event *)event;
	return reached(e->stream, e->after) ? cudaSuccess : cudaErrorNotReady;
}

cudaError_t cudaEventSynchronize(cudaEvent_t event) {
	Event *e = (Event *)event;
	return wait_for(e->stream, e->after), cudaSuccess;
}

// A stream's own work is in order anyway. The others have none of their own, so the calling thread waits in their place.
cudaError_t cudaStreamWaitEvent(cudaStream_t s, cudaEvent_t event, unsigned flags) {
	return ((Event *)event)->stream == (Stream *)s ? cudaSuccess : cudaEventSynchronize(event);
}

const char *cudaGetErrorString(cudaError_t e) { return "an error of the substitute"; }
const char *cudaGetErrorName(cudaError_t e) { return "an error of the substitute"; }

static int nothing(void) { return 0; }

// The driver's functions, which PyTorch gets by their names.
cudaError_t cudaGetDriverEntryPointByVersion(const char *name, void **f, unsigned version, unsigned long long flags,
                                             enum cudaDriverEntryPointQueryResult *result) {
	*f = (void *)nothing;
	if (result) *result = cudaDriverEntryPointSuccess;
	return cudaSuccess;
}
