package main

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"clipgo/internal/paths"
	"clipgo/internal/safetensors"
	"clipgo/pretrained"
	"clipgo/run"
)

// tensorsIn reads a weights file of a run's newest checkpoint, each tensor's bytes by name.
func tensorsIn(t *testing.T, run, name string) map[string]string {
	t.Helper()
	f, err := safetensors.Open(filepath.Join(newest(t, run), name))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	out := map[string]string{}
	for _, key := range f.Names() {
		tensor, _ := f.Tensor(key)
		out[key] = string(tensor.Data)
	}
	return out
}

// runSettings reads run.json.
func runSettings(t *testing.T, run string) (s run.Options) {
	t.Helper()
	if err := json.Unmarshal(read(t, run, pretrained.RunFile), &s); err != nil {
		t.Fatal(err)
	}
	return s
}

// trainedBase is a run whose weights others start from.
func trainedBase(t *testing.T) string {
	t.Helper()
	out := filepath.Join(t.TempDir(), "base")
	must(t, tinyRun(tiny(t), out, "--steps", "3")...)
	return out
}

func TestALockedRunResumesExactly(t *testing.T) {
	base := trainedBase(t)
	whole, parts := filepath.Join(t.TempDir(), "whole"), filepath.Join(t.TempDir(), "parts")
	locks := []string{"--lock-image", "--lock-image-unlocked-groups", "1", "--lock-text", "--lr", "1e-3"}
	must(t, tinyRun(base, whole, locks...)...)
	must(t, tinyRun(base, parts, append(locks, "--stop-after", "20")...)...)
	must(t, "train", "--resume", "latest", "--out", parts)
	sameRun(t, parts, whole)
	before, after := tensorsIn(t, base, pretrained.WeightsFile), tensorsIn(t, whole, pretrained.WeightsFile)
	for name := range before {
		trained := name == "visual.proj" || name == "logit_scale"
		if moved := before[name] != after[name]; moved != trained {
			t.Errorf("%s moved: %v", name, moved)
		}
	}
	if n := len(tensorsIn(t, whole, "optimizer.safetensors")); n != 4 {
		t.Errorf("the optimizer keeps %d tensors for two parameters", n)
	}
}

func TestAnAveragedRunResumesExactly(t *testing.T) {
	model := tiny(t)
	plain, whole, parts := filepath.Join(t.TempDir(), "plain"), filepath.Join(t.TempDir(), "whole"), filepath.Join(t.TempDir(), "parts")
	must(t, tinyRun(model, plain)...)
	type recall struct {
		R1 float64 `json:"image_retrieval_recall@1"`
		R5 float64 `json:"image_retrieval_recall@5"`
	}
	told := decodeJSON[recall](t, must(t, tinyRun(model, whole, "--ema-decay", "0.9", "--json")...))
	must(t, tinyRun(model, parts, "--ema-decay", "0.9", "--stop-after", "20", "--workers", "1")...)
	must(t, "train", "--resume", "latest", "--out", parts)
	sameRun(t, parts, whole)
	if !bytes.Equal(read(t, newest(t, parts), rawFile), read(t, newest(t, whole), rawFile)) {
		t.Error("the raw weights differ")
	}
	raw, trained := tensorsIn(t, whole, rawFile), tensorsIn(t, plain, pretrained.WeightsFile)
	for name, value := range trained {
		if raw[name] != value {
			t.Errorf("%s: the average changed what is trained", name)
		}
	}
	if tensorsIn(t, whole, pretrained.WeightsFile)["visual.proj"] == raw["visual.proj"] {
		t.Error("the checkpoint's model is not the average")
	}
	measured := decodeJSON[recall](t, must(t, "eval", "retrieval", "--model", whole, "builtin:shapes?split=val&n=40", "--precision",
		"fp32", "--json"))
	if measured != told {
		t.Errorf("training evaluated %+v, its checkpoint gives %+v", told, measured)
	}
}

func TestAnInterruptedAverageGoesOn(t *testing.T) {
	model := tiny(t)
	whole, stopped := filepath.Join(t.TempDir(), "whole"), filepath.Join(t.TempDir(), "stopped")
	settings := []string{"--steps", "400", "--ema-decay", "0.99", "--lock-text", "--lock-text-unlocked-layers", "2"}
	must(t, tinyRun(model, whole, settings...)...)
	c := process(t, tinyRun(model, stopped, settings...)...)
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	waitFor(t, func() bool {
		return paths.Exists(filepath.Join(stopped, metricsFile)) && len(untimed(t, stopped)) > 0
	})
	_ = c.Process.Signal(syscall.SIGINT)
	_ = c.Wait()
	if code := c.ProcessState.ExitCode(); code != 130 && code != 0 {
		t.Fatalf("exit %d, want 130", code)
	}
	must(t, "train", "--resume", "latest", "--out", stopped)
	sameRun(t, stopped, whole)
	if !bytes.Equal(read(t, newest(t, stopped), rawFile), read(t, newest(t, whole), rawFile)) {
		t.Error("the raw weights differ")
	}
}

// TestAnAverageMayBeginAndEndWithinARun turns it on and off between sittings.
func TestAnAverageMayBeginAndEndWithinARun(t *testing.T) {
	model := tiny(t)
	whole, run := filepath.Join(t.TempDir(), "whole"), filepath.Join(t.TempDir(), "run")
	must(t, tinyRun(model, whole)...)
	must(t, tinyRun(model, run, "--stop-after", "10")...)
	must(t, "train", "--resume", "latest", "--out", run, "--stop-after", "10", "--ema-decay", "0.9")
	if raw := tensorsIn(t, run, rawFile); raw["visual.proj"] == tensorsIn(t, run, pretrained.WeightsFile)["visual.proj"] {
		t.Error("no average was made")
	}
	must(t, "train", "--resume", "latest", "--out", run, "--ema-decay", "0")
	sameRun(t, run, whole)
}

func TestAForcedSizeIsTheCheckpoints(t *testing.T) {
	base := trainedBase(t)
	whole, parts := filepath.Join(t.TempDir(), "whole"), filepath.Join(t.TempDir(), "parts")
	sizes := []string{"--force-image-size", "64", "--force-context-length", "12", "--steps", "6"}
	must(t, tinyRun(base, whole, sizes...)...)
	must(t, tinyRun(base, parts, append(sizes, "--stop-after", "3")...)...)
	must(t, "train", "--resume", "latest", "--out", parts)
	sameRun(t, parts, whole)
	s := runSettings(t, whole)
	if s.ModelCfg.Vision.ImageSize != 64 || s.Preprocess.Size != 64 || s.ModelCfg.Text.ContextLength != 12 {
		t.Errorf("run.json says %+v, %+v", s.ModelCfg, s.Preprocess)
	}
	after := tensorsIn(t, whole, pretrained.WeightsFile)
	if got, want := len(after["visual.positional_embedding"]), (16+1)*32*4; got != want {
		t.Errorf("%d bytes of positions in pictures, want %d", got, want)
	}
	if got, want := len(after["positional_embedding"]), 12*32*4; got != want {
		t.Errorf("%d bytes of positions in captions, want %d", got, want)
	}
	must(t, "eval", "retrieval", "--model", whole, "builtin:shapes?split=val&n=20", "--json")
	// Without its checkpoints the run begins again, from the same weights at the same sizes.
	if err := os.RemoveAll(filepath.Join(parts, pretrained.CheckpointsDir)); err != nil {
		t.Fatal(err)
	}
	must(t, "train", "--resume", "latest", "--out", parts)
	sameRun(t, parts, whole)
}

func TestFreshWeightsTakeAForcedSizeAsWell(t *testing.T) {
	out := filepath.Join(t.TempDir(), "run")
	must(t, tinyRun(tiny(t), out, "--force-image-size", "48", "--steps", "1")...)
	if got, want := len(tensorsIn(t, out, pretrained.WeightsFile)["visual.positional_embedding"]), (9+1)*32*4; got != want {
		t.Errorf("%d bytes of positions, want %d", got, want)
	}
	r := clipgo(t, tinyRun(tiny(t), filepath.Join(t.TempDir(), "no"), "--force-image-size", "50", "--steps", "1")...)
	if r.code != exitUsage || !strings.Contains(r.err, "multiple of patch_size") {
		t.Errorf("50 pixels in patches of 16: exit %d, %s", r.code, r.err)
	}
}

func TestTrainedWeightsTakeSmallSteps(t *testing.T) {
	base := trainedBase(t)
	for name, c := range map[string]struct {
		model  string
		more   []string
		lr, wd float64
		warmup int
		told   bool
	}{
		"fresh":     {tiny(t), nil, 5e-4, 0.2, 1000, false},
		"trained":   {base, nil, 1e-5, 0.1, 500, true},
		"lr given":  {base, []string{"--lr", "3e-4"}, 3e-4, 0.1, 500, true},
		"all given": {base, []string{"--lr", "3e-4", "--wd", "0", "--warmup", "7"}, 3e-4, 0, 7, true},
	} {
		t.Run(name, func(t *testing.T) {
			out := filepath.Join(t.TempDir(), "run")
			// Not builtin:, which has a recipe of its own.
			args := []string{"train", "--train-data", pairs(t, 8), "--model", c.model, "--out", out, "--batch-size", "8", "--steps",
				"20000", "--stop-after", "1", "--precision", "fp32"}
			r := must(t, append(args, c.more...)...)
			s := runSettings(t, out)
			if s.Optim.LR != c.lr || s.Optim.WD != c.wd || s.Schedule.Warmup != c.warmup {
				t.Errorf("lr %g, wd %g, warm-up %d; want %g, %g, %d", s.Optim.LR, s.Optim.WD, s.Schedule.Warmup, c.lr, c.wd, c.warmup)
			}
			if told := strings.Contains(r.err, "fine-tuning recipe"); told != c.told {
				t.Errorf("reported: %v\n%s", told, r.err)
			}
		})
	}
}

func TestBadLocksAndAveragesAreUsageErrors(t *testing.T) {
	model := tiny(t)
	for want, more := range map[string][]string{
		"not locked":       {"--lock-image-unlocked-groups", "2"},
		"nothing to train": {"--lock-image", "--lock-text", "--lock-logit-scale"},
		"--ema-decay: 1":   {"--ema-decay", "1"},
	} {
		out := filepath.Join(t.TempDir(), "run")
		if r := clipgo(t, tinyRun(model, out, more...)...); r.code != exitUsage || !strings.Contains(r.err, want) || paths.Exists(out) {
			t.Errorf("%v: exit %d, %s", more, r.code, r.err)
		}
	}
}
