package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"clipgo/internal/golden"
)

// A training with evaluations of its own keeps its best checkpoint, which other commands open by the run's name.
func TestATrainingKeepsItsBestCheckpoint(t *testing.T) {
	out := filepath.Join(t.TempDir(), "run")
	data := "builtin:shapes?split=val&n=40"
	args := tinyRun(tiny(t), out, "--eval", "zeroshot@2=s="+data, "--eval", "retrieval=s="+data,
		"--keep-best", "s/acc5", "--patience", "3", "--steps", "9", "--keep", "1", "--lr", "0.01")
	r := must(t, append(args, "--json")...)
	got := decodeJSON[struct {
		Best struct {
			Name, Path string
			Step       int
			Value      float64
		}
		Recall  float64 `json:"s/text_retrieval_recall@10"`
		Stopped string
	}](t, r)
	if got.Best.Name != "s/acc5" || got.Best.Step == 0 || got.Best.Path != filepath.Join(out, "best") || got.Recall == 0 {
		t.Fatalf("%+v\n%s", got, r.out)
	}
	best := decodeJSON[struct {
		State struct{ Step int }
		Best  struct{ Step int }
	}](t, must(t, "info", out+"@best", "--json"))
	if best.State.Step != got.Best.Step || best.Best.Step != got.Best.Step {
		t.Errorf("info says %+v, the run %+v", best, got.Best)
	}
	if text := must(t, "info", out).out; !strings.Contains(text, "best         s/acc5") {
		t.Error(text)
	}
	measured := decodeJSON[struct{ Top5 float64 }](t, must(t, "zeroshot", "--model", filepath.Join(out, "best"), data,
		"--json", "--precision", "fp32"))
	if measured.Top5 != got.Best.Value {
		t.Errorf("the best checkpoint has %v, its value was %v", measured.Top5, got.Best.Value)
	}
	if report := string(read(t, out, "report.html")); !strings.Contains(report, "s, zeroshot_classification") ||
		!strings.Contains(report, "best checkpoint") {
		t.Error("the report lacks the evaluations")
	}
}

// Evaluations and goals that can't be meant are refused in a line, before anything is written.
func TestWrongEvaluationsAreRefused(t *testing.T) {
	model, dir := tiny(t), t.TempDir()
	out := filepath.Join(dir, "run")
	data := filepath.Join(golden.Dir(t, "benchmark"), "data")
	if err := os.MkdirAll(filepath.Join(dir, "a", "set"), 0o755); err != nil {
		t.Fatal(err)
	}
	shapes := "zeroshot=s=builtin:shapes?n=10"
	for _, c := range []struct {
		name string
		code int
		says string
		args []string
	}{
		{"no task", 2, "--eval: \"photos\" is not TASK=SRC", []string{"--eval", "photos"}},
		{"unknown task", 2, "there is no task \"zeroshoot\"; tasks are", []string{"--eval", "zeroshoot=builtin:shapes"}},
		{"wrong frequency", 2, "zeroshot@soon", []string{"--eval", "zeroshot@soon=builtin:shapes"}},
		{"no such data", 2, "no such file", []string{"--eval", "zeroshot=" + filepath.Join(dir, "nowhere")}},
		{"unknown built-in", 2, "shapez", []string{"--eval", "zeroshot=builtin:shapez"}},
		{"no split", 3, "no split train", []string{"--eval", "knn=" + filepath.Join(data, "wds_textile")}},
		{"no classes", 3, "wds_scenes_captions", []string{"--eval", "zeroshot=" + filepath.Join(data, "wds_scenes_captions")}},
		{"empty folder", 3, "a/set", []string{"--eval", "zeroshot=" + filepath.Join(dir, "a", "set")}},
		{"twice", 2, "given twice", []string{"--eval", shapes, "--eval", shapes}},
		{"the same name", 2, "two data sets have the name s", []string{"--eval", shapes, "--eval",
			"knn=s=" + filepath.Join(data, "wds_digits")}},
		{"no decoder", 2, "objective coca", []string{"--eval", "perplexity=builtin:shapes"}},
		{"no head", 2, "mlm_weight", []string{"--eval", "masked-words=builtin:shapes"}},
		{"unknown value", 2, "--keep-best: no evaluation of this run gives \"acc1\"; values are", []string{"--eval", shapes,
			"--keep-best", "acc1"}},
		{"patience of what", 2, "--patience: of which value?", []string{"--patience", "3"}},
		{"patience of nothing", 2, "--patience: no evaluation of this run gives \"x\"", []string{"--patience", "3:x"}},
		{"patience of days", 2, "3:val/acc1", []string{"--patience", "days"}},
		{"difference alone", 2, "--min-delta: has an effect only with patience", []string{"--min-delta", "0.1"}},
		{"negative difference", 2, "--min-delta", []string{"--min-delta", "-1", "--keep-best", "s/acc1", "--patience", "2"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := clipgo(t, tinyRun(model, out, c.args...)...)
			last := r.err[strings.LastIndex(r.err, "clipgo:"):]
			if r.code != c.code || !strings.Contains(last, c.says) || strings.Count(last, "\n") != 1 {
				t.Errorf("exit %d, want %d and %q:\n%s", r.code, c.code, c.says, r.err)
			}
			if _, err := os.Stat(out); err == nil {
				t.Error("the directory is there")
				_ = os.RemoveAll(out)
			}
		})
	}
}

// What a tuning measures at its end is of the model that it leaves: here the mixture with the start.
func TestATuningIsEvaluated(t *testing.T) {
	start, out := filepath.Join(t.TempDir(), "start"), filepath.Join(t.TempDir(), "run")
	must(t, tinyRun(tiny(t), start, "--steps", "2")...)
	data := "builtin:shapes?split=val&n=60"
	r := decodeJSON[map[string]any](t, must(t, alignRun(start, out, "--keep-near", "0.6", "--steps", "6", "--lr", "0.02",
		"--eval", "retrieval@3=s="+data, "--keep-best", "agreement", "--json")...))
	for suffix, model := range map[string]string{"": out, "_before": start} {
		measured := decodeJSON[map[string]any](t, must(t, "eval", "retrieval", "--model", model, data, "--json", "--precision", "fp32"))
		for _, key := range []string{"image_retrieval_recall@10", "text_retrieval_recall@10", "text_retrieval_recall@5"} {
			if got := r["s/"+key+suffix]; got == nil || got != measured[key] {
				t.Errorf("the run says %s%s is %v, its model has %v", key, suffix, got, measured[key])
			}
		}
	}
	if r["best"] == nil {
		t.Error("no checkpoint is the best")
	}
	if r := clipgo(t, alignRun(start, out+"x", "--keep-near", "0.4", "--patience", "2:agreement")...); r.code != exitUsage {
		t.Errorf("exit %d: %s", r.code, r.err)
	}
}

// Perplexity and masked words are measured on any data, while a captioner is trained and while it is tuned.
func TestCaptionersAndMaskedWordsAreEvaluated(t *testing.T) {
	data, dir := "builtin:shapes?split=val&n=8", t.TempDir()
	captioner := filepath.Join(dir, "captioner")
	r := decodeJSON[map[string]any](t, must(t, captionRun(tinyCaptioner(t), captioner, "--steps", "4", "--val-data", data,
		"--eval", "perplexity@2=s="+data, "--eval", "retrieval=s="+data, "--keep-best", "s/perplexity", "--json")...))
	best, _ := r["best"].(map[string]any)
	if value, ok := r["s/perplexity"].(float64); !ok || value < 1 || best["goal"] != "min" || best["value"].(float64) > value {
		t.Errorf("%v", r)
	}
	r = decodeJSON[map[string]any](t, must(t, ppoRun(captioner, filepath.Join(dir, "ppo"), "--steps", "2", "--val-data", data,
		"--batch-size", "8", "--eval", "perplexity=s="+data, "--json")...))
	if r["s/perplexity"] == nil || r["s/perplexity_before"] == nil || r["s/perplexity"] == r["s/perplexity_before"] {
		t.Errorf("%v", r)
	}
	r = decodeJSON[map[string]any](t, must(t, tinyRun(tiny(t), filepath.Join(dir, "words"), "--steps", "2", "--mlm-weight", "0.2",
		"--val-data", data, "--eval", "masked-words@2=s="+data, "--json")...))
	if r["s/masked_words_accuracy"] == nil {
		t.Errorf("%v", r)
	}
}
