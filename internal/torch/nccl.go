package torch

/*
#include <dlfcn.h>
#include <stdlib.h>

typedef char *cgd_error;

// The calls of libtchnccl.so (processes/nccl.h), which is opened late.
#define CALLS(X) \
	X(const char *, cgn_version, (void), ()) \
	X(int, cgn_nccl, (void), ()) \
	X(cgd_error, cgn_engine, (void *store, const char *prefix, int rank, int world, int device, double s, void **engine), \
	  (store, prefix, rank, world, device, s, engine)) \
	X(cgd_error, cgn_abort, (void *engine), (engine)) \
	X(void, cgn_free, (void *engine), (engine))

#define SLOT(result, name, parameters, arguments) static result (*name##_slot) parameters; \
	static result name parameters { return name##_slot arguments; }
CALLS(SLOT)

// cgn_open opens the library. It returns null, or why it could not.
static const char *cgn_open(const char *path) {
	void *library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
	if (!library) return dlerror();
#define FIND(result, name, parameters, arguments) \
	if (!(name##_slot = (result (*) parameters)dlsym(library, #name))) return dlerror();
	CALLS(FIND)
	return 0;
}

const char *cg_version(void);
*/
import "C"

import (
	"fmt"
	"os"
	"sync"
	"time"
	"unsafe"
)

// LoadNCCL opens libtchnccl.so, which is beside libtch.so and libtchdist.so, once for the process. Every error wraps ErrUnavailable.
func LoadNCCL() error { return loadNCCL() }

var loadNCCL = sync.OnceValue(func() error {
	if err := LoadProcesses(); err != nil {
		return err
	}
	path, err := beside("libtchnccl")
	if err != nil {
		return err
	}
	name := C.CString(path)
	defer C.free(unsafe.Pointer(name))
	if reason := C.cgn_open(name); reason != nil {
		return fmt.Errorf("%w for several processes on GPUs: %s", ErrUnavailable, C.GoString(reason))
	}
	if made, has := C.GoString(C.cgn_version()), C.GoString(C.cg_version()); made != has {
		return fmt.Errorf("%w for several processes on GPUs: %s is for libtorch %s, and this is %s; run make", ErrUnavailable, path, made,
			has)
	}
	return nil
})

// HasNCCL reports whether there is a libtchnccl.so, without opening it.
func HasNCCL() bool {
	path, err := beside("libtchnccl")
	if err != nil {
		return false
	}
	_, err = os.Stat(path)
	return err == nil
}

// NCCL is the version of NCCL, such as 2.30.7, once LoadNCCL has succeeded; "" if it says none.
func NCCL() string {
	if n := int(C.cgn_nccl()); n >= 10000 { // since 2.9
		return fmt.Sprintf("%d.%d.%d", n/10000, n/100%100, n%100)
	}
	return ""
}

// JoinCards has the group exchange what lies on a CUDA device by NCCL. Every process calls it, with a device that no other one has and a
// store that it uses for nothing else. It connects them. watch is the time after which NCCL itself gives a collective up.
func (p *Processes) JoinCards(s *Store, prefix string, rank int, on Device, watch time.Duration) error {
	if err := LoadNCCL(); err != nil {
		return err
	}
	name := C.CString(prefix)
	defer C.free(unsafe.Pointer(name))
	text := C.cgn_engine(s.c, name, C.int(rank), C.int(p.world), C.int(on.number()), C.double(watch.Seconds()), &p.cards)
	if err := collective("JoinCards", text); err != nil {
		return err
	}
	p.useCards()
	return nil
}

// Abort ends what is under way on CUDA devices, so that they don't wait for a process that is gone. The group can't be used afterwards.
func (p *Processes) Abort() error {
	if p.cards == nil {
		return nil
	}
	return collective("Abort", C.cgn_abort(p.cards))
}

func (p *Processes) freeCards() {
	if p.cards != nil {
		C.cgn_free(p.cards)
		p.cards = nil
	}
}
