package torch

/*
typedef void *cg_tensor;
cg_tensor cg_on_device(cg_tensor, int);
void cg_tf32(int);
void cg_use_device(int);
*/
import "C"

import (
	"sync/atomic"

	"github.com/sugarme/gotch/libtch"
)

// Device says where a tensor lives: CPU, or a CUDA device by its number from 0.
type Device int32

// CPU is the host.
const CPU Device = -1

// on records that t is on device d.
func (t *Tensor) on(d Device) *Tensor {
	t.mark = d.mark()
	return t
}

// Device is where the elements are.
func (t *Tensor) Device() Device {
	t.check("Device")
	return t.mark.device(Device(libtch.AtDevice(t.c)))
}

// OnDevice copies the elements to a device; the same device gives a second handle. A copy from the CPU to a GPU is asynchronous,
// through pinned memory; operations on the result run after it.
func (t *Tensor) OnDevice(d Device) *Tensor {
	return call("OnDevice", func(o *libtch.Ctensor) {
		*o = libtch.Ctensor(C.cg_on_device(C.cg_tensor(t.c), C.int(d.number())))
	}, t).on(d)
}

var current atomic.Int32

// CurrentDevice is the CUDA device of this process, 0 unless UseDevice has chosen another one.
func CurrentDevice() Device { return Device(current.Load()) }

// UseDevice makes a CUDA device that of this process: each of several processes on a machine has its own. libtorch's thread leaves the
// memory of the others alone then.
func UseDevice(d Device) error {
	return onThread(func() {
		C.cg_use_device(C.int(d.number()))
		failed("UseDevice", nil)
		current.Store(int32(d))
	})
}

// SetTF32 sets whether float32 matrix products on CUDA devices use TF32 (10 bits of mantissa), which is several times faster.
func SetTF32(on bool) error {
	if err := Load(); err != nil {
		return err
	}
	return onThread(func() { C.cg_tf32(C.int(flag(on))) })
}
