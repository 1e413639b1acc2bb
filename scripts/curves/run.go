package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"clipgo/eval/report"
)

// row is the numbers of a line of a run's files, by their names.
type row map[string]float64

// run is what a run directory tells of a training.
type run struct{ steps, evaluations []row }

func readRun(dir string) (r run, err error) {
	if r.steps, err = readRows(filepath.Join(dir, "metrics.jsonl")); err != nil {
		return r, err
	}
	r.evaluations, err = readRows(filepath.Join(dir, "evaluations.jsonl"))
	if errors.Is(err, fs.ErrNotExist) {
		err = nil
	}
	return r, err
}

// readRows reads the numbers of a file of JSON lines; what is none, or null, is left out.
func readRows(path string) (out []row, err error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	lines := bufio.NewScanner(f)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		var all map[string]any
		if err := json.Unmarshal(lines.Bytes(), &all); err != nil {
			return nil, fmt.Errorf("%s: line %d: %w", path, len(out)+1, err)
		}
		r := row{}
		for name, v := range all {
			if n, ok := v.(float64); ok {
				r[name] = n
			}
		}
		out = append(out, r)
	}
	return out, lines.Err()
}

// line is a number over steps, samples or minutes.
func (r run) line(name, over string) (report.Line, error) {
	l := report.Line{Name: name}
	place, err := r.scale(over)
	if err != nil {
		return l, err
	}
	rows := r.steps
	if !has(rows, name) {
		rows = r.evaluations
	}
	for _, v := range rows {
		if y, ok := v[name]; ok {
			l.X, l.Y = append(l.X, place(v["step"])), append(l.Y, y)
		}
	}
	if len(l.Y) == 0 {
		return l, fmt.Errorf("there is no %q; there are %s", name, strings.Join(r.names(), ", "))
	}
	return l, nil
}

// scale turns steps into what is asked for.
func (r run) scale(over string) (func(step float64) float64, error) {
	if len(r.steps) == 0 {
		return nil, errors.New("no step is logged yet")
	}
	last := r.steps[len(r.steps)-1]
	batch := last["samples"] / last["step"]
	switch over {
	case "step":
		return func(step float64) float64 { return step }, nil
	case "samples":
		return func(step float64) float64 { return math.Round(batch * step) }, nil
	case "minutes":
		var paces []float64
		for _, s := range r.steps {
			paces = append(paces, s["pairs_per_second"])
		}
		slices.Sort(paces)
		return func(step float64) float64 { return batch * step / paces[len(paces)/2] / 60 }, nil
	}
	return nil, fmt.Errorf("-x is step, samples or minutes, not %q", over)
}

func (r run) names() (out []string) {
	for _, rows := range [][]row{r.steps, r.evaluations} {
		for _, v := range rows {
			out = slices.AppendSeq(out, maps.Keys(v))
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

func has(rows []row, name string) bool {
	return slices.ContainsFunc(rows, func(r row) bool { _, ok := r[name]; return ok })
}

// before is a curve's last value up to a place; its first one where there is none.
func before(l report.Line, x float64) float64 {
	y := l.Y[0]
	for i := range l.X {
		if l.X[i] <= x {
			y = l.Y[i]
		}
	}
	return y
}
