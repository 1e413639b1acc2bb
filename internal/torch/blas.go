package torch

/*
#include <dlfcn.h>
#include <stdlib.h>
#include <string.h>

// cg_blas_core returns the name of the kernels that OpenBLAS would use, for the caller to free, and null without OpenBLAS. With
// loaded, only an OpenBLAS that the process has loaded already counts.
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

// coreVariable is the environment variable that names OpenBLAS's kernels. OpenBLAS reads it when it is loaded.
const coreVariable = "OPENBLAS_CORETYPE"

// oldCores are OpenBLAS's kernels without AVX. OpenBLAS also uses them on a CPU that is newer than itself, where they are three
// times slower than its AVX kernels.
var oldCores = []string{"Prescott", "Core2", "Penryn", "Dunnington", "Nehalem", "Banias", "Northwood", "Katmai", "Unknown"}

// blasCore returns the name of OpenBLAS's kernels, empty without OpenBLAS. With loaded it asks only an OpenBLAS that is loaded
// already.
func blasCore(loaded bool) string {
	core := C.cg_blas_core(C.int(flag(loaded)))
	if core == nil {
		return ""
	}
	defer C.free(unsafe.Pointer(core))
	return C.GoString(core)
}

// hasAVX512 reports whether the CPU has the parts of AVX-512 that libraries build on.
func hasAVX512() bool {
	return cpu.X86.HasAVX512F && cpu.X86.HasAVX512BW && cpu.X86.HasAVX512VL && cpu.X86.HasAVX512DQ
}

// chooseBLAS sets coreVariable if OpenBLAS doesn't know this CPU, unless the user has set it.
func chooseBLAS() {
	if os.Getenv(coreVariable) != "" {
		return
	}
	if !slices.Contains(oldCores, blasCore(false)) {
		return
	}
	// OpenBLAS reads C's environment. With cgo os.Setenv changes it too.
	switch {
	case hasAVX512():
		_ = os.Setenv(coreVariable, "SKYLAKEX")
	case cpu.X86.HasAVX2 && cpu.X86.HasFMA:
		_ = os.Setenv(coreVariable, "HASWELL")
	}
}
