package main

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// storedRun is a run's own run.json, where the user resumes one; nil where there is none.
func storedRun(wish trainOptions) (*trainOptions, error) {
	if wish.Resume == "" {
		return nil, nil
	}
	path := filepath.Join(wish.Out, runFile)
	data, err := os.ReadFile(path)
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	o := defaultTrain()
	if err := json.Unmarshal(data, &o); err != nil {
		return nil, &modelError{path, err.Error()}
	}
	// Its weights are a checkpoint's, or else found again.
	o.source = modelSource{Name: o.Model, Config: o.ModelCfg, Preprocess: o.Preprocess}
	o.StopAfter, o.AllowDataChange = 0, false // of the sitting before, not of the run
	if wish.Model != "" && wish.Model != o.Model {
		return nil, usagef("--model: this run began with %s; %s is another run", o.Model, wish.Model)
	}
	return &o, nil
}

// ofTheSitting are settings that say how one sitting is made, not what the run is.
var ofTheSitting = []string{"out", "resume", "stop_after", "allow_data_change"}

// compare notes what a resumed run does otherwise than its run.json, and refuses what would make it another run.
func (o *trainOptions) compare(before map[string]string) error {
	after := flatten(o)
	keys := slices.Collect(maps.Keys(after))
	keys = slices.AppendSeq(keys, maps.Keys(before))
	slices.Sort(keys)
	for _, key := range slices.Compact(keys) {
		was, is := cmp.Or(before[key], "none"), cmp.Or(after[key], "none")
		switch {
		case was == is, slices.Contains(ofTheSitting, key):
		case is == `"auto"`: // what the run began with
			o.keep(key, was)
		case key == "objective", key == "mlm_weight" && (was == "0") != (is == "0"),
			strings.HasPrefix(key, "lock_"), strings.HasPrefix(key, "align."), strings.HasPrefix(key, "model_cfg.") && key != "model_cfg.vision_cfg.patch_dropout":
			return usagef("%s: this run began with %s; %s is another run (start it with --model %s)", key, was, is, o.Out)
		default:
			o.changes = append(o.changes, fmt.Sprintf("%s %s -> %s", key, was, is))
		}
	}
	return nil
}

// keep gives a setting that is chosen by itself the value that it had.
func (o *trainOptions) keep(key, was string) {
	switch was = strings.Trim(was, `"`); key {
	case "device":
		o.Device = was
	case "precision":
		o.Precision = was
	case "batch_size":
		_ = json.Unmarshal([]byte(was), &o.BatchSize) // it was a number of the run.json
	}
}

// flatten lists settings by their dotted keys, each value as JSON. Empty ones are left out, as run.json does.
func flatten(o any) map[string]string {
	out := map[string]string{}
	var walk func(prefix string, v any)
	walk = func(prefix string, v any) {
		if fields, ok := v.(map[string]any); ok {
			for name, value := range fields {
				walk(prefix+"."+name, value)
			}
			return
		}
		text, _ := json.Marshal(v) // it was JSON just now
		out[strings.TrimPrefix(prefix, ".")] = string(text)
	}
	data, _ := json.Marshal(o) // a struct of plain values
	d := json.NewDecoder(bytes.NewReader(data))
	d.UseNumber()
	var all any
	_ = d.Decode(&all)
	walk("", all)
	return out
}
