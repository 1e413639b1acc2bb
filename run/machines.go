package run

import (
	"clipgo/internal/fault"
	"clipgo/model"
	"clipgo/pretrained"
)

// checkDevice refuses a GPU for several processes. It would fail at the first step, after all has been loaded.
func (s *session) checkDevice(at model.Placement) error {
	if s.voices.alone() {
		return nil
	}
	return pretrained.OnCPUs(at.Device, s.voices.group.World(), "train")
}

// compareMachines refuses processes that compute in other types than process 0: precision auto is a choice of each machine.
func (s *session) compareMachines() error {
	return s.voices.compare(map[string]string{"precision": s.Precision}, func(rank int, key, first, other string) error {
		return fault.Setting(key, "auto is %s for process %d, and %s for process 0; name one of them for all processes", other, rank, first)
	})
}
