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

// Simulated is a device for tests on machines without a GPU. It is treated as an accelerator but computes on the CPU. As for a
// real one, an operation on tensors of both devices is an error.
const Simulated Device = -3

// number is the device's number in native.h's calls.
func (d Device) number() int32 {
	if d == Simulated {
		return int32(CPU)
	}
	return int32(d)
}

// on records that t is on device d.
func (t *Tensor) on(d Device) *Tensor {
	t.simulated = d == Simulated
	return t
}

// simulated says whether operands are on the simulated device.
func simulated(op string, in []*Tensor) bool {
	var there, here int
	for _, t := range in {
		switch {
		case t == nil:
		case t.simulated:
			there++
		default:
			here++
		}
	}
	if there > 0 && here > 0 {
		panic(&Error{Op: op, Text: "operands on two devices"})
	}
	return there > 0
}

// Device is where the elements are.
func (t *Tensor) Device() Device {
	t.check("Device")
	if t.simulated {
		return Simulated
	}
	return Device(libtch.AtDevice(t.c))
}

// OnDevice copies the elements to a device; the same device gives a second handle. A copy from the CPU to a GPU is asynchronous,
// through pinned memory; operations on the result run after it.
func (t *Tensor) OnDevice(d Device) *Tensor {
	return call("OnDevice", func(o *libtch.Ctensor) {
		*o = libtch.Ctensor(C.cg_on_device(C.cg_tensor(t.c), C.int(d.number())))
	}, t).on(d)
}

// SetTF32 sets whether float32 matrix products on CUDA devices use TF32 (10 bits of mantissa), which is several times faster.
func SetTF32(on bool) error {
	if err := Load(); err != nil {
		return err
	}
	return onThread(func() { C.cg_tf32(C.int(flag(on))) })
}
