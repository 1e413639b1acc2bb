package torch

/*
#cgo LDFLAGS: -ldl
#include <dlfcn.h>
#include <stdint.h>
#include <stdlib.h>

typedef void *cg_tensor;
typedef char *cgd_error;

// The calls of libtchdist.so (processes/processes.h), which is opened late.
#define CALLS(X) \
	X(const char *, cgd_version, (void), ()) \
	X(cgd_error, cgd_store_open, (const char *host, int port, int server, double s, void **store, int *used), \
	  (host, port, server, s, store, used)) \
	X(cgd_error, cgd_store_set, (void *store, const char *key, const void *value, int n), (store, key, value, n)) \
	X(cgd_error, cgd_store_get, (void *store, const char *key, void **value, int *n), (store, key, value, n)) \
	X(cgd_error, cgd_store_add, (void *store, const char *key, int64_t more, int64_t *now), (store, key, more, now)) \
	X(void, cgd_store_free, (void *store), (store)) \
	X(cgd_error, cgd_gloo, (void *store, const char *prefix, int rank, int world, const char *address, const char *interface, double s, \
	  void **group), (store, prefix, rank, world, address, interface, s, group)) \
	X(void, cgd_group_cards, (void *group, void *engine), (group, engine)) \
	X(void, cgd_group_free, (void *group), (group)) \
	X(cgd_error, cgd_prepare_sum, (void *group, cg_tensor *ts, int n, void **work), (group, ts, n, work)) \
	X(cgd_error, cgd_sum, (void *group, cg_tensor *ts, int n, void **work), (group, ts, n, work)) \
	X(cgd_error, cgd_broadcast, (void *group, cg_tensor *ts, int n, int root, void **work), (group, ts, n, root, work)) \
	X(cgd_error, cgd_gather, (void *group, cg_tensor t, void **work), (group, t, work)) \
	X(cgd_error, cgd_sum_rows, (void *group, cg_tensor t, void **work), (group, t, work)) \
	X(cgd_error, cgd_gather_bytes, (void *group, const void *bytes, int64_t n, void **work), (group, bytes, n, work)) \
	X(cgd_error, cgd_begin, (void *work), (work)) \
	X(cgd_error, cgd_wait, (void *work, double s, int *done), (work, s, done)) \
	X(cg_tensor, cgd_result, (void *work), (work)) \
	X(void, cgd_result_bytes, (void *work, void *bytes, int64_t n), (work, bytes, n)) \
	X(void, cgd_work_free, (void *work), (work))

#define SLOT(result, name, parameters, arguments) static result (*name##_slot) parameters; \
	static result name parameters { return name##_slot arguments; }
CALLS(SLOT)

// cgd_open opens the library. It returns null, or why it could not.
static const char *cgd_open(const char *path) {
	void *library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
	if (!library) return dlerror();
#define FIND(result, name, parameters, arguments) \
	if (!(name##_slot = (result (*) parameters)dlsym(library, #name))) return dlerror();
	CALLS(FIND)
	return 0;
}

typedef char *(*cg_sum)(void *, cg_tensor *, int, void **);
static cg_sum cgd_sum_pointer(void) { return cgd_sum_slot; }

const char *cg_version(void);
*/
import "C"

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"
	"unsafe"

	"github.com/sugarme/gotch/libtch"
)

// LoadProcesses opens libtchdist.so, which is beside libtch.so, once for the process. Every error wraps ErrUnavailable.
func LoadProcesses() error { return loadProcesses() }

var loadProcesses = sync.OnceValue(func() error {
	if err := Load(); err != nil {
		return err
	}
	path, err := beside("libtchdist")
	if err != nil {
		return err
	}
	name := C.CString(path)
	defer C.free(unsafe.Pointer(name))
	if reason := C.cgd_open(name); reason != nil {
		return fmt.Errorf("%w for several processes: %s", ErrUnavailable, C.GoString(reason))
	}
	if made, has := C.GoString(C.cgd_version()), C.GoString(C.cg_version()); made != has {
		return fmt.Errorf("%w for several processes: %s is for libtorch %s, and this is %s; run make", ErrUnavailable, path, made, has)
	}
	return nil
})

// beside returns the path of a library that is beside libtch.so: that one's name, which may have a version, with another beginning.
func beside(name string) (string, error) {
	path, err := findLibrary()
	if err != nil {
		return "", err
	}
	path = filepath.Join(filepath.Dir(path), strings.Replace(filepath.Base(path), "libtch", name, 1))
	if _, err := os.Stat(path); err != nil {
		return "", fmt.Errorf("%w for several processes: there is no %s; clipgo doctor says what to do", ErrUnavailable, path)
	}
	return path, nil
}

// CollectiveError is a failure that the engine of several processes reports.
type CollectiveError struct {
	Op   string
	Text string // the engine's first line
}

func (e *CollectiveError) Error() string { return "torch: " + e.Op + ": " + e.Text }

// collective makes an error of what a call returned.
func collective(op string, text C.cgd_error) error {
	if text == nil {
		return nil
	}
	defer C.free(unsafe.Pointer(text))
	line, _, _ := strings.Cut(C.GoString(text), "\n")
	return &CollectiveError{Op: op, Text: line}
}

// Store is keys and values that all processes of a group see: c10d's TCPStore.
type Store struct {
	c    unsafe.Pointer
	port int
}

// OpenStore connects to the store at host and port; as its server, it opens it there. A server's port 0 lets the system choose. It tries
// for at most wait.
func OpenStore(host string, port int, server bool, wait time.Duration) (*Store, error) {
	if err := LoadProcesses(); err != nil {
		return nil, err
	}
	name := C.CString(host)
	defer C.free(unsafe.Pointer(name))
	var used C.int
	s := &Store{}
	err := collective("OpenStore", C.cgd_store_open(name, C.int(port), C.int(flag(server)), C.double(wait.Seconds()), &s.c, &used))
	s.port = int(used)
	return s, err
}

// Port is the server's port.
func (s *Store) Port() int { return s.port }

// Set stores a value.
func (s *Store) Set(key string, value []byte) error {
	name, data := C.CString(key), C.CBytes(value)
	defer C.free(unsafe.Pointer(name))
	defer C.free(data)
	return collective("Store.Set", C.cgd_store_set(s.c, name, data, C.int(len(value))))
}

// Get returns a value, or nil where there is none yet.
func (s *Store) Get(key string) ([]byte, error) {
	name := C.CString(key)
	defer C.free(unsafe.Pointer(name))
	var value unsafe.Pointer
	var n C.int
	if err := collective("Store.Get", C.cgd_store_get(s.c, name, &value, &n)); err != nil || value == nil {
		return nil, err
	}
	defer C.free(value)
	return append([]byte{}, C.GoBytes(value, n)...), nil
}

// Add adds to the number that key has, 0 at first, and returns the sum.
func (s *Store) Add(key string, more int64) (int64, error) {
	name := C.CString(key)
	defer C.free(unsafe.Pointer(name))
	var now C.int64_t
	err := collective("Store.Add", C.cgd_store_add(s.c, name, C.int64_t(more), &now))
	return int64(now), err
}

// Free closes the connection, or the server.
func (s *Store) Free() {
	C.cgd_store_free(s.c)
	s.c = nil
}

// Processes is a group of processes that exchange tensors. All of them start the same collectives in the same order.
type Processes struct {
	c     unsafe.Pointer
	world int
	cards unsafe.Pointer // the engine of CUDA devices; nil: none
}

// Reach says where other processes reach this one: an address, or the name of a network interface.
type Reach struct{ Address, Interface string }

// Join makes a group over Gloo with all processes that join under the same prefix. step bounds each wait within a collective.
func (s *Store) Join(prefix string, rank, world int, at Reach, step time.Duration) (*Processes, error) {
	name := C.CString(prefix)
	defer C.free(unsafe.Pointer(name))
	var address, network *C.char
	if at.Interface != "" {
		network = C.CString(at.Interface)
		defer C.free(unsafe.Pointer(network))
	} else {
		address = C.CString(at.Address)
		defer C.free(unsafe.Pointer(address))
	}
	p := &Processes{world: world}
	err := collective("Join", C.cgd_gloo(s.c, name, C.int(rank), C.int(world), address, network, C.double(step.Seconds()), &p.c))
	return p, err
}

// useCards gives the group the engine of CUDA devices.
func (p *Processes) useCards() { C.cgd_group_cards(p.c, p.cards) }

// Free leaves the group. It waits for collectives under way, and so is not to be called after one has failed.
func (p *Processes) Free() {
	C.cgd_group_free(p.c)
	p.c = nil
	p.freeCards()
}

// Collective is a collective that is prepared or under way. Free forgets it; until then its tensors stay alive.
type Collective struct {
	op string
	c  unsafe.Pointer
	at Device // of its tensors
}

// prepared makes a Collective of a call that has allocated what it needs. An *Error says that it could not, in this process alone.
func prepared(op string, c unsafe.Pointer, text C.cgd_error, ts ...*Tensor) (*Collective, error) {
	if text != nil {
		defer C.free(unsafe.Pointer(text))
		line, _, _ := strings.Cut(C.GoString(text), "\n")
		return nil, &Error{Op: op, Text: line}
	}
	w := &Collective{op, c, CPU}
	for _, t := range ts {
		if d := t.Device(); d != CPU {
			w.at = d
		}
	}
	return w, nil
}

// Device is where the tensors lie, or one of them: CPU only if all do.
func (w *Collective) Device() Device { return w.at }

// Begin starts the collective.
func (w *Collective) Begin() error { return collective(w.op, C.cgd_begin(w.c)) }

// Sum prepares to replace the tensors by their sums over all processes. The sums have the same bits in each of them. Types that the
// engine doesn't add are added as float32.
func (p *Processes) Sum(ts []*Tensor) (*Collective, error) {
	h := handles("Sum", ts)
	var w unsafe.Pointer
	text := C.cgd_prepare_sum(p.c, first(h), C.int(len(ts)), &w)
	return prepared("Sum", w, text, ts...)
}

// Broadcast prepares to replace the tensors by those of the process root.
func (p *Processes) Broadcast(root int, ts []*Tensor) (*Collective, error) {
	h := handles("Broadcast", ts)
	var w unsafe.Pointer
	text := C.cgd_broadcast(p.c, first(h), C.int(len(ts)), C.int(root), &w)
	return prepared("Broadcast", w, text, ts...)
}

// Gather prepares to collect the rows of all processes: [b, ...] to [world*b, ...].
func (p *Processes) Gather(t *Tensor) (*Collective, error) {
	t.check("Gather")
	var w unsafe.Pointer
	text := C.cgd_gather(p.c, C.cg_tensor(t.c), &w)
	return prepared("Gather", w, text, t)
}

// SumRows prepares to add what all processes have for each process's rows: [world*b, ...] to [b, ...], in the order of the ranks.
func (p *Processes) SumRows(t *Tensor) (*Collective, error) {
	t.check("SumRows")
	var w unsafe.Pointer
	text := C.cgd_sum_rows(p.c, C.cg_tensor(t.c), &w)
	return prepared("SumRows", w, text, t)
}

// GatherBytes prepares to collect as many bytes of each process.
func (p *Processes) GatherBytes(data []byte) (*Collective, error) {
	var w unsafe.Pointer
	text := C.cgd_gather_bytes(p.c, unsafe.Pointer(unsafe.SliceData(data)), C.int64_t(len(data)), &w)
	return prepared("GatherBytes", w, text)
}

// Op is the name of the collective.
func (w *Collective) Op() string { return w.op }

// Wait waits for at most so long, and says whether all is done.
func (w *Collective) Wait(most time.Duration) (bool, error) {
	var done C.int
	err := collective(w.op, C.cgd_wait(w.c, C.double(most.Seconds()), &done))
	return done != 0, err
}

// Result is the tensor that a Gather or SumRows made, once it is done, in scope s.
func (w *Collective) Result(s *Scope) *Tensor {
	return s.own(libtch.Ctensor(C.cgd_result(w.c))).on(w.at)
}

// ResultBytes is what GatherBytes collected, once it is done: n bytes.
func (w *Collective) ResultBytes(n int) []byte {
	out := make([]byte, n)
	C.cgd_result_bytes(w.c, unsafe.Pointer(unsafe.SliceData(out)), C.int64_t(n))
	return out
}

// Free forgets the work.
func (w *Collective) Free() {
	C.cgd_work_free(w.c)
	w.c = nil
}

// sumFunction is the C function behind Sum, for C++ that starts sums itself.
func sumFunction() C.cg_sum { return C.cgd_sum_pointer() }
