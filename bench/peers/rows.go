package main

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"
)

// row is a line of the table: a workload that clipgo and open_clip both run.
type row struct {
	name string
	goal goal
	work work
}

// goal is the speed-up over open_clip that clipgo aims at; 0: no goal.
type goal struct {
	Least float64 `json:"least,omitempty"`
	Reach float64 `json:"reach,omitempty"`
	AMX   bool    `json:"amx,omitempty"` // on CPUs that have it
}

// work is a workload of both programs.
type work interface {
	describe() string
	// prepare creates the input of both, before the measurement.
	prepare(ctx context.Context, w *workshop) error
	clipgo(w *workshop, l library) command
	openCLIP(w *workshop) command // without arguments if only clipgo is measured
}

// The precisions, by the names that both sides take.
const fp32, bf16, int8s = "fp32", "bf16", "int8"

func allRows() []row {
	const b32, s32, nano = "ViT-B-32", "ViT-S-32-alt", "ViT-Nano-16-64"
	return []row{
		{"train-b32-f32", goal{Least: 1.3, Reach: 1.4}, &steps{model: b32, batch: 32, precision: fp32, steps: 3}},
		{"train-b32-bf16", goal{Least: 2, Reach: 2.4, AMX: true}, &steps{model: b32, batch: 32, precision: bf16, steps: 3}},
		{"train-s32-f32", goal{Least: 1.3, Reach: 1.45}, &steps{model: s32, batch: 64, precision: fp32, steps: 3}},
		{"train-s32-bf16", goal{Least: 1.9, Reach: 2.4, AMX: true}, &steps{model: s32, batch: 64, precision: bf16, steps: 3}},
		{"train-64px-f32", goal{Least: 1.5, Reach: 2}, &steps{model: nano, own: true, batch: 128, precision: fp32, steps: 30}},
		{"folder-b32-f32", goal{Least: 1.12, Reach: 1.2}, &folder{model: b32, precision: fp32, photos: 256}},
		{"folder-b32-bf16", goal{Least: 1.15, Reach: 1.25, AMX: true}, &folder{model: b32, precision: bf16, photos: 256}},
		{"folder-b32-int8", goal{Least: 3, Reach: 3.5}, &folder{model: b32, precision: int8s, photos: 256}},
		{"load", goal{Least: 1.1, Reach: 1.25}, &loading{model: b32, photos: 256, passes: 8}},
		{"start", goal{Least: 10, Reach: 16}, &start{model: b32, photos: 16}},
		{"host-64px", goal{}, &host{steps{model: nano, own: true, batch: 128, precision: fp32, steps: 60}}},
	}
}

// choose returns the rows with the given names; all rows if no name is given.
func choose(all []row, names []string) ([]row, error) {
	var out []row
	for _, name := range names {
		i := slices.IndexFunc(all, func(r row) bool { return r.name == name })
		if i < 0 {
			var known []string
			for _, r := range all {
				known = append(known, r.name)
			}
			return nil, fmt.Errorf("no row is called %s; there are %s", name, strings.Join(known, ", "))
		}
		out = append(out, all[i])
	}
	if len(names) == 0 {
		return all, nil
	}
	return out, nil
}

// program is one side of a row.
type program struct {
	name string // open_clip, or clipgo and its libtorch
	command
}

// programs lists the programs of a row, with open_clip between clipgo's.
func (r row) programs(w *workshop) []program {
	var out []program
	for _, l := range w.libraries {
		out = append(out, program{l.program(), r.work.clipgo(w, l)})
	}
	if peer := r.work.openCLIP(w); peer.args != nil {
		out = slices.Insert(out, 1, program{openCLIP, peer})
	}
	return out
}

// openCLIP names the other side.
const openCLIP = "open_clip"

// measure runs the programs in turn, forwards and backwards, for the configured number of repetitions.
func (r row) measure(ctx context.Context, w *workshop) (out measuredRow, err error) {
	out = measuredRow{Name: r.name, Work: r.work.describe(), Goal: r.goal, Load: readLoad()}
	say("%s: %s", r.name, out.Work)
	if time.Now().After(w.end) {
		return out, errTimeOver
	}
	if err := r.work.prepare(ctx, w); err != nil {
		return out, err
	}
	defer out.compare()
	programs := r.programs(w)
	for i := range w.repetitions {
		if i > 0 && time.Now().After(w.end) {
			break
		}
		seen := repetition{}
		for _, p := range programs {
			m, err := p.measure(ctx, w)
			if err != nil {
				return out, err
			}
			say("  %d/%d  %-16s %s", i+1, w.repetitions, p.name, m)
			seen[p.name] = m
		}
		out.Repetitions = append(out.Repetitions, seen)
		slices.Reverse(programs)
	}
	return out, nil
}

func (p program) measure(ctx context.Context, w *workshop) (measurement, error) {
	o, err := w.run(ctx, p.command)
	if err != nil {
		return measurement{}, err
	}
	m, err := p.read(o)
	m.PeakBytes, m.ProcessSeconds = o.peak, o.wall.Seconds()
	if err != nil {
		return m, fmt.Errorf("read what %s printed: %w", p.name, err)
	}
	return m, nil
}
