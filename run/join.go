package run

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"time"

	"clipgo/internal/config"
	"clipgo/internal/fault"
	"clipgo/internal/machine"
	"clipgo/internal/memory"
	"clipgo/training/dist"
	"clipgo/training/dist/launch"
)

// join finds the other processes of the run, if a launcher started any.
func (s *session) join(ctx context.Context, g dist.Group, version string) error {
	timeout, local := time.Duration(s.DistTimeout)*time.Second, launch.Unknown
	if g == nil {
		at, err := launch.Here()
		if err != nil {
			return err
		}
		if g, err = dist.Join(ctx, at, dist.Options{Timeout: timeout, Version: version}); err != nil {
			return err
		}
		s.onClose(g.Close)
		local = at.LocalRank
	}
	s.voices = newVoices(ctx, g, timeout)
	if s.voices.alone() {
		return nil
	}
	s.world = g.World()
	if err := s.countNeighbours(); err != nil {
		return err
	}
	if !s.voices.leads() {
		s.console = (&Console{Find: s.console.Find}).filled()
	}
	if s.Align.on() {
		return fault.Usagef("align trains in one process; a launcher started %d", s.world)
	}
	if s.biasOfBatch {
		s.startBias()
	}
	if err := s.compareSettings(); err != nil {
		return err
	}
	return takeCard(g, s.Machine, local)
}

// countNeighbours finds how many of the processes share the memory of this machine, or of this container.
func (s *session) countNeighbours() error {
	own := machine.Identity()
	all, err := s.voices.group.Tell([]byte(own))
	for _, other := range all {
		if string(other) == own {
			s.neighbours++
		}
	}
	return err
}

// freeMemory is this process's part of the memory that is free: the processes of one machine take theirs at the same time.
func (s *session) freeMemory() (int64, error) {
	free, err := memory.Available()
	return free / int64(max(1, s.neighbours)), err
}

// ofTheProcess are the settings that may differ between the processes of a run.
var ofTheProcess = []string{"workers", "threads", "device"}

// compareSettings refuses processes that don't make the same run. Each of them says the first difference.
func (s *session) compareSettings() error {
	own := map[string]string{}
	for key, v := range config.Of(config.Default, *s.Options) {
		if !slices.Contains(ofTheProcess, key) {
			own[key] = v.String()
		}
	}
	return s.voices.compare(own, func(rank int, key, first, other string) error {
		return fault.Setting(key, "process %d has %s, and process 0 has %s; all processes of a run need the same settings", rank, other,
			first)
	})
}

// compareData refuses processes that don't see the same data.
func (s *session) compareData() error {
	own := map[string]string{"train_data": s.fingerprint(), "val_data": s.val.Source.Info().Fingerprint}
	for name, fingerprint := range s.evalFingerprints() {
		own["eval "+name] = fingerprint
	}
	return s.voices.compare(own, func(rank int, key, first, other string) error {
		return fault.Setting(key, "process %d has other samples than process 0 (fingerprint %s, not %s); all processes need the same files",
			rank, other, first)
	})
}

// compare tells all processes some values of each and calls differ with the first, by key and then by rank, that isn't that of process 0.
func (v *voices) compare(own map[string]string, differ func(rank int, key, first, other string) error) error {
	if v.alone() {
		return nil
	}
	data, err := json.Marshal(own)
	if err != nil {
		return err
	}
	told, err := v.group.Tell(data)
	if err != nil {
		return err
	}
	all, keys := make([]map[string]string, len(told)), map[string]bool{}
	for rank, data := range told {
		if err := json.Unmarshal(data, &all[rank]); err != nil {
			return err
		}
		for key := range all[rank] {
			keys[key] = true
		}
	}
	for _, key := range slices.Sorted(maps.Keys(keys)) {
		for rank, one := range all {
			if first := all[0][key]; one[key] != first {
				return differ(rank, key, first, one[key])
			}
		}
	}
	return nil
}

// agreeBatch makes the batch of batch_size auto that of the process with the least memory.
func (s *session) agreeBatch() error {
	if s.voices.alone() || !s.measured {
		return nil
	}
	n, err := s.voices.least(int(s.BatchSize))
	if err != nil {
		return err
	}
	s.BatchSize = pairCount(n)
	if s.biasOfBatch {
		s.startBias()
	}
	return nil
}

// openOwnLog opens the log of a process that has no other file of the run directory.
func (s *session) openOwnLog() error {
	if s.voices.leads() {
		return nil
	}
	name := fmt.Sprintf("log-%d.txt", s.voices.group.Rank())
	f, err := openRegular(filepath.Join(s.Out, name), os.O_APPEND)
	if err != nil {
		return fmt.Errorf("%w; all processes of a run need the same run directory", err)
	}
	s.onClose(f.Close)
	s.console.Log = slog.New(fileHandler(f))
	s.console.Log.Info("a process of a run", "process", s.voices.group.Rank(), "of", s.world, "step", s.state.Step)
	s.dir.metrics, s.dir.evaluations, s.dir.skipped = noLedger(), noLedger(), noLedger()
	return nil
}

// noLedger takes lines that another process writes.
func noLedger() *ledger { return &ledger{} }

// noteEnd writes why the run has ended into this process's own log.
func (s *session) noteEnd(err error) {
	if err != nil && s.voices != nil && !s.voices.leads() {
		s.console.Log.Error("the run has ended", "error", err)
	}
}
