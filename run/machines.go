package run

import (
	"clipgo/internal/fault"
	"clipgo/internal/torch"
	"clipgo/model"
	"clipgo/pretrained"
)

// checkDevice refuses a GPU for several processes, which exchange tensors on CPUs. It would fail at the first step, after all has been
// loaded.
func (s *session) checkDevice(at model.Placement) error {
	if s.voices.alone() || at.Device == torch.CPU {
		return nil
	}
	return fault.Setting("device", "%d processes train on CPUs, and this one would use %s; choose cpu, or one process",
		s.voices.group.World(), pretrained.DeviceName(at.Device))
}

// compareMachines refuses processes that compute in other types than process 0: precision auto is a choice of each machine.
func (s *session) compareMachines() error {
	return s.voices.compare(map[string]string{"precision": s.Precision}, func(rank int, key, first, other string) error {
		return fault.Setting(key, "auto is %s for process %d, and %s for process 0; name one of them for all processes", other, rank, first)
	})
}
