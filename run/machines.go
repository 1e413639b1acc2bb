package run

import (
	"clipgo/internal/fault"
	"clipgo/training/dist"
)

// compareMachines refuses processes that compute in other types than process 0: precision auto is a choice of each machine.
func (s *session) compareMachines() error {
	return s.voices.compare(map[string]string{"precision": s.Precision}, func(rank int, key, first, other string) error {
		return fault.Setting(key, "auto is %s for process %d, and %s for process 0; name one of them for all processes", other, rank, first)
	})
}

// joinDevices has the processes exchange what lies on their devices without a copy on the CPU.
func (s *session) joinDevices() error {
	if err := s.compareMachines(); err != nil || s.voices.alone() {
		return err
	}
	return dist.On(s.voices.ctx, s.voices.group, s.model.Device())
}
