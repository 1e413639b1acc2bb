//go:build simulated

package contrastive

import (
	"testing"

	"clipgo/internal/torch"
)

// Two processes whose models are on a device make the steps of one on the CPU, and nothing of the CPU's gets into what is on the device.
func TestProcessesTrainAsOneOnASimulatedDevice(t *testing.T) {
	trainOnDevices(t, func(int) torch.Device { return torch.Simulated }, 1)
}
