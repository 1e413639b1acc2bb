package torch

/*
typedef void *cg_tensor;
cg_tensor cg_on_device(cg_tensor, int);
void cg_tf32(int);
*/
import "C"

import "github.com/sugarme/gotch/libtch"

// Device says where a tensor lives: CPU, or a CUDA device by its number from 0.
type Device int32

// CPU is the host.
const CPU Device = -1

// OnDevice copies the elements to a device; the same device gives a second handle. From the CPU to another it doesn't wait for
// the copy: the elements go through pinned memory, and operations on the result come after it.
func (t *Tensor) OnDevice(d Device) *Tensor {
	return call("OnDevice", func(o *libtch.Ctensor) {
		*o = libtch.Ctensor(C.cg_on_device(C.cg_tensor(t.c), C.int(d)))
	}, t)
}

// SetTF32 says whether CUDA devices multiply float32 numbers with 10 bits of mantissa, which is several times faster.
func SetTF32(on bool) error {
	if err := Load(); err != nil {
		return err
	}
	return onThread(func() { C.cg_tf32(C.int(flag(on))) })
}
