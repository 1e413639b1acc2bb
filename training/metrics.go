package training

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"clipgo/internal/bounded"
	"clipgo/internal/durable"
	"clipgo/training/record"
)

// Metrics writes a line at a fixed interval of steps and at the end of the training, and passes it to Show. An interrupt adds no line,
// so the file of a resumed run is the same as that of an uninterrupted one.
type Metrics struct {
	W     io.Writer
	Every int
	Epoch func(position int64) float64 // converts a position to epochs
	Fill  func(*record.Row)            // adds to a row before it is written; nil: nothing
	Show  func(record.Row)

	samples    int64
	wait, took time.Duration
}

// After adds the step to the statistics and writes a line when one is due.
func (m *Metrics) After(_ context.Context, e Event) error {
	if !e.Replayed {
		m.samples += int64(e.Batch.N)
		m.wait += e.Wait
		m.took += e.Took
	}
	due := e.Step%m.Every == 0
	if written := due && e.Replayed; written || !due && !e.Done {
		return nil
	}
	p := e.Trainer.Progress
	elapsed := (m.wait + m.took).Seconds()
	row := record.Row{
		Step: e.Step, Samples: p.Samples, Epoch: m.Epoch(p.Position), Loss: record.Number(e.Loss), Scale: record.Number(e.Scale),
		LR: e.LR, GradNorm: record.Number(e.GradNorm), Skipped: p.BadSteps, Extra: e.Extra,
		Pairs: float64(m.samples) / elapsed, Wait: m.wait.Seconds() / elapsed,
	}
	m.samples, m.wait, m.took = 0, 0, 0
	if m.Fill != nil {
		m.Fill(&row)
	}
	if m.Show != nil {
		m.Show(row)
	}
	return writeLine(m.W, row)
}

// writeLine writes one JSON line in a single write, so that a kill can't tear it into another one.
func writeLine(w io.Writer, v any) error {
	line, err := json.Marshal(v)
	if err != nil {
		return fmt.Errorf("metrics: %w", err)
	}
	_, err = w.Write(append(line, '\n'))
	return err
}

// CutBack removes the lines of a JSON-lines file whose "step" is greater than step, and an incomplete last line. A missing file is no
// error.
func CutBack(path string, step int) error {
	if _, err := os.Stat(path); errors.Is(err, os.ErrNotExist) {
		return nil
	}
	return durable.WriteFile(path, 0o644, func(w io.Writer) error {
		return bounded.Lines(path, bounded.Log, func(_ int, line []byte, _ bool) error {
			var at struct {
				Step *int `json:"step"`
			}
			if json.Unmarshal(line, &at) != nil || at.Step == nil || *at.Step > step {
				return nil
			}
			_, err := w.Write(append(bytes.Clone(line), '\n'))
			return err
		})
	})
}
