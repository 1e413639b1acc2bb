package pretrained

import (
	"clipgo/internal/fault"
	"clipgo/internal/torch"
	"testing"
)

func TestDevicesAreReadStrictly(t *testing.T) {
	const none = -2 // refused
	for _, c := range []struct {
		device    string
		available int
		want      torch.Device
	}{
		{"cpu", 2, torch.CPU}, {"auto", 0, torch.CPU}, {"auto", 2, 0}, {"cuda", 1, 0}, {"cuda:0", 1, 0}, {"cuda:1", 2, 1},
		{"cuda", 0, none}, {"cuda:1", 1, none}, {"cuda:", 1, 0}, {"cuda:-1", 2, none}, {"cuda:x", 2, none}, {"cuda:1x", 2, none},
	} {
		got, err := Machine{Device: c.device}.device(c.available)
		if (err != nil) != (c.want == none) || err == nil && got != c.want {
			t.Errorf("%s with %d devices: %d, %v", c.device, c.available, got, err)
		}
	}
	for _, device := range []string{"", "gpu", "cpu:0", "auto:1", "CUDA", "cudax"} {
		if err := (Machine{Device: device, Precision: "auto"}).Validate(); fault.Of(err) != fault.Usage {
			t.Errorf("--device %q: %v", device, err)
		}
	}
}

// The arithmetic that is said without libtorch is that which Placement chooses.
func TestTheArithmeticIsThatOfThePlacement(t *testing.T) {
	for _, device := range []string{"auto", "cpu"} {
		for _, precision := range []string{"auto", "fp32", "bf16", "amp_bf16", "float32"} {
			m := Machine{Device: device, Precision: precision}
			at, err := m.Placement()
			if err != nil {
				t.Fatal(err)
			}
			if got, err := m.Arithmetic(); err != nil || got != PrecisionName(at.DType) {
				t.Errorf("%+v: %s, %v; want %s", m, got, err, PrecisionName(at.DType))
			}
		}
	}
	if _, err := (Machine{Device: "cpu", Precision: "fp16"}).Arithmetic(); err == nil {
		t.Error("fp16 passes")
	}
}
