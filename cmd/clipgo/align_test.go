package main

import (
	"encoding/json"
	"fmt"
	"math"
	"path/filepath"
	"strings"
	"testing"

	"clipgo/internal/paths"
	"clipgo/internal/safetensors"
	"clipgo/pretrained"
)

// alignRun is the command line of a short tuning; more comes behind it.
func alignRun(model, out string, more ...string) []string {
	return append([]string{"align", "preference", "--train-data", "builtin:shapes-preferences?n=400",
		"--val-data", "builtin:shapes-preferences?split=val&n=60", "--model", model, "--out", out, "--batch-size", "16", "--steps", "40",
		"--lr", "0.002", "--precision", "fp32", "--val-frequency", "0"}, more...)
}

type alignResult struct {
	Agreement       float64
	AgreementBefore float64 `json:"agreement_before"`
	Step, Skipped   int
	Pairs, Ties     int
	Margin          float64
}

// TestATunedModelTakesTheJudgesSide begins with a model that was never trained.
func TestATunedModelTakesTheJudgesSide(t *testing.T) {
	model := tiny(t)
	for _, more := range [][]string{{}, {"--reward-head"}} {
		out := filepath.Join(t.TempDir(), "run")
		r := decodeJSON[alignResult](t, must(t, append(alignRun(model, out, more...), "--json")...))
		if r.AgreementBefore < 0.2 || r.AgreementBefore > 0.8 || r.Agreement < 0.95 || r.Pairs != 60 || r.Step != 40 {
			t.Errorf("%v: %+v", more, r)
		}
		if page := string(read(t, out, reportFile)); !strings.Contains(page, "Agreement with judges") ||
			!strings.Contains(page, "judged as they are") || strings.Contains(page, "Contrastive loss") {
			t.Errorf("%v: the report doesn't show the agreement, or a contrastive loss", more)
		}
		if head := paths.Exists(filepath.Join(newest(t, out), headsFile)); head != (len(more) > 0) {
			t.Errorf("%v: %s is there: %v", more, headsFile, head)
		}
		again := decodeJSON[alignResult](t, must(t, "eval", "agreement", "--model", out, "builtin:shapes-preferences?split=val&n=60",
			"--precision", "fp32", "--json"))
		if again.Agreement != r.Agreement || again.Margin != r.Margin {
			t.Errorf("%v: eval agreement says %+v, the run %+v", more, again, r)
		}
		must(t, "eval", "retrieval", "--model", out, "builtin:shapes?split=val&n=8") // a model as any other
	}
}

func TestAResumedTuningContinuesExactly(t *testing.T) {
	model := tiny(t)
	start := filepath.Join(t.TempDir(), "start")
	must(t, tinyRun(model, start, "--steps", "2")...)
	whole, parts := filepath.Join(t.TempDir(), "whole"), filepath.Join(t.TempDir(), "parts")
	more := []string{"--reward-head", "--keep-near", "0.25", "--l2-sp", "5", "--steps", "12"}
	must(t, alignRun(start, whole, more...)...)
	must(t, alignRun(start, parts, append(more, "--stop-after", "5")...)...)
	must(t, "align", "preference", "--resume", "latest", "--out", parts)
	sameRun(t, parts, whole)
	if a, b := read(t, newest(t, parts), headsFile), read(t, newest(t, whole), headsFile); string(a) != string(b) {
		t.Error("the heads differ")
	}
	for name, want := range map[string]string{"reward_head": "--reward-head=false", "keep_near": "--keep-near=0.5"} {
		if r := clipgo(t, "align", "preference", "--resume", "latest", "--out", parts, want); r.code != exitUsage ||
			!strings.Contains(r.err, name+": this run began with") {
			t.Errorf("%s: exit %d, %s", want, r.code, r.err)
		}
	}
}

// TestKeepNearMixesTheStartIn computes the mixture from the weights that were trained and those at the start.
func TestKeepNearMixesTheStartIn(t *testing.T) {
	start, out := filepath.Join(t.TempDir(), "start"), filepath.Join(t.TempDir(), "run")
	must(t, tinyRun(tiny(t), start, "--steps", "2")...)
	must(t, alignRun(start, out, "--keep-near", "0.3", "--steps", "5")...)
	before, trained, mixed := weightsOf(t, newest(t, start), pretrained.WeightsFile), weightsOf(t, newest(t, out), rawFile),
		weightsOf(t, newest(t, out), pretrained.WeightsFile)
	if len(trained) != len(mixed) || len(before) != len(mixed) {
		t.Fatalf("%d, %d and %d values", len(before), len(trained), len(mixed))
	}
	moved := 0.0
	for name, values := range mixed {
		for i, got := range values {
			a, b := float64(before[name][i]), float64(trained[name][i])
			moved = max(moved, math.Abs(a-b))
			if want := 0.3*a + 0.7*b; math.Abs(float64(got)-want) > 1e-6*max(1, math.Abs(want)) {
				t.Fatalf("%s[%d]: %v, want %v", name, i, got, want)
			}
		}
	}
	if moved < 1e-3 {
		t.Errorf("nothing moved by more than %g: the test shows nothing", moved)
	}
}

func weightsOf(t *testing.T, parts ...string) map[string][]float32 {
	t.Helper()
	f, err := safetensors.Open(filepath.Join(parts...))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	out := map[string][]float32{}
	for _, name := range f.Names() {
		tensor, _ := f.Tensor(name)
		for i := 0; i < len(tensor.Data); i += 4 {
			bits := uint32(tensor.Data[i]) | uint32(tensor.Data[i+1])<<8 | uint32(tensor.Data[i+2])<<16 | uint32(tensor.Data[i+3])<<24
			out[name] = append(out[name], math.Float32frombits(bits))
		}
	}
	return out
}

// judgedFolder is a folder of n pictures with a table of judgements of them; row makes a line of it.
func judgedFolder(t *testing.T, n int, row func(i int) map[string]any) string {
	t.Helper()
	dir := pairs(t, n)
	var lines strings.Builder
	for i := range n {
		line, err := json.Marshal(row(i))
		if err != nil {
			t.Fatal(err)
		}
		lines.Write(append(line, '\n'))
	}
	return write(t, filepath.Join(dir, "judged.jsonl"), lines.String())
}

func TestRowsThatCannotBeUsedAreCountedAndTheOthersTrain(t *testing.T) {
	model, out := tiny(t), filepath.Join(t.TempDir(), "run")
	table := judgedFolder(t, 20, func(i int) map[string]any {
		row := map[string]any{"prompt": fmt.Sprintf("number %d", i), "image_path": []string{fmt.Sprintf("p%03d.png", i),
			fmt.Sprintf("p%03d.png", (i+1)%20)}, "human_preference": []int{1, 0}}
		switch i {
		case 3:
			row["image_path"], row["human_preference"] = []string{"p003.png"}, []int{1}
		case 5:
			row["image_path"] = []string{"p005.png", "p005.png"}
		case 7:
			row["image_path"] = []string{"p007.png", "gone.png"}
		case 9:
			row["human_preference"] = []float64{0.5, 0.5}
		}
		return row
	})
	args := []string{"align", "preference", "--model", model, "--train-data", table, "--out", out, "--batch-size", "4", "--steps", "5",
		"--precision", "fp32", "--max-skip", "0.2", "--json"}
	r := must(t, args...)
	got := decodeJSON[alignResult](t, r)
	if got.Skipped != 3 || got.Pairs != 17 || got.Ties != 1 {
		t.Errorf("%+v", got)
	}
	if !strings.Contains(r.err, "read preferences, two pictures each, from columns prompt, image_path, human_preference") {
		t.Errorf("the columns are not said:\n%s", r.err)
	}
	reasons := ""
	for _, s := range skipped(t, out) {
		reasons += s.Reason + "\n"
	}
	for _, want := range []string{"no partner", "equal items", "the second picture: "} {
		if strings.Count(reasons, want) != 1 {
			t.Errorf("%q is not reported exactly once:\n%s", want, reasons)
		}
	}
	if r := clipgo(t, append(args[:len(args)-3], "--max-skip", "0.1", "--out", out+"2")...); r.code != exitData ||
		!strings.Contains(r.err, "can't be used") {
		t.Errorf("more than --max-skip: exit %d, %s", r.code, r.err)
	}
}

// TestATuningOfAnotherSizeKeepsItsStart resumes with --l2-sp, which needs the start at the run's own size.
func TestATuningOfAnotherSizeKeepsItsStart(t *testing.T) {
	start := filepath.Join(t.TempDir(), "start")
	must(t, tinyRun(tiny(t), start, "--steps", "2")...)
	whole, parts := filepath.Join(t.TempDir(), "whole"), filepath.Join(t.TempDir(), "parts")
	more := []string{"--set", "model_cfg.vision_cfg.image_size=48", "--l2-sp", "5", "--steps", "4"}
	must(t, alignRun(start, whole, more...)...)
	must(t, alignRun(start, parts, append(more, "--stop-after", "2")...)...)
	must(t, "align", "preference", "--resume", "latest", "--out", parts)
	sameRun(t, parts, whole)
	if r := clipgo(t, alignRun(start, whole+"2", "--set", "ema_decay=0.9")...); r.code != exitUsage ||
		!strings.Contains(r.err, "ema_decay: not available in align") {
		t.Errorf("exit %d, %s", r.code, r.err)
	}
}

func TestNothingToLearnIsSaid(t *testing.T) {
	model := tiny(t)
	long := strings.Repeat("word ", 30) // beyond the context of 16
	for want, row := range map[string]func(i int) map[string]any{
		"nothing to learn: all of its 8 pairs are ties": func(i int) map[string]any {
			return map[string]any{"image": "p000.png", "caption_0": "x", "caption_1": "y", "label_0": 0.5, "label_1": 0.5}
		},
		"nothing to learn: the reward is the same on both sides of each of 8 pairs": func(i int) map[string]any {
			return map[string]any{"image": "p000.png", "better_caption": long + "x", "worse_caption": long + "y"}
		},
	} {
		out := filepath.Join(t.TempDir(), "run")
		r := clipgo(t, "align", "preference", "--model", model, "--train-data", judgedFolder(t, 8, row), "--out", out, "--batch-size",
			"4", "--steps", "3")
		if r.code != exitData || !strings.Contains(r.err, want) || paths.Exists(out) {
			t.Errorf("exit %d, want %q, and nothing left behind, in\n%s", r.code, want, r.err)
		}
	}
}
