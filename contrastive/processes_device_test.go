package contrastive

import (
	"slices"
	"testing"

	"clipgo/internal/need"
	"clipgo/internal/torch"
	"clipgo/internal/torch/torchtest"
	"clipgo/model"
	"clipgo/training/dist"
	"clipgo/training/dist/disttest"
)

// onDevices are cases of which each takes another way through the exchanges.
var onDevices = []string{"infonce", "sigmoid", "uneven"}

// trainOnDevices makes the steps of some cases in two processes, of which each has a device, and compares them with those of one process
// on the CPU. device gives a process its device by its rank; the parameters may be off by so many times what they may on the CPU.
func trainOnDevices(t *testing.T, device func(rank int) torch.Device, times float64) {
	t.Helper()
	g := disttest.Group(t)
	if g != nil {
		if err := dist.On(t.Context(), g, device(g.Rank())); err != nil {
			t.Fatal(err)
		}
	}
	var said disttest.Said
	if g == nil {
		said = disttest.Run(t, 2)
	}
	for _, c := range spreadCases() {
		if !slices.Contains(onDevices, c.name) || t.Failed() {
			continue
		}
		if g != nil {
			c.at = model.Placement{Device: device(g.Rank()), DType: torch.Float32}
		}
		numbers, params := c.train(t, g)
		if g != nil {
			disttest.Say(t, c.name+" numbers", disttest.Encoded(t, numbers))
			disttest.Say(t, c.name, params)
			continue
		}
		for rank := range 2 {
			disttest.Near(t, said.Of(t, rank, c.name), params, times*c.tolerance())
			disttest.NearNumbers(t, disttest.Decoded[[]float64](t, said.Of(t, rank, c.name+" numbers")), numbers, times*c.tolerance())
		}
	}
}

func TestProcessesTrainAsOneOnCUDA(t *testing.T) {
	torchtest.NeedCUDA(t)
	if err := torch.LoadNCCL(); err != nil {
		need.Missing(t, need.CUDA, "%v", err)
	}
	if info, err := torch.Probe(); err != nil || info.CUDA < 2 {
		t.Skipf("two processes need two CUDA devices, and libtorch sees %d", info.CUDA)
	}
	trainOnDevices(t, func(rank int) torch.Device { return torch.Device(rank) }, 10)
}
