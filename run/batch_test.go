package run

import (
	"bytes"
	"encoding/json"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"clipgo/pretrained"
	"clipgo/training"
	"clipgo/training/dist"
)

// A step that ran out of memory says so in one line, and run.json keeps the micro-batch for the next sitting.
func TestOutOfMemoryIsWrittenDown(t *testing.T) {
	out := t.TempDir()
	var said bytes.Buffer
	console := Console{Log: slog.New(slog.NewTextHandler(&said, nil))}
	o := Default()
	o.BatchSize, o.AccumFreq, o.Out = 16, 1, out
	s := &session{Options: &o, console: console.filled(), voices: newVoices(t.Context(), dist.Alone, 0)}
	s.starved(training.Event{Stats: training.Stats{Step: 2, MicroBatch: 4}})
	if strings.Count(said.String(), "\n") != 1 || !strings.Contains(said.String(), "out of memory") {
		t.Errorf("said %q", said.String())
	}
	data, err := os.ReadFile(filepath.Join(out, pretrained.RunFile))
	if err != nil {
		t.Fatal(err)
	}
	var kept Options
	if err := json.Unmarshal(data, &kept); err != nil || kept.MicroBatch != 4 {
		t.Errorf("run.json has a micro-batch of %d, %v", kept.MicroBatch, err)
	}
}
