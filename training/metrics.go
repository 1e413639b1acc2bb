package training

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"time"

	"clipgo/internal/durable"
)

// Row is a line of metrics.jsonl. Rates cover the steps since the line before and the waiting for their batches, not what
// hooks do between them: evaluations, checkpoints.
type Row struct {
	Step     int     `json:"step"`
	Samples  int64   `json:"samples"`
	Epoch    float64 `json:"epoch"`
	Loss     Number  `json:"loss"`
	Scale    Number  `json:"scale"`
	LR       float64 `json:"lr"`
	GradNorm Number  `json:"grad_norm"`
	Skipped  int     `json:"bad_steps,omitempty"`
	Pairs    float64 `json:"pairs_per_second"`
	Wait     float64 `json:"data_wait_fraction"`
	Extra    []Named `json:"-"` // further numbers of the objective, each under its own name
}

// MarshalJSON writes the extra numbers behind the others.
func (r Row) MarshalJSON() ([]byte, error) {
	type plain Row
	out, err := json.Marshal(plain(r))
	if err != nil {
		return nil, err
	}
	out = out[:len(out)-1] // the closing brace
	for _, e := range r.Extra {
		name, _ := json.Marshal(e.Name) // a string: it can't fail
		value, err := Number(e.Value).MarshalJSON()
		if err != nil {
			return nil, err
		}
		out = append(append(append(append(out, ','), name...), ':'), value...)
	}
	return append(out, '}'), nil
}

// Number is a float64 that may be NaN or infinite, which JSON can't hold: it is written as null then.
type Number float64

// MarshalJSON writes the number, or null where it is not finite.
func (n Number) MarshalJSON() ([]byte, error) {
	if math.IsNaN(float64(n)) || math.IsInf(float64(n), 0) {
		return []byte("null"), nil
	}
	return json.Marshal(float64(n))
}

// Metrics writes a line every so many steps and at the end of the training, and hands each to Show. An interrupted
// sitting adds no line of its own, so that a resumed run has the lines of an unbroken one.
type Metrics struct {
	W     io.Writer
	Every int
	Epoch func(position int64) float64 // how far a position is, in epochs
	Show  func(Row)

	samples    int64
	wait, took time.Duration
}

// After adds the step up and writes a line when one is due.
func (m *Metrics) After(_ context.Context, e Event) error {
	if !e.Again {
		m.samples += int64(e.Batch.N)
		m.wait += e.Wait
		m.took += e.Took
	}
	due := e.Step%m.Every == 0
	if written := due && e.Again; written || !due && !e.Done {
		return nil
	}
	p := e.Trainer.Progress
	elapsed := (m.wait + m.took).Seconds()
	row := Row{
		Step: e.Step, Samples: p.Samples, Epoch: m.Epoch(p.Position), Loss: Number(e.Loss), Scale: Number(e.Scale),
		LR: e.LR, GradNorm: Number(e.GradNorm), Skipped: p.BadSteps, Extra: e.Extra,
		Pairs: float64(m.samples) / elapsed, Wait: m.wait.Seconds() / elapsed,
	}
	m.samples, m.wait, m.took = 0, 0, 0
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

// CutBack drops the lines of a JSON-lines file that were written after a step, and a torn last line; each line has a
// number "step". A missing file stays missing.
func CutBack(path string, step int) error {
	data, err := os.ReadFile(path)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	var kept bytes.Buffer
	lines := bufio.NewScanner(bytes.NewReader(data))
	lines.Buffer(nil, len(data)+1)
	for lines.Scan() {
		var at struct {
			Step *int `json:"step"`
		}
		if json.Unmarshal(lines.Bytes(), &at) != nil || at.Step == nil || *at.Step > step {
			continue
		}
		kept.Write(lines.Bytes())
		kept.WriteByte('\n')
	}
	return durable.WriteFile(path, 0o644, func(w io.Writer) error {
		_, err := w.Write(kept.Bytes())
		return err
	})
}
