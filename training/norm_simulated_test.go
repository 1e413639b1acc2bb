//go:build simulated

package training

import (
	"testing"

	"clipgo/internal/optim"
	"clipgo/internal/torch"
)

// second is the second of two processes. The first one has found a norm of 7.
type second struct{ pair }

func (second) Rank() int { return 1 }

func (second) Agree(numbers ...float64) ([][]float64, error) {
	return [][]float64{{0, 7}, numbers}, nil
}

// On devices the norm is that of process 0, and on CPUs, where it has the same bits in all processes, each one's own.
func TestTheNormOfOneProcessOnASimulatedDevice(t *testing.T) {
	for device, want := range map[torch.Device]float64{torch.CPU: 3, torch.Simulated: 7} {
		_, o := newToy(t, 1)
		err := torch.DoGrad(t.Context(), func(s *torch.Scope) error {
			o.params.Free()
			o.params.Fill(1, device)
			adamw := optim.New(o.Params(), optim.Default())
			defer adamw.Free()
			w := o.params.Tensors()[1].In(s)
			torch.From(s, []float32{1, 2, 2}, 3).OnDevice(device).Mul(w).Sum().Backward()
			got, err := (&Trainer{Optimizer: adamw, Group: second{}}).norm()
			if err != nil || got != want {
				t.Errorf("on %d the norm is %v, %v; want %v", device, got, err, want)
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
}
