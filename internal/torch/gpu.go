package torch

/*
#include <dlfcn.h>
#include <stddef.h>
#include <string.h>

typedef struct {
	char name[128];
	int major, minor; // compute capability
	size_t memory;
	unsigned char id[16]; // zeros where the driver says none
} cg_gpu;

// cg_gpu_at asks the CUDA driver about a device by its number. It returns the number of devices, 0 without a driver.
static int cg_gpu_at(int i, cg_gpu *gpu) {
	void *driver = dlopen("libcuda.so.1", RTLD_LAZY | RTLD_LOCAL); // never closed: a driver can't be unloaded
	if (!driver) return 0;
	int (*init)(unsigned) = (int (*)(unsigned))dlsym(driver, "cuInit");
	int (*count)(int *) = (int (*)(int *))dlsym(driver, "cuDeviceGetCount");
	int (*get)(int *, int) = (int (*)(int *, int))dlsym(driver, "cuDeviceGet");
	int (*name)(char *, int, int) = (int (*)(char *, int, int))dlsym(driver, "cuDeviceGetName");
	int (*attribute)(int *, int, int) = (int (*)(int *, int, int))dlsym(driver, "cuDeviceGetAttribute");
	int (*memory)(size_t *, int) = (int (*)(size_t *, int))dlsym(driver, "cuDeviceTotalMem_v2");
	int (*id)(unsigned char *, int) = (int (*)(unsigned char *, int))dlsym(driver, "cuDeviceGetUuid_v2"); // of a part of a device, too
	int n = 0, device = 0;
	if (!init || !count || !get || !name || !attribute || !memory || init(0) || count(&n)) return 0;
	if (i >= n) return n;
	enum { capability_major = 75, capability_minor = 76 };
	if (get(&device, i) || name(gpu->name, sizeof gpu->name, device) || attribute(&gpu->major, capability_major, device) ||
	    attribute(&gpu->minor, capability_minor, device) || memory(&gpu->memory, device))
		return 0;
	return n;
}
*/
import "C"

import (
	"bytes"
	"encoding/hex"
	"unsafe"
)

// GPU is a CUDA device as its driver describes it.
type GPU struct {
	Name         string
	Major, Minor int    // compute capability
	Memory       int64  // bytes
	ID           string // the same wherever the device is seen from, and of no other one; "" if the driver doesn't say it
}

// BF16 reports whether the device has hardware for bfloat16 products: Ampere and later.
func (g GPU) BF16() bool { return g.Major >= 8 }

// GPUs lists the CUDA devices by number, as the driver reports them; none without a driver. It needs no libtorch, so it also finds
// devices that a libtorch without CUDA can't use.
func GPUs() []GPU {
	var out []GPU
	for n := 1; len(out) < n; {
		var gpu C.cg_gpu
		if n = int(C.cg_gpu_at(C.int(len(out)), &gpu)); n == 0 {
			return out
		}
		g := GPU{Name: C.GoString(&gpu.name[0]), Major: int(gpu.major), Minor: int(gpu.minor), Memory: int64(gpu.memory)}
		if id := C.GoBytes(unsafe.Pointer(&gpu.id[0]), C.int(len(gpu.id))); !bytes.Equal(id, make([]byte, len(id))) {
			g.ID = hex.EncodeToString(id)
		}
		out = append(out, g)
	}
	return out
}
