//go:build simulated

package torch_test

import (
	"errors"
	"testing"

	"clipgo/internal/torch"
	"clipgo/internal/torch/torchtest"
)

func TestTheSimulatedDeviceKeepsToItself(t *testing.T) {
	torchtest.RunGrad(t, func(s *torch.Scope) {
		here := torch.From(s, []float32{1, 2}, 2).Trainable()
		there := here.Detach().OnDevice(torch.Simulated).Trainable()
		if d := there.Mul(there).In(s).Narrow(0, 0, 1).Device(); d != torch.Simulated {
			t.Errorf("a result is on %d", d)
		}
		there.Mul(there).Sum().Backward()
		if g := there.Gradient(s); g.Device() != torch.Simulated || g.OnDevice(torch.CPU).Device() != torch.CPU {
			t.Error("a gradient is elsewhere")
		}
	})
	for name, f := range map[string]func(here, there *torch.Tensor){
		"Add":        func(here, there *torch.Tensor) { there.Add(here) },
		"Rows":       func(here, there *torch.Tensor) { there.Rows(torch.From(here.Scope(), []int64{0}, 1)) },
		"AddInPlace": func(here, there *torch.Tensor) { there.AddInPlace(here) },
	} {
		err := torch.Do(t.Context(), func(s *torch.Scope) error {
			f(torch.From(s, []float32{1, 2}, 2), torch.Zeros(s, torch.Float32, torch.Simulated, 2))
			return nil
		})
		var e *torch.Error
		if !errors.As(err, &e) || e.Op != name {
			t.Errorf("%s of two devices: %v", name, err)
		}
	}
}
