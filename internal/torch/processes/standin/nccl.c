// NCCL between processes of one machine: each gives what it has as a file, and waits for those of the others. A thread for each
// communicator does so, as a device would: the host goes on, and a process that doesn't come is waited for until the communicator is
// aborted. See standin.h. Float32, float64, int64 and bytes are summed, in the order of the ranks.
#include "standin.h"
#include <fcntl.h>
#include <nccl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum kind { reduce, gather, broadcast, transmit, receive };
enum { most = 64 }; // parts of a group of calls

typedef struct {
	enum kind kind;
	const void *in;
	void *out;
	size_t n;
	ncclDataType_t type;
	int peer; // or root
} Part;

typedef struct Job {
	struct Job *next;
	long number;
	int parts;
	Part part[most];
	Stream *stream;
} Job;

struct ncclComm {
	int rank, world;
	char id[64];
	long jobs;
	volatile int aborted;
	Job *first, *last;
	pthread_mutex_t lock;
	pthread_cond_t given;
	pthread_t thread;
};

static __thread int depth;
static __thread Job *collected; // in a group
static __thread ncclComm_t collector;

static size_t size_of(ncclDataType_t type) {
	switch (type) {
	case ncclFloat32:
	case ncclInt32:
		return 4;
	case ncclFloat64:
	case ncclInt64:
		return 8;
	default:
		return 1;
	}
}

static void path(char *out, ncclComm_t c, const char *name) { snprintf(out, 256, "/dev/shm/clipgo-standin-%s-%s", c->id, name); }

static void give(ncclComm_t c, const char *name, const void *data, size_t n) {
	char to[256], new[280];
	path(to, c, name);
	snprintf(new, sizeof new, "%s.%d", to, c->rank);
	FILE *f = fopen(new, "wb");
	if (!f || fwrite(data, 1, n, f) != n || fclose(f) || rename(new, to)) perror(to);
}

// take waits for a file. It returns 0 if the communicator is aborted before.
static int take(ncclComm_t c, const char *name, void *data, size_t n) {
	char from[256];
	path(from, c, name);
	FILE *f;
	while (!(f = fopen(from, "rb"))) {
		if (c->aborted) return 0;
		usleep(300);
	}
	if (fread(data, 1, n, f) != n) fprintf(stderr, "%s is shorter than %zu bytes\n", from, n);
	return !fclose(f);
}

static void add(void *to, const void *more, size_t n, ncclDataType_t type) {
	for (size_t i = 0; i < n; i++) switch (type) {
		case ncclFloat32: ((float *)to)[i] += ((const float *)more)[i]; break;
		case ncclFloat64: ((double *)to)[i] += ((const double *)more)[i]; break;
		case ncclInt64: ((long *)to)[i] += ((const long *)more)[i]; break;
		default: ((unsigned char *)to)[i] += ((const unsigned char *)more)[i];
		}
}

static void finish(ncclComm_t c, const char *name, const Part *p) {
	char from[96];
	size_t bytes = p->n * size_of(p->type);
	char *one = malloc(bytes + 1), *sum = malloc(bytes + 1);
	for (int r = 0; r < c->world && !c->aborted; r++) {
		snprintf(from, sizeof from, "%s-%d", name, r);
		if (p->kind == broadcast && r != p->peer || !take(c, from, one, bytes)) continue;
		if (p->kind == reduce && r > 0)
			add(sum, one, p->n, p->type);
		else
			memcpy(p->kind == reduce ? sum : (char *)p->out + (p->kind == gather ? r * bytes : 0), one, bytes);
	}
	if (p->kind == reduce && !c->aborted) memcpy(p->out, sum, bytes);
	free(one);
	free(sum);
}

static void run(ncclComm_t c, const Job *j) {
	char name[96], own[128];
	for (int i = 0; i < j->parts; i++) {
		const Part *p = &j->part[i];
		snprintf(name, sizeof name, "%ld.%d-%d", j->number, i, c->rank);
		if (p->kind == transmit) snprintf(name, sizeof name, "%ld-%d-%d", j->number, c->rank, p->peer);
		if (p->kind != receive) give(c, name, p->in, p->n * size_of(p->type));
	}
	for (int i = 0; i < j->parts && !c->aborted; i++) {
		const Part *p = &j->part[i];
		snprintf(name, sizeof name, "%ld.%d", j->number, i);
		snprintf(own, sizeof own, "%ld-%d-%d", j->number, p->peer, c->rank);
		if (p->kind == receive) take(c, own, p->out, p->n * size_of(p->type));
		if (p->kind < transmit) finish(c, name, p);
	}
}

static void *work(void *communicator) {
	ncclComm_t c = communicator;
	for (;;) {
		pthread_mutex_lock(&c->lock);
		while (!c->first && !c->aborted) pthread_cond_wait(&c->given, &c->lock);
		Job *j = c->first;
		if (j) c->first = j->next;
		pthread_mutex_unlock(&c->lock);
		if (!j) return NULL;
		if (!c->aborted) run(c, j);
		stream_end(j->stream);
		free(j);
	}
}

static void begin(ncclComm_t c, Job *j) {
	j->number = c->jobs++;
	stream_give(j->stream);
	pthread_mutex_lock(&c->lock);
	if (c->first)
		c->last->next = j;
	else
		c->first = j;
	c->last = j;
	pthread_cond_signal(&c->given);
	pthread_mutex_unlock(&c->lock);
}

static ncclResult_t plan(ncclComm_t c, cudaStream_t s, Part p) {
	ncclGroupStart();
	if (!collected) collected = calloc(1, sizeof(Job));
	collector = c;
	collected->stream = (Stream *)s;
	collected->part[collected->parts++] = p;
	return ncclGroupEnd();
}

ncclResult_t ncclGroupStart(void) { return depth++, ncclSuccess; }

ncclResult_t ncclGroupEnd(void) {
	if (--depth > 0 || !collected) return ncclSuccess;
	begin(collector, collected);
	collected = NULL;
	return ncclSuccess;
}

ncclResult_t ncclGetVersion(int *v) { return *v = NCCL_VERSION_CODE, ncclSuccess; }

ncclResult_t ncclGetUniqueId(ncclUniqueId *id) {
	memset(id, 0, sizeof *id);
	snprintf(id->internal, sizeof ((ncclComm_t)0)->id, "%d-%ld", (int)getpid(), random());
	return ncclSuccess;
}

ncclResult_t ncclCommInitRankConfig(ncclComm_t *out, int world, ncclUniqueId id, int rank, ncclConfig_t *config) {
	ncclComm_t c = calloc(1, sizeof *c);
	char name[32], one;
	c->rank = rank;
	c->world = world;
	memcpy(c->id, id.internal, sizeof c->id);
	pthread_mutex_init(&c->lock, NULL);
	pthread_cond_init(&c->given, NULL);
	snprintf(name, sizeof name, "rank%d", rank);
	give(c, name, "x", 1);
	for (int r = 0; r < world; r++) {
		snprintf(name, sizeof name, "rank%d", r);
		take(c, name, &one, 1);
	}
	*out = c;
	return pthread_create(&c->thread, NULL, work, c) ? ncclSystemError : ncclSuccess;
}

ncclResult_t ncclCommAbort(ncclComm_t c) {
	pthread_mutex_lock(&c->lock);
	c->aborted = 1;
	pthread_cond_broadcast(&c->given);
	pthread_mutex_unlock(&c->lock);
	return ncclSuccess;
}

ncclResult_t ncclCommDestroy(ncclComm_t c) { return ncclCommAbort(c); }
ncclResult_t ncclCommCount(const ncclComm_t c, int *n) { return *n = c->world, ncclSuccess; }
ncclResult_t ncclCommUserRank(const ncclComm_t c, int *rank) { return *rank = c->rank, ncclSuccess; }
ncclResult_t ncclCommGetAsyncError(ncclComm_t c, ncclResult_t *e) { return *e = ncclSuccess, ncclSuccess; }
const char *ncclGetErrorString(ncclResult_t r) { return "an error of the substitute"; }
const char *ncclGetLastError(ncclComm_t c) { return ""; }

ncclResult_t ncclAllReduce(const void *in, void *out, size_t n, ncclDataType_t t, ncclRedOp_t op, ncclComm_t c, cudaStream_t s) {
	return plan(c, s, (Part){reduce, in, out, n, t, 0});
}

ncclResult_t ncclAllGather(const void *in, void *out, size_t n, ncclDataType_t t, ncclComm_t c, cudaStream_t s) {
	return plan(c, s, (Part){gather, in, out, n, t, 0});
}

ncclResult_t ncclBcast(void *data, size_t n, ncclDataType_t t, int root, ncclComm_t c, cudaStream_t s) {
	return plan(c, s, (Part){broadcast, data, data, n, t, root});
}

ncclResult_t ncclBroadcast(const void *in, void *out, size_t n, ncclDataType_t t, int root, ncclComm_t c, cudaStream_t s) {
	return plan(c, s, (Part){broadcast, in, out, n, t, root});
}

ncclResult_t ncclSend(const void *in, size_t n, ncclDataType_t t, int peer, ncclComm_t c, cudaStream_t s) {
	return plan(c, s, (Part){transmit, in, NULL, n, t, peer});
}

ncclResult_t ncclRecv(void *out, size_t n, ncclDataType_t t, int peer, ncclComm_t c, cudaStream_t s) {
	return plan(c, s, (Part){receive, NULL, out, n, t, peer});
}

ncclResult_t ncclAlltoAll(const void *in, void *out, size_t n, ncclDataType_t t, ncclComm_t c, cudaStream_t s) {
	size_t bytes = n * size_of(t);
	ncclGroupStart();
	for (int r = 0; r < c->world; r++) {
		ncclSend((const char *)in + r * bytes, n, t, r, c, s);
		ncclRecv((char *)out + r * bytes, n, t, r, c, s);
	}
	return ncclGroupEnd();
}
