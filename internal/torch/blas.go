package torch

/*
#include <dlfcn.h>
#include <stdlib.h>
#include <string.h>

// cg_blas_core asks OpenBLAS for the kernels that it would use and lets go of it again. It returns null where there is
// no OpenBLAS, or, if only one that this process computes with counts, where it has another BLAS; free() the result.
static char *cg_blas_core(int loaded) {
	void *library = dlopen("libopenblas.so.0", RTLD_LAZY | RTLD_LOCAL | (loaded ? RTLD_NOLOAD : 0));
	if (!library) return 0;
	char *(*name)(void) = (char *(*)(void))dlsym(library, "openblas_get_corename");
	char *core = name ? strdup(name()) : 0;
	dlclose(library);
	return core;
}
*/
import "C"

import (
	"os"
	"slices"
	"unsafe"

	"golang.org/x/sys/cpu"
)

// coreVariable tells OpenBLAS which kernels to use. A process reads it when the library is loaded.
const coreVariable = "OPENBLAS_CORETYPE"

// oldCores are OpenBLAS's kernels without AVX, which it also takes for a CPU that is newer than itself: three times
// slower than what such a CPU can do.
var oldCores = []string{"Prescott", "Core2", "Penryn", "Dunnington", "Nehalem", "Banias", "Northwood", "Katmai", "Unknown"}

// blasCore is the kernels that OpenBLAS uses, empty without OpenBLAS; loaded: without one that is loaded.
func blasCore(loaded bool) string {
	core := C.cg_blas_core(C.int(flag(loaded)))
	if core == nil {
		return ""
	}
	defer C.free(unsafe.Pointer(core))
	return C.GoString(core)
}

// chooseBLAS names the kernels for an OpenBLAS that doesn't know this CPU. What the user chose stays.
func chooseBLAS() {
	if os.Getenv(coreVariable) != "" {
		return
	}
	if !slices.Contains(oldCores, blasCore(false)) {
		return
	}
	// C's environment is what OpenBLAS reads; with cgo os.Setenv changes both.
	switch {
	case cpu.X86.HasAVX512F && cpu.X86.HasAVX512BW && cpu.X86.HasAVX512VL && cpu.X86.HasAVX512DQ:
		_ = os.Setenv(coreVariable, "SKYLAKEX")
	case cpu.X86.HasAVX2 && cpu.X86.HasFMA:
		_ = os.Setenv(coreVariable, "HASWELL")
	}
}
