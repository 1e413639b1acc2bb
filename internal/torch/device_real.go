//go:build !simulated

package torch

// mark is what a tensor records of its device. libtorch knows the real ones, so it is empty; with the build tag simulated there is
// one more, for tests (device_simulated.go).
type mark struct{}

func (Device) mark() mark { return mark{} }

func (mark) device(d Device) Device { return d }

// number is the device's number in native.h's calls.
func (d Device) number() int32 { return int32(d) }

// commonMark is the mark of a result.
func commonMark(string, []*Tensor) mark { return mark{} }
