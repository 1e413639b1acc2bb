package run

import (
	"strings"
	"testing"

	"clipgo/internal/fault"
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
