package run

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"clipgo/benchmark"
	"clipgo/datasets"
	"clipgo/eval/clipbenchmark"
	"clipgo/internal/golden"
	"clipgo/internal/torch/torchtest"
	"clipgo/pretrained"
	"clipgo/probe"
)

// trainTiny makes a sitting with a tiny model and further settings. A run that is there is resumed.
func trainTiny(t *testing.T, out string, settings ...string) *Result {
	t.Helper()
	torchtest.Need(t)
	model := filepath.Join(t.TempDir(), "tiny.json")
	if err := os.WriteFile(model, []byte(tinyModel), 0o600); err != nil {
		t.Fatal(err)
	}
	base := []string{"out=" + out}
	if _, err := os.Stat(filepath.Join(out, pretrained.RunFile)); err != nil {
		base = append(base, "train_data=builtin:shapes?n=64", "model="+model, "batch_size=8", "val_frequency=0", "zeroshot_frequency=0",
			"workers=1", "precision=fp32")
	} else {
		base = append(base, "resume=latest")
	}
	o, err := New(t.Context(), append(base, settings...)...)
	if err != nil {
		t.Fatal(err)
	}
	r, err := Train(t.Context(), o, Console{})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func content(t *testing.T, parts ...string) []byte {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(parts...))
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// What a training measures is what a suite measures on its checkpoint, to the bit, and the weights are those of a training without
// evaluations.
func TestEvaluationsAreThoseOfASuite(t *testing.T) {
	data := filepath.Join(golden.Dir(t, "benchmark"), "data")
	digits, scenes := filepath.Join(data, "wds_digits"), filepath.Join(data, "wds_scenes_captions")
	with, without := filepath.Join(t.TempDir(), "with"), filepath.Join(t.TempDir(), "without")
	evals, err := json.Marshal([]string{"zeroshot@2=numbers=" + digits, "knn=numbers=" + digits, "linear-probe=numbers=" + digits,
		"retrieval@0.5epochs=" + scenes})
	if err != nil {
		t.Fatal(err)
	}
	r := trainTiny(t, with, "steps=5", "eval="+string(evals))
	trainTiny(t, without, "steps=5")
	step := filepath.Join(pretrained.CheckpointsDir, "step-00000005", pretrained.WeightsFile)
	if !bytes.Equal(content(t, with, step), content(t, without, step)) {
		t.Error("evaluations change the weights")
	}
	s := &benchmark.Suite{Models: []string{with}, Out: filepath.Join(t.TempDir(), "results"), Settings: pretrained.DefaultSettings(),
		Recalls: recalls, Probe: probe.Protocol{AdamW: probe.CLIPBenchmark, Normalize: true}}
	s.Settings.Precision, s.Settings.Workers = "fp32", 1
	compared := 0
	for _, set := range []struct {
		place string
		tasks []string
	}{{"numbers=" + digits, []string{benchmark.ZeroShot, benchmark.Neighbours, benchmark.LinearProbe}},
		{scenes, []string{benchmark.Retrieval}}} {
		d, err := benchmark.Open(set.place, datasets.Options{})
		if err != nil {
			t.Fatal(err)
		}
		s.Data, s.Tasks = []*benchmark.Data{d}, set.tasks
		s.Report = func(e benchmark.Event) {
			if e.Err != nil {
				t.Fatal(e.Err)
			}
			compared += sameMetrics(t, r, d.Name, e.Result)
		}
		if err := s.Run(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if compared < 13 {
		t.Errorf("%d values are compared", compared)
	}
	lines := string(content(t, with, EvaluationsFile))
	if got := strings.Count(lines, `numbers/acc1"`); got != 3 { // steps 2, 4 and 5
		t.Errorf("%d zero-shot evaluations:\n%s", got, lines)
	}
	if got := strings.Count(lines, "text_retrieval_recall@1\":"); got != 3 { // steps 4 and 5, and val_data at the end
		t.Errorf("%d retrievals:\n%s", got, lines)
	}
}

// sameMetrics compares the measured values of a result, and returns how many there are.
func sameMetrics(t *testing.T, r *Result, data string, want *clipbenchmark.Result) (n int) {
	t.Helper()
	for _, m := range want.Metrics {
		value, ok := m.Value.(float64)
		got, has := r.Values[data+"/"+m.Key]
		if !ok || math.IsNaN(value) || !has {
			continue
		}
		if n++; got != value {
			t.Errorf("%s/%s is %v in the training and %v in the suite", data, m.Key, got, value)
		}
	}
	if n == 0 {
		t.Errorf("the training has nothing of %s on %s", want.Task, data)
	}
	return n
}

func TestAnEvaluationIsReadFromItsText(t *testing.T) {
	unset := frequency{steps: Unset}
	for text, want := range map[string]asked{
		"zeroshot=photos":                       {task: benchmark.ZeroShot, every: unset, data: "photos"},
		"zeroshot_classification@500=a@b=c":     {task: benchmark.ZeroShot, every: frequency{steps: 500}, data: "a@b=c"},
		"linear-probe@1epoch=n=x":               {task: benchmark.LinearProbe, every: frequency{epochs: 1}, data: "n=x"},
		"retrieval@0=hf-hub:datasets/o/r@rev/x": {task: benchmark.Retrieval, data: "hf-hub:datasets/o/r@rev/x"},
		"masked_words=x":                        {task: maskedWordsTask, every: unset, data: "x"},
	} {
		if got, err := parseEval(text); err != nil || got != want {
			t.Errorf("%s: %+v, %v; want %+v", text, got, err, want)
		}
	}
	for text, want := range map[string]string{
		"photos": "not TASK=SRC", "zeroshot=": "not TASK=SRC", "swim=photos": `no task "swim"`, "knn@=x": "1epoch", "knn@-1=x": "1epoch",
		"knn@often=x": "1epoch", "": "not TASK=SRC", "@5=x": `no task ""`,
	} {
		if got, err := parseEval(text); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %+v, %v; want an error with %q", text, got, err, want)
		}
	}
	secret := "zeroshot@5=n=https://user:word@host/a.tar"
	if got := publicEvals([]string{secret})[0]; strings.Contains(got, "word") || !strings.HasPrefix(got, "zeroshot@5=n=https://") {
		t.Errorf("written as %s", got)
	}
}

// A run of several sittings has the same evaluations, to the byte, and the same best checkpoint as one without a break.
func TestAResumedRunHasTheSameEvaluationsAndBest(t *testing.T) {
	whole, parts := filepath.Join(t.TempDir(), "whole"), filepath.Join(t.TempDir(), "parts")
	settings := []string{"steps=12", "save_frequency=5", "keep=1", `eval=["zeroshot@2=s=builtin:shapes?n=40&split=val"]`,
		"keep_best=s/acc5", "optim.lr=0.02", "ema_decay=0.5", "accum_freq=2"}
	one := trainTiny(t, whole, settings...)
	trainTiny(t, parts, append(settings, "stop_after=3")...)
	trainTiny(t, parts, "stop_after=4")
	two := trainTiny(t, parts)
	for _, name := range []string{EvaluationsFile, pretrained.BestFile, filepath.Join(pretrained.BestLink, pretrained.WeightsFile)} {
		if a, b := content(t, whole, name), content(t, parts, name); !bytes.Equal(a, b) {
			t.Errorf("%s differs", name)
		}
	}
	best, err := pretrained.ReadBest(whole)
	if err != nil || best == nil || one.Values["s/acc5"] != two.Values["s/acc5"] {
		t.Fatalf("%v, %v, %v and %v", best, err, one.Values, two.Values)
	}
	link, err := os.Readlink(filepath.Join(whole, pretrained.BestLink))
	if err != nil || !strings.HasPrefix(link, pretrained.CheckpointsDir) { // relative: the run may be moved
		t.Errorf("the link leads to %s, %v", link, err)
	}
	var written map[string]any
	err = json.Unmarshal(content(t, whole, ResultFile), &written)
	if err != nil || written["s/acc5"] == nil || written["s/acc5"] != one.Values["s/acc5"] {
		t.Errorf("%v, %v", written, err)
	}
}

// One evaluation that fails costs its own values. The next sitting makes it.
func TestAFailedEvaluationCostsItsOwnValues(t *testing.T) {
	s, said := opened(t.Context(), t, "val_frequency=0", "steps=4", `eval=["retrieval@4=s=builtin:shapes?n=10"]`)
	s.val.evaluators = append([]scheduled{{fake{func(context.Context) error { return errors.New("gone") }}, s.retrievalDue}},
		s.val.evaluators...)
	r, err := s.run(t.Context())
	if err != nil || r.Values["failed_evaluations"] != 1 || r.Values["s/text_retrieval_recall@1"] == nil || r.Values["fake"] == 1.0 {
		t.Fatalf("%v, %v\n%s", r, err, said)
	}
	before := string(content(t, s.Out, EvaluationsFile))
	if err := s.close(); err != nil {
		t.Fatal(err)
	}
	s.closers = nil
	r = trainTiny(t, s.Out, `eval=["retrieval@4=s=builtin:shapes?n=10","zeroshot=new=builtin:shapes?n=10"]`)
	after := string(content(t, s.Out, EvaluationsFile))
	if added, ok := strings.CutPrefix(after, before); !ok || strings.Count(added, "\n") != 1 || !strings.Contains(added, "new/acc1") ||
		strings.Contains(added, "retrieval") {
		t.Errorf("%s\nthen\n%s", before, after)
	}
	if r.Values["new/acc1"] == nil || r.Values["s/text_retrieval_recall@1"] == nil {
		t.Errorf("the result has only a part of the last step's values: %v", r.Values)
	}
}

// Data that vanishes costs the evaluations that need it, which is said once. Data that has changed is said when a run is resumed.
func TestDataThatVanishesOrChangesIsSaid(t *testing.T) {
	digits := filepath.Join(t.TempDir(), "digits")
	if err := os.CopyFS(digits, os.DirFS(filepath.Join(golden.Dir(t, "benchmark"), "data", "wds_digits"))); err != nil {
		t.Fatal(err)
	}
	evals := func(second string) string {
		data, _ := json.Marshal([]string{"zeroshot=d=" + digits, "knn=d=" + digits, "zeroshot=s=" + second}) // strings don't fail
		return "eval=" + string(data)
	}
	s, said := opened(t.Context(), t, "val_frequency=0", "steps=2", evals("builtin:shapes?n=10"))
	if err := os.RemoveAll(filepath.Join(digits, "test")); err != nil {
		t.Fatal(err)
	}
	r, err := s.run(t.Context())
	times := strings.Count(said.String(), "evaluation failed")
	if err != nil || r.Values["failed_evaluations"] != 1 || r.Values["s/acc1"] == nil || times != 1 {
		t.Fatalf("%v, %v\n%s", r, err, said)
	}
	if err := s.close(); err != nil {
		t.Fatal(err)
	}
	s.closers = nil
	o, err := New(t.Context(), "resume=latest", "out="+s.Out, `eval=["zeroshot=s=builtin:shapes?n=12"]`)
	if err != nil {
		t.Fatal(err)
	}
	var log bytes.Buffer
	if _, err := Train(t.Context(), o, Console{Log: slog.New(slog.NewTextHandler(&log, nil))}); err != nil ||
		!strings.Contains(log.String(), "the data of an evaluation has changed") {
		t.Errorf("%v\n%s", err, log.String())
	}
}

// Names that nothing gives are refused before the first step, with the names that there are.
func TestAValueThatNothingGivesIsRefused(t *testing.T) {
	torchtest.Need(t)
	out := filepath.Join(t.TempDir(), "run")
	for setting, want := range map[string]string{"keep_best=s/acc2": "keep_best", "patience=3:acc1": "patience"} {
		o, err := New(t.Context(), "train_data=builtin:shapes?n=64", "batch_size=64", "out="+out,
			`eval=["zeroshot=s=builtin:shapes?n=10"]`, setting)
		if err != nil {
			t.Fatal(err)
		}
		_, err = Train(t.Context(), o, Console{})
		if err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), "s/acc1, s/acc5") {
			t.Errorf("%s: %v", setting, err)
		}
		if _, err := os.Stat(out); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("%s is there: %v", out, err)
		}
	}
}
