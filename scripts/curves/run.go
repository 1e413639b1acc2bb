package main

import (
	"bufio"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"path/filepath"
	"slices"
	"strings"

	"clipgo/internal/bounded"
	"clipgo/report"
)

// row is the numbers of a line of a run's files, by their names.
type row map[string]float64

// run is what run directories tell of a training, or of one that went on in another directory.
type run struct{ steps, evaluations []row }

// readRun reads directories whose runs follow each other: DIR+DIR.
func readRun(dirs string) (r run, err error) {
	for dir := range strings.SplitSeq(dirs, "+") {
		before := row{}
		if n := len(r.steps); n > 0 {
			before = r.steps[n-1]
		}
		steps, err := readRows(filepath.Join(dir, "metrics.jsonl"), before)
		if err != nil {
			return r, err
		}
		evaluations, err := readRows(filepath.Join(dir, "evaluations.jsonl"), before)
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return r, err
		}
		r.steps, r.evaluations = append(r.steps, steps...), append(r.evaluations, evaluations...)
	}
	return r, nil
}

// readRows reads the numbers of a file of JSON lines; what is none, or null, is left out. Steps and samples go on from those
// of the row before.
func readRows(path string, before row) (out []row, err error) {
	f, err := bounded.Open(path, bounded.Log)
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
		for _, name := range []string{"step", "samples"} {
			if _, ok := r[name]; ok {
				r[name] += before[name]
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
	var to []float64 // what is asked for, at each logged step
	switch over {
	case "step":
		return func(step float64) float64 { return step }, nil
	case "samples":
		for _, s := range r.steps {
			to = append(to, s["samples"])
		}
	case "minutes":
		to = r.minutes()
	default:
		return nil, fmt.Errorf("-x is step, samples or minutes, not %q", over)
	}
	return func(step float64) float64 {
		i, _ := slices.BinarySearchFunc(r.steps, step, func(s row, step float64) int { return cmp.Compare(s["step"], step) })
		i = min(i, len(to)-1)
		from, low := 0.0, 0.0
		if i > 0 {
			from, low = r.steps[i-1]["step"], to[i-1]
		}
		return low + (to[i]-low)*(step-from)/(r.steps[i]["step"]-from)
	}, nil
}

// minutes is how long the steps took up to each one that is logged, waiting for their batches included.
func (r run) minutes() []float64 {
	out := make([]float64, len(r.steps))
	var samples, total float64
	for i, s := range r.steps {
		total += (s["samples"] - samples) / s["pairs_per_second"] / 60
		samples, out[i] = s["samples"], total
	}
	return out
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
