//go:build simulated

package torch

// Simulated is a device for tests on machines without a GPU, in builds with the tag simulated. It is treated as an accelerator but
// computes on the CPU. As for a real one, an operation on tensors of both devices is an error.
const Simulated Device = -3

// mark tells whether a tensor is on the simulated device. libtorch has all of them on the CPU.
type mark struct{ simulated bool }

func (d Device) mark() mark { return mark{d == Simulated} }

func (m mark) device(d Device) Device {
	if m.simulated {
		return Simulated
	}
	return d
}

// number is the device's number in native.h's calls.
func (d Device) number() int32 {
	if d == Simulated {
		return int32(CPU)
	}
	return int32(d)
}

// commonMark is the mark of a result: that of all operands.
func commonMark(op string, in []*Tensor) mark {
	var there, here int
	for _, t := range in {
		switch {
		case t == nil:
		case t.mark.simulated:
			there++
		default:
			here++
		}
	}
	if there > 0 && here > 0 {
		panic(&Error{Op: op, Text: "operands on two devices"})
	}
	return mark{there > 0}
}
