package torch

/*
#cgo LDFLAGS: -ltch_trampolines -ldl
#include <malloc.h>
#include <stdlib.h>

// cg_keep_memory makes malloc keep the memory that a step frees. Returning it to the system and getting it back, zeroed page by page,
// costs 5 % of a small model's step.
static void cg_keep_memory(void) {
#ifdef __GLIBC__
	mallopt(M_MMAP_THRESHOLD, 32 << 20); // glibc's maximum
	mallopt(M_TRIM_THRESHOLD, 512 << 20);
	mallopt(M_TOP_PAD, 64 << 20);
#endif
}

const char *tch_load(const char *);
const char *cg_version(void);
char *cg_build_config(void);
int cg_load_cuda(void);
int cg_cuda_devices(void);
void cg_set_threads(int);
int cg_get_threads(void);
*/
import "C"

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"unsafe"
)

// libraryVariable is the environment variable with the path of libtch.so.
const libraryVariable = "CLIPGO_LIBTCH"

// Info describes the libtorch that a process uses.
type Info struct {
	Library string // path of libtch.so
	Version string // libtorch's
	Config  string // how libtorch was built: BLAS, oneDNN, CPU capability
	BLAS    string // OpenBLAS's kernels; empty with another BLAS
	CUDA    int    // number of CUDA devices
	Threads int
}

// Load opens libtch.so, and with it libtorch, once for the process; Do calls it. It takes 0.15 to 0.4 s.
//
// The library is the file that CLIPGO_LIBTCH names, or else libtch.so in the executable's directory. Every error wraps
// ErrUnavailable and names the paths that were tried.
func Load() error { return load() }

var load = sync.OnceValue(func() error {
	path, err := findLibrary()
	if err != nil {
		return err
	}
	C.cg_keep_memory()
	waitBriefly() // before chooseBLAS, which loads OpenMP
	chooseBLAS()
	name := C.CString(path)
	defer C.free(unsafe.Pointer(name))
	if reason := C.tch_load(name); reason != nil {
		why := C.GoString(reason)
		if strings.Contains(why, "undefined symbol: cg_") {
			why += ": it belongs to another version of clipgo; run make"
		}
		return fmt.Errorf("%w: %s", ErrUnavailable, why)
	}
	C.cg_load_cuda()
	useThreads(runtime.GOMAXPROCS(0)) // libtorch's own guess is 1 on some machines
	return nil
})

// waitBriefly makes OpenMP's threads spin for about ten microseconds between operations and then sleep, unless the user has set
// GOMP_SPINCOUNT. Measured with small models: never spinning costs 13 % on an idle machine; spinning without a limit makes a busy
// machine 5 times slower. OpenMP reads the variable when it is loaded.
func waitBriefly() {
	if os.Getenv("OMP_WAIT_POLICY") == "" && os.Getenv("GOMP_SPINCOUNT") == "" {
		_ = os.Setenv("GOMP_SPINCOUNT", "10000") // fails for malformed names alone
	}
}

func findLibrary() (string, error) {
	if path := os.Getenv(libraryVariable); path != "" {
		if _, err := os.Stat(path); err != nil {
			return "", fmt.Errorf("%w: %s: %w", ErrUnavailable, libraryVariable, err)
		}
		return path, nil
	}
	exe, err := os.Executable()
	if err != nil {
		return "", fmt.Errorf("%w: find this program's folder: %w", ErrUnavailable, err)
	}
	if exe, err = filepath.EvalSymlinks(exe); err != nil {
		return "", fmt.Errorf("%w: find this program's folder: %w", ErrUnavailable, err)
	}
	path := filepath.Join(filepath.Dir(exe), "libtch.so")
	if _, err := os.Stat(path); err != nil {
		return "", fmt.Errorf("%w: no libtch.so beside %s and %s is not set; run make", ErrUnavailable, exe, libraryVariable)
	}
	return path, nil
}

// Probe loads libtorch and describes it.
func Probe() (Info, error) {
	if err := Load(); err != nil {
		return Info{}, err
	}
	path, err := findLibrary()
	if err != nil {
		return Info{}, err
	}
	info := Info{Library: path, BLAS: blasCore(true)}
	err = onThread(func() {
		config := C.cg_build_config()
		defer C.free(unsafe.Pointer(config))
		info.Version = C.GoString(C.cg_version())
		info.Config = strings.TrimSpace(C.GoString(config))
		info.CUDA = int(C.cg_cuda_devices())
		info.Threads = threadsHere()
	})
	return info, err
}

// SetThreads sets the number of threads of an operation; 0 means one for each core. The order of additions within an operation may
// depend on it, so a run that must repeat byte for byte keeps it fixed.
func SetThreads(n int) error {
	if err := Load(); err != nil {
		return err
	}
	if n <= 0 {
		n = runtime.GOMAXPROCS(0)
	}
	return onThread(func() { useThreads(n) })
}

// threads is the number that SetThreads fixed. libtorch itself keeps one for each OS thread, and a lane's is 1.
var threads atomic.Int64

// useThreads fixes the number for the calling OS thread, and for those that call libtorch later for the first time.
func useThreads(n int) {
	C.cg_set_threads(C.int(n))
	threads.Store(int64(n))
}

// threadsHere is libtorch's number for the calling OS thread.
func threadsHere() int { return int(C.cg_get_threads()) }

// Threads is the number that SetThreads fixed, one for each core where it has not been called. Any goroutine may ask.
func Threads() int { return int(threads.Load()) }
