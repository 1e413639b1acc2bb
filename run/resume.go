package run

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"clipgo/datasets"
	"clipgo/internal/bounded"
	"clipgo/internal/config"
	"clipgo/internal/fault"
	"clipgo/pretrained"
)

// storedRun is the run.json of a run that is resumed. There may be none yet: false.
func (asked *Options) storedRun() (o Options, found bool, err error) {
	o = Default()
	if asked.Resume == "" {
		return o, false, nil
	}
	path := filepath.Join(asked.Out, pretrained.RunFile)
	data, err := bounded.ReadFile(path, bounded.Record)
	if errors.Is(err, os.ErrNotExist) {
		return o, false, nil
	}
	if err != nil {
		return o, false, err
	}
	if err := json.Unmarshal(data, &o); err != nil {
		return o, false, fault.Modelf(path, "%v", fault.JSON(err))
	}
	// Its weights are a checkpoint's, or else found again.
	o.source = pretrained.Source{Name: o.Model, Config: o.ModelCfg, Preprocess: o.Preprocess}
	if o.Device == pretrained.DeviceName(0) { // of this process: each of several has another one
		o.Device = "cuda"
	}
	o.StopAfter, o.AllowDataChange, o.DiscardLater = 0, false, false // of the sitting before, not of the run
	if asked.Model != "" && asked.Model != o.Model {
		return o, false, fault.Setting("model", "this run began with %s; %s needs a new run", o.Model, asked.Model)
	}
	return o, true, nil
}

// ofTheSitting are settings that say how one sitting is made, not what the run is.
var ofTheSitting = []string{"out", "resume", "stop_after", "allow_data_change", "discard_later"}

// changed lists what a resumed run does otherwise than before, and refuses what would make it another run. A setting that is
// chosen by itself keeps the value that it had.
func changed(settings, stored config.Layer, out string) (changes []string, err error) {
	for _, key := range settings.Sorted() {
		v := settings[key]
		was, is := stored[key].String(), v.String()
		switch {
		case v.Origin < config.Command, was == is, slices.Contains(ofTheSitting, key):
		case is == `"auto"`:
			settings[key] = stored[key]
		case ofTheRun(key, was, is):
			return nil, fault.Usagef("%s: this run began with %s; %s needs a new run, which may start from model %s", key, was, is, out)
		default:
			changes = append(changes, fmt.Sprintf("%s %s -> %s", key, shownValue(key, was), shownValue(key, is)))
		}
	}
	return changes, nil
}

// shownValue is a setting's value without credentials.
func shownValue(key, value string) string {
	var evals []string
	if key == "eval" && json.Unmarshal([]byte(value), &evals) == nil {
		return strings.Join(publicEvals(evals), " ")
	}
	var name string
	if key != "train_data" && key != "val_data" || json.Unmarshal([]byte(value), &name) != nil {
		return value
	}
	return strconv.Quote(datasets.Public(name))
}

// ofTheRun tells whether another value of a setting makes another run.
func ofTheRun(key, was, is string) bool {
	switch key {
	case "objective":
		return true
	case "mlm_weight": // with a weight there is a head
		return (was == "0") != (is == "0")
	case "train_data_upsampling_factors": // they are the order of the samples
		return true
	case "model_cfg.vision_cfg.patch_dropout":
		return false
	}
	return slices.ContainsFunc([]string{"lock_", "align.", "model_cfg."}, func(part string) bool { return strings.HasPrefix(key, part) })
}
