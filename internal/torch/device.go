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

// Simulated is a device for tests, where there is no other: it is used as one that is not the CPU, and computes there all the
// same. An operation on tensors of which some are on the CPU and some not is an error.
const Simulated Device = -3

// number is the device's, as C knows it.
func (d Device) number() int32 {
	if d == Simulated {
		return int32(CPU)
	}
	return int32(d)
}

// on notes that t is on a device.
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

// OnDevice copies the elements to a device; the same device gives a second handle. From the CPU to another it doesn't wait for
// the copy: the elements go through pinned memory, and operations on the result come after it.
func (t *Tensor) OnDevice(d Device) *Tensor {
	return call("OnDevice", func(o *libtch.Ctensor) {
		*o = libtch.Ctensor(C.cg_on_device(C.cg_tensor(t.c), C.int(d.number())))
	}, t).on(d)
}

// SetTF32 says whether CUDA devices multiply float32 numbers with 10 bits of mantissa, which is several times faster.
func SetTF32(on bool) error {
	if err := Load(); err != nil {
		return err
	}
	return onThread(func() { C.cg_tf32(C.int(flag(on))) })
}
