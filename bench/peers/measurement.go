package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"clipgo/bench/workload"
)

// measurement is the cost of one unit of a row's work for one program.
type measurement struct {
	Seconds        float64         `json:"seconds"`          // of a unit: a step, a picture, a process
	Steps          []float64       `json:"steps,omitempty"`  // seconds of each step, of which Seconds is the median
	HostShare      float64         `json:"host,omitempty"`   // of a step's time, in Go code
	PeakBytes      int64           `json:"peak_bytes"`       // peak resident memory of the process
	ProcessSeconds float64         `json:"process_seconds"`  // from the start of the process to its end
	Output         json.RawMessage `json:"output,omitempty"` // what the program printed
}

// repetition is one measurement of each program, by its name.
type repetition map[string]measurement

func (m measurement) String() string {
	if m.HostShare > 0 {
		return fmt.Sprintf("%.2f %% of a step of %.1f ms is Go's", 100*m.HostShare, 1e3*m.Seconds)
	}
	return fmt.Sprintf("%9.2f ms, at most %.0f MB", 1e3*m.Seconds, float64(m.PeakBytes)/1e6)
}

// printed are the numbers of either side's programs.
type printed struct {
	Seconds         []float64 `json:"seconds"`
	ImagesPerSecond float64   `json:"images_per_second"`
}

var errNothing = errors.New("it says nothing of its speed")

func medianStep(o output) (measurement, error) {
	var p printed
	if err := json.Unmarshal(o.stdout, &p); err != nil {
		return measurement{}, err
	}
	if len(p.Seconds) == 0 {
		return measurement{}, errNothing
	}
	return measurement{Seconds: workload.Median(p.Seconds), Steps: p.Seconds, Output: o.stdout}, nil
}

func perPicture(o output) (measurement, error) {
	var p printed
	if err := json.Unmarshal(o.stdout, &p); err != nil {
		return measurement{}, err
	}
	if p.ImagesPerSecond <= 0 {
		return measurement{}, errNothing
	}
	return measurement{Seconds: 1 / p.ImagesPerSecond, Output: o.stdout}, nil
}

func wholeProcess(o output) (measurement, error) {
	return measurement{Seconds: o.wall.Seconds()}, nil
}

// spread is the minimum, median and maximum of ratios.
type spread struct {
	Min    float64 `json:"min"`
	Median float64 `json:"median"`
	Max    float64 `json:"max"`
}

func spreadOf(ratios []float64) spread {
	return spread{slices.Min(ratios), workload.Median(ratios), slices.Max(ratios)}
}

func (s spread) String() string { return fmt.Sprintf("%.2f (%.2f to %.2f)", s.Median, s.Min, s.Max) }
