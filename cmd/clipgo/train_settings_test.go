package main

import (
	"encoding/json"
	"image/color"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"clipgo/internal/durable"
	"clipgo/internal/paths"
	"clipgo/pretrained"
	"clipgo/training"
)

func TestRunJSONSaysWhatItWasComputedOn(t *testing.T) {
	out := filepath.Join(t.TempDir(), "run")
	must(t, tinyRun(tiny(t), out, "--steps", "2", "--stop-after", "1", "--device", "auto", "--precision", "auto")...)
	s := runSettings(t, out)
	state, err := training.ReadState(newest(t, out))
	if err != nil {
		t.Fatal(err)
	}
	if s.Device == "auto" || s.Precision == "auto" || state.Environment.Device != s.Device || state.Environment.Precision != s.Precision {
		t.Errorf("run.json: %s on %s; state.json: %+v", s.Precision, s.Device, state.Environment)
	}
	r := must(t, "train", "--resume", "latest", "--out", out, "--precision", "auto")
	if strings.Contains(r.err, "may not be bit-identical") || strings.Contains(r.err, "change") {
		t.Errorf("nothing changed:\n%s", r.err)
	}
}

func TestAResumeInAnotherPrecisionWarns(t *testing.T) {
	out := filepath.Join(t.TempDir(), "run")
	must(t, tinyRun(tiny(t), out, "--steps", "2", "--stop-after", "1")...)
	r := must(t, "train", "--resume", "latest", "--out", out, "--precision", "bf16")
	if !strings.Contains(r.err, "may not be bit-identical") || !strings.Contains(r.err, `change precision "fp32" -> "bf16"`) {
		t.Error(r.err)
	}
}

func TestAResumeSaysWhatChanged(t *testing.T) {
	out := filepath.Join(t.TempDir(), "run")
	args := tinyRun(tiny(t), out, "--stop-after", "2", "--resume", "latest")
	must(t, args...)
	if r := must(t, args...); strings.Contains(r.err, "change") {
		t.Errorf("nothing changed:\n%s", r.err)
	}
	r := must(t, append(args, "--lr", "0.001", "--wd", "0.3", "--batch-size", "8", "--keep", "2")...)
	if want := "change batch_size 16 -> 8, keep 3 -> 2, optim.lr 0.0005 -> 0.001, optim.wd 0.2 -> 0.3\n"; !strings.Contains(r.err, want) {
		t.Errorf("want %q in\n%s", want, r.err)
	}
}

func TestAResumeIsNoOtherRun(t *testing.T) {
	out := filepath.Join(t.TempDir(), "run")
	args := tinyRun(tiny(t), out, "--stop-after", "2", "--resume", "latest", "--lock-text")
	must(t, args...)
	for key, more := range map[string][]string{
		"--lock-text-unlocked-layers":     {"--lock-text-unlocked-layers", "1"},
		"--lock-image":                    {"--lock-image"},
		"--lock-text":                     {"--lock-text=false"},
		"model_cfg.vision_cfg.image_size": {"--force-image-size", "64"},
		"model_cfg.vision_cfg.width":      {"--set", "model_cfg.vision_cfg.width=64"},
	} {
		if r := clipgo(t, append(args, more...)...); r.code != exitUsage || !strings.Contains(r.err, key+": this run began with") {
			t.Errorf("%v: exit %d, %s", more, r.code, r.err)
		}
	}
	must(t, append(args, "--force-patch-dropout", "0.5")...)
}

// TestTheLockComesBeforeTheData would fail with the data's error if the data were opened first.
func TestTheLockComesBeforeTheData(t *testing.T) {
	model, out := tiny(t), filepath.Join(t.TempDir(), "run")
	args := tinyRun(model, out, "--train-data", filepath.Join(t.TempDir(), "nothing"))
	if r := clipgo(t, args...); r.code != exitUsage || paths.Exists(out) {
		t.Fatalf("no data: exit %d, run left behind: %v\n%s", r.code, paths.Exists(out), r.err)
	}
	if err := os.MkdirAll(out, 0o755); err != nil {
		t.Fatal(err)
	}
	lock, err := durable.Acquire(filepath.Join(out, lockFile))
	if err != nil {
		t.Fatal(err)
	}
	if r := clipgo(t, args...); r.code != exitInUse {
		t.Errorf("exit %d, want 75: %s", r.code, r.err)
	}
	if err := lock.Release(); err != nil {
		t.Fatal(err)
	}
}

func TestMistakesOfASettingNameTheFlag(t *testing.T) {
	model := tiny(t)
	for want, more := range map[string][]string{
		`--set: unknown key "lrr"; did you mean "optim.lr"?`:                       {"--set", "lrr=1"},
		`--set: unknown key "optim.lrr"; did you mean "optim.lr"?`:                 {"--set", "optim.lrr=1"},
		`--set: optim.lr = fast: want a number`:                                    {"--set", "optim.lr=fast"},
		`--aug-cfg: unknown key "aug_cfg.scal"; did you mean "aug_cfg.scale"?`:     {"--aug-cfg", "scal=1"},
		"schedule.steps: the schedule is as long as the run; set steps":            {"--set", "schedule.steps=7"},
		"--resume: there is no checkpoint nope; latest is":                         {"--resume", "nope"},
		"is a run, not a checkpoint; continue with --resume latest --out " + model: {"--resume", filepath.Dir(model)},
	} {
		if strings.Contains(want, "is a run") { // a run as the user might give it
			if err := os.MkdirAll(filepath.Join(filepath.Dir(model), pretrained.CheckpointsDir), 0o755); err != nil {
				t.Fatal(err)
			}
			want = strings.Replace(want, model, filepath.Dir(model), 1)
		}
		out := filepath.Join(t.TempDir(), "run")
		if r := clipgo(t, tinyRun(model, out, more...)...); r.code != exitUsage || !strings.Contains(r.err, want) || paths.Exists(out) {
			t.Errorf("%v: exit %d, %swant %s", more, r.code, r.err, want)
		}
	}
	if r := clipgo(t, "train", "--resume", "latest", "--out", "nowhere"); r.code != exitUsage ||
		!strings.Contains(r.err, "nowhere contains no run to resume") {
		t.Errorf("exit %d: %s", r.code, r.err)
	}
}

func TestOtherValidationDataIsTold(t *testing.T) {
	model, out := tiny(t), filepath.Join(t.TempDir(), "run")
	must(t, tinyRun(model, out, "--stop-after", "2")...)
	const word = "the validation data has changed"
	if r := must(t, "train", "--resume", "latest", "--out", out, "--stop-after", "2"); strings.Contains(r.err, word) {
		t.Errorf("it is the same:\n%s", r.err)
	}
	r := must(t, "train", "--resume", "latest", "--out", out, "--stop-after", "2", "--val-data", "builtin:shapes?split=val&n=41")
	if !strings.Contains(r.err, word) {
		t.Errorf("want a warning in\n%s", r.err)
	}
}

// TestTheLastSkipsAreInTheCheckpoint spoils each picture in turn: one of them is the last of the epoch, alone in the last
// step. Whichever it is, another takes its place and the run has the steps that were planned.
func TestTheLastSkipsAreInTheCheckpoint(t *testing.T) {
	model, dir := tiny(t), pairs(t, 9)
	for i := range 9 {
		path := filepath.Join(dir, strings.Replace("p00N.png", "N", string(rune('0'+i)), 1))
		good := read(t, path)
		write(t, path, "this is a text")
		out := filepath.Join(t.TempDir(), "run")
		must(t, "train", "--train-data", dir, "--model", model, "--out", out, "--batch-size", "8", "--epochs", "1", "--max-skip", "0.5",
			"--precision", "fp32", "--save-frequency", "1")
		write(t, path, string(good))
		state, err := training.ReadState(newest(t, out))
		if err != nil {
			t.Fatal(err)
		}
		if state.Step != 2 || state.Skipped != 1 || state.Replaced != 1 || state.Samples != 9 || state.Position != 9 {
			t.Errorf("picture %d spoilt: %+v", i, state.Progress)
		}
	}
}

func TestJSONLogsAreJSONThroughout(t *testing.T) {
	out := filepath.Join(t.TempDir(), "run")
	r := must(t, tinyRun(tiny(t), out, "--steps", "2", "--log-format", "json", "--ema-decay", "0.9")...)
	lines := 0
	for line := range strings.Lines(r.err) {
		lines++
		if !json.Valid([]byte(line)) {
			t.Errorf("not JSON: %s", line)
		}
	}
	if lines < 5 {
		t.Errorf("%d lines", lines)
	}
}

// Pairs without classes have no zero-shot accuracy: evaluations for it alone are left out, and only the last one is made.
func TestNothingIsEvaluatedForNoNumber(t *testing.T) {
	dir := t.TempDir()
	for name, c := range map[string]color.Color{"a.png": color.White, "b.png": color.Black} {
		picture(t, filepath.Join(dir, name), c)
	}
	pairs, out := write(t, filepath.Join(dir, "pairs.csv"), "filepath,title\na.png,white\nb.png,black\n"), filepath.Join(dir, "run")
	must(t, tinyRun(tiny(t), out, "--val-data", pairs, "--steps", "4", "--zeroshot-frequency", "1")...)
	if lines := string(read(t, out, evaluationsFile)); strings.Count(lines, "\n") != 1 || !strings.Contains(lines, `"step":4,`) {
		t.Errorf("evaluations: %s", lines)
	}
}
