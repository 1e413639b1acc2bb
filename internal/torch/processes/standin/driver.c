// CUDA's driver, as far as PyTorch and clipgo ask it. See standin.h.
#include <stddef.h>
#include <string.h>

int cuInit(unsigned flags) { return 0; }
int cuDeviceGetCount(int *n) { return *n = 2, 0; }
int cuDeviceGet(int *device, int i) { return *device = i, 0; }
int cuDeviceGetName(char *name, int n, int device) { return strncpy(name, "substitute", n), 0; }
int cuDeviceGetAttribute(int *v, int which, int device) { return *v = which == 75 ? 9 : 0, 0; } // 75: the major compute capability
int cuDeviceTotalMem_v2(size_t *n, int device) { return *n = (size_t)4 << 30, 0; }
int cuDeviceGetUuid_v2(unsigned char *id, int device) { return memset(id, device + 1, 16), 0; }
int cuDevicePrimaryCtxGetState(int device, unsigned *flags, int *active) { return *flags = 0, *active = 1, 0; }
