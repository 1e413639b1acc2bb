package run

import (
	"strings"
	"testing"

	"clipgo/internal/fault"
	"clipgo/internal/torch"
	"clipgo/model"
)

// Machines whose precision auto is another one don't train together.
func TestProcessesComputeInOneType(t *testing.T) {
	for rank, err := range each(t.Context(), 3, func(v *voices, _ *hall) error {
		o := Default()
		if o.Precision = "fp32"; v.group.Rank() == 2 {
			o.Precision = "bf16"
		}
		return (&session{Options: &o, voices: v}).compareMachines()
	}) {
		if fault.Of(err) != fault.Usage || !strings.Contains(err.Error(), "precision: auto is bf16 for process 2, and fp32 for process 0") {
			t.Errorf("process %d: %v", rank, err)
		}
	}
}

// A GPU is refused where there are several processes, and only there.
func TestSeveralProcessesRefuseAGPU(t *testing.T) {
	gpu := model.Placement{Device: torch.Device(1), DType: torch.Float32}
	for rank, err := range each(t.Context(), 2, func(v *voices, _ *hall) error {
		if err := (&session{voices: v}).checkDevice(model.On()); err != nil {
			return err
		}
		return (&session{voices: v}).checkDevice(gpu)
	}) {
		if fault.Of(err) != fault.Usage || !strings.Contains(err.Error(), "this one would use cuda:1; choose cpu") {
			t.Errorf("process %d: %v", rank, err)
		}
	}
	if err := (&session{}).checkDevice(gpu); err != nil {
		t.Error("one process:", err)
	}
}
