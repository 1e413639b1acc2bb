package run

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"clipgo/eval"
	"clipgo/pretrained"
	"clipgo/training"
	"clipgo/training/dist"
)

// script is an evaluator whose value at each step is given; it is due where there is one.
type script struct {
	s      *session
	values map[int]float64
}

func (e script) Name() string { return "script" }
func (e script) Describe() eval.Description {
	return eval.Description{Values: []eval.Value{{Name: "script"}}}
}
func (e script) Evaluate(context.Context) ([]eval.Value, error) {
	v, ok := e.values[e.s.trainer.Progress.Step]
	if !ok {
		return nil, nil
	}
	return []eval.Value{{Name: "script", Value: v}}, nil
}

// scripted is an open session whose values at its steps are given.
func scripted(t *testing.T, values map[int]float64, settings ...string) *session {
	t.Helper()
	s, _ := opened(t.Context(), t, append([]string{"save_frequency=100", "keep=1", "val_frequency=1", "log_frequency=100"}, settings...)...)
	s.val.evaluators = []scheduled{{script{s, values}, s.retrievalDue}}
	s.goals.best = &goal{name: "script"}
	return s
}

// The checkpoint with the best value is kept: of equal ones the earlier, and never one whose value isn't finite.
func TestTheBestCheckpointIsKept(t *testing.T) {
	nan := math.NaN()
	for name, c := range map[string]struct {
		values map[int]float64
		min    bool
		want   []string
		best   float64
	}{
		"highest":        {map[int]float64{1: 0.1, 2: 0.5, 3: 0.2}, false, []string{"2", "6"}, 0.5},
		"lowest":         {map[int]float64{1: 3, 2: 1, 3: 2}, true, []string{"2", "6"}, 1},
		"the earlier":    {map[int]float64{1: 0.5, 2: 0.5, 6: 0.5}, false, []string{"1", "6"}, 0.5},
		"the last":       {map[int]float64{1: 0.5, 6: 0.7}, false, []string{"6"}, 0.7},
		"never infinite": {map[int]float64{1: nan, 3: 0.2, 4: nan, 5: math.Inf(1)}, false, []string{"3", "6"}, 0.2},
		"never -inf":     {map[int]float64{1: math.Inf(-1), 3: 5, 4: nan}, true, []string{"3", "6"}, 5},
	} {
		t.Run(name, func(t *testing.T) {
			s := scripted(t, c.values)
			s.goals.best.min = c.min
			r, err := s.run(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			if got := saved(t, s); !slices.Equal(got, c.want) {
				t.Errorf("saved %v, want %v", got, c.want)
			}
			best, err := pretrained.ReadBest(s.Out)
			if err != nil || best == nil || best.Value != c.best || r.Values["best"] == nil {
				t.Fatalf("%v, %v, %v", best, err, r.Values)
			}
			if src, err := pretrained.Find(s.Out+"@best", ""); err != nil || filepath.Base(src.Checkpoint) != stepName(best.Step) {
				t.Errorf("%s, %v; want step %d", src.Checkpoint, err, best.Step)
			}
			if _, err := json.Marshal(r.Values); err != nil {
				t.Error(err)
			}
		})
	}
}

func stepName(step int) string { return "step-0000000" + string(rune('0'+step)) }

// A run that was killed between the steps of keeping a checkpoint finds it again; one whose best checkpoint is gone keeps the best that is
// there.
func TestTheBestCheckpointIsFoundAgain(t *testing.T) {
	for name, damage := range map[string]func(t *testing.T, out string){
		"nothing": func(*testing.T, string) {},
		"no link": func(t *testing.T, out string) { remove(t, filepath.Join(out, pretrained.BestLink)) },
		"no file": func(t *testing.T, out string) { remove(t, filepath.Join(out, pretrained.BestFile)) },
		"link to another": func(t *testing.T, out string) {
			remove(t, filepath.Join(out, pretrained.BestLink))
			err := os.Symlink(filepath.Join(pretrained.CheckpointsDir, stepName(4)), filepath.Join(out, pretrained.BestLink))
			if err != nil {
				t.Fatal(err)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			values := map[int]float64{1: 0.1, 2: 0.5, 3: 0.2, 4: 0.3, 5: 0.4, 6: 0.45}
			s := scripted(t, values, "stop_after=4")
			if _, err := s.run(t.Context()); err != nil {
				t.Fatal(err)
			}
			before := content(t, s.Out, pretrained.BestFile)
			damage(t, s.Out)
			s = resumedScript(t, s, values)
			if _, err := s.run(t.Context()); err != nil {
				t.Fatal(err)
			}
			after := content(t, s.Out, pretrained.BestFile)
			if got := saved(t, s); !slices.Equal(got, []string{"2", "6"}) || !bytes.Equal(after, before) {
				t.Errorf("saved %v, %s", got, after)
			}
			if link, err := os.Readlink(filepath.Join(s.Out, pretrained.BestLink)); err != nil || filepath.Base(link) != stepName(2) {
				t.Errorf("linked to %s, %v", link, err)
			}
		})
	}
	values := map[int]float64{1: 0.1, 2: 0.5, 4: 0.3, 5: 0.2, 6: 0.1}
	s := scripted(t, values, "stop_after=4")
	if _, err := s.run(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := os.RemoveAll(filepath.Join(s.Out, pretrained.CheckpointsDir, stepName(2))); err != nil {
		t.Fatal(err)
	}
	s = resumedScript(t, s, values)
	if s.best == nil || s.best.Step != 4 || s.best.Value != 0.3 {
		t.Errorf("%+v", s.best)
	}
}

func remove(t *testing.T, path string) {
	t.Helper()
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
}

// What can't be kept is a warning: the checkpoint that was kept before stays, and so does what isn't clipgo's.
func TestABestCheckpointThatCantBeKeptLeavesTheOneBefore(t *testing.T) {
	s := scripted(t, map[int]float64{1: 0.1, 2: 0.2, 4: 0.3})
	link := filepath.Join(s.Out, pretrained.BestLink)
	s.addFake(func(context.Context) error {
		if s.trainer.Progress.Step != 4 {
			return nil
		}
		return errors.Join(os.Remove(link), os.MkdirAll(filepath.Join(link, "mine"), 0o700))
	})
	r, err := s.run(t.Context())
	best, _ := r.Values["best"].(map[string]any)
	if err != nil || r.Values["best_error"] == nil || best["step"] != 2 {
		t.Fatalf("%v, %v", r.Values, err)
	}
	if got := saved(t, s); !slices.Equal(got, []string{"2", "6"}) {
		t.Errorf("saved %v", got)
	}
	if written, err := pretrained.ReadBest(s.Out); err != nil || written.Step != 2 {
		t.Errorf("%s says %v, %v", pretrained.BestFile, written, err)
	}
	if _, err := os.Stat(filepath.Join(link, "mine")); err != nil {
		t.Error(err)
	}
}

// resumedScript is the next sitting of a scripted session.
func resumedScript(t *testing.T, s *session, values map[int]float64) *session {
	t.Helper()
	if err := s.close(); err != nil {
		t.Fatal(err)
	}
	s.closers = nil
	o, err := New(t.Context(), "resume=latest", "out="+s.Out)
	if err != nil {
		t.Fatal(err)
	}
	next := &session{Options: o, console: Console{}.filled(), voices: newVoices(t.Context(), dist.Alone, 0)}
	t.Cleanup(func() { _ = next.close() })
	for _, open := range []func(context.Context) error{func(context.Context) error { return next.openDir() }, next.openTrain, next.openData,
		next.findCheckpoint, next.openModel} {
		if err := open(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	next.val.evaluators = []scheduled{{script{next, values}, next.retrievalDue}}
	next.goals = s.goals
	if err := next.record(); err != nil {
		t.Fatal(err)
	}
	next.Patience = s.Patience
	return next
}

// Patience ends a run as complete: it is saved and says why, and another sitting makes no step unless the patience is larger.
func TestPatienceEndsARun(t *testing.T) {
	values := map[int]float64{1: 0.1, 2: 0.5, 3: 0.5, 4: math.NaN(), 5: 0.9, 6: 0.4}
	s := scripted(t, values)
	s.goals.stops, s.Patience.n = s.goals.best, 2
	atEnd := scheduled{fake{func(context.Context) error { return nil }}, func(e training.Event) bool { return e.Done }}
	s.val.evaluators = append(s.val.evaluators, atEnd)
	r, err := s.run(t.Context())
	if err != nil || r.Values["step"] != 4 || r.Values["stopped"] != "patience" || r.Values["fake"] != 1.0 {
		t.Fatalf("%+v, %v", r, err)
	}
	text := strings.Join(r.Text, "\n")
	if !strings.Contains(text, "4 steps of 6") || !strings.Contains(text, "no better value than 0.5 at step 2 in 2 evaluations") {
		t.Error(text)
	}
	if got := saved(t, s); !slices.Equal(got, []string{"2", "4"}) {
		t.Errorf("saved %v", got)
	}
	lines := string(content(t, s.Out, EvaluationsFile))
	if strings.Count(lines, "\n") != 4 || !strings.Contains(lines, `{"fake":1,"script":null,"step":4}`) {
		t.Error(lines)
	}
	if rows := string(content(t, s.Out, MetricsFile)); !strings.Contains(rows, `"step":4`) {
		t.Errorf("the last step has no line:\n%s", rows)
	}
	s = resumedScript(t, s, values)
	if r, err = s.run(t.Context()); err != nil || r.Values["step"] != 4 || r.Values["stopped"] != "patience" {
		t.Errorf("resumed: %+v, %v", r, err)
	}
	s = resumedScript(t, s, values)
	s.Patience.n = 3
	if r, err = s.run(t.Context()); err != nil || r.Values["step"] != 6 || r.Values["stopped"] != nil {
		t.Errorf("with more patience: %+v, %v", r, err)
	}
}

// A run that is killed before the evaluation that ends it makes that evaluation when it is resumed, and ends.
func TestPatienceEndsAResumedRun(t *testing.T) {
	values := map[int]float64{1: 0.5, 2: 0.4, 3: 0.3, 4: 0.2}
	s := scripted(t, values, "stop_after=3")
	s.goals.stops, s.Patience.n = s.goals.best, 2
	if _, err := s.run(t.Context()); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(s.Out, EvaluationsFile)
	lines := strings.SplitAfter(string(content(t, path)), "\n")
	if err := os.WriteFile(path, []byte(lines[0]+lines[1]), 0o600); err != nil {
		t.Fatal(err)
	}
	s = resumedScript(t, s, values)
	r, err := s.run(t.Context())
	if err != nil || r.Values["step"] != 3 || r.Values["stopped"] != "patience" {
		t.Errorf("%+v, %v", r, err)
	}
	if got := string(content(t, path)); got != strings.Join(lines, "") {
		t.Errorf("%s, want %s", got, lines)
	}
}

func TestGoalsAreReadFromTheirText(t *testing.T) {
	values := []eval.Value{{Name: "a/acc1"}, {Name: "a/image_retrieval_recall@1"}, {Name: "p", Unit: eval.Perplexity}, {Name: "x:max"}}
	for text, want := range map[string]goal{
		"a/acc1": {name: "a/acc1"}, "a/acc1:min": {"a/acc1", true}, "p": {"p", true}, "p:max": {name: "p"},
		"a/image_retrieval_recall@1": {name: "a/image_retrieval_recall@1"}, "x:max:min": {"x:max", true},
	} {
		if got, known := parseGoal(text, values); got != want || !known {
			t.Errorf("%s: %+v, %t", text, got, known)
		}
	}
	for text, want := range map[string]patience{"3": {n: 3}, `"3"`: {n: 3}, `"4:a:b:min"`: {4, "a:b:min"}, "0": {}} {
		var got patience
		if err := json.Unmarshal([]byte(text), &got); err != nil || got != want {
			t.Errorf("%s: %+v, %v", text, got, err)
		}
		var again patience
		if data, err := json.Marshal(got); err != nil || json.Unmarshal(data, &again) != nil || again != want {
			t.Errorf("%s is written as %s, %v", text, data, err)
		}
	}
	for _, text := range []string{`"x"`, `"-1"`, "1.5", `"3:"`, `":a"`, "[1]"} {
		if err := json.Unmarshal([]byte(text), new(patience)); err == nil {
			t.Errorf("%s is read", text)
		}
	}
	delta, nan := goal{name: "a"}, math.NaN()
	if delta.better(nan, nan, 0) || delta.better(nan, 0.1, 0) || delta.better(math.Inf(1), 0.1, 0) || !delta.better(0.1, math.Inf(1), 0) {
		t.Error("a number that isn't finite is better than one that is")
	}
	if !delta.better(0.5, 0.4, 0.05) || delta.better(0.44, 0.4, 0.05) || delta.better(0.4, 0.4, 0) {
		t.Error("the smallest difference isn't that of min_delta")
	}
}
