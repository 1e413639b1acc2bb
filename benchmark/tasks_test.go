package benchmark

import (
	"context"
	"encoding/json"
	"math"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"clipgo/datasets"
	"clipgo/eval"
	"clipgo/eval/clipbenchmark"
	"clipgo/internal/fault"
	"clipgo/internal/golden"
	"clipgo/pretrained"
	"clipgo/probe"
)

// openFixture opens the fixtures' model, and returns a suite with its settings.
func openFixture(t *testing.T) (string, *Suite, *pretrained.Embedder) {
	t.Helper()
	dir := golden.Dir(t, "benchmark")
	o := pretrained.DefaultSettings()
	o.Precision, o.Model = "fp32", filepath.Join(dir, "model")
	m, err := pretrained.Open(context.Background(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(m.Free)
	return dir, &Suite{Settings: o, Recalls: []int{1, 5, 10}, Probe: probe.Protocol{AdamW: probe.CLIPBenchmark, Normalize: true}}, m
}

func measuredBy(t *testing.T, s *Suite, m *pretrained.Embedder, place, task string) *Measured {
	t.Helper()
	d, err := Open(place, s.Settings.Data)
	if err != nil {
		t.Fatal(err)
	}
	got, err := s.Measure(context.Background(), m, d, task)
	if err != nil {
		t.Fatal(err)
	}
	return got
}

// figures reads a section of the fixtures' numbers.
func figures[T any](t *testing.T, dir, section string) (out T) {
	t.Helper()
	var all map[string]json.RawMessage
	if err := json.Unmarshal(golden.Read(t, filepath.Join(dir, "figures.json")), &all); err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(all[section], &out); err != nil {
		t.Fatal(err)
	}
	return out
}

func close6(t *testing.T, what string, got, want any, tolerance float64) {
	t.Helper()
	a, isA := got.(float64)
	b, isB := want.(float64)
	if !isA || !isB || !(math.Abs(a-b) <= tolerance) {
		t.Errorf("%s: %v, want %v", what, got, want)
	}
}

// All selections of CLIP_benchmark: shards, SugarCrepe and Winoground, found by auto where it finds them, sample by sample.
func TestGoldenBenchmarkSelection(t *testing.T) {
	dir, s, m := openFixture(t)
	scores := golden.Tensors(t, filepath.Join(dir, "details", "choice.safetensors"))
	compared := map[string]bool{}
	for _, r := range golden.Lines[run](t, filepath.Join(dir, "runs.jsonl")) {
		want := &clipbenchmark.Result{}
		if r.Result != "" && r.option("--load_clfs", "") == "" {
			want, _ = clipbenchmark.ReadFile(filepath.Join(dir, r.Result))
		}
		if want == nil || want.Task != Selection {
			continue
		}
		name := r.option("--dataset", "")
		place := filepath.Join(dir, "data", strings.Replace(name, "wds/", "wds_", 1))
		if strings.HasPrefix(name, "sugar_crepe/") {
			place += ".json"
		}
		d, err := Open(place, datasets.Options{})
		if err != nil {
			t.Fatal(err)
		}
		auto, err := d.Tasks(context.Background())
		if r.option("--task", "") == "auto" && (err != nil || len(auto) != 1 || auto[0] != Selection) {
			t.Errorf("%s: auto is %v, %v", name, auto, err)
		}
		got := measuredBy(t, s, m, place, Selection)
		if got.Result.Dataset != want.Dataset || len(got.Result.Metrics) != len(want.Metrics) {
			t.Fatalf("%+v, want %+v", got.Result, want)
		}
		for i, metric := range want.Metrics {
			if got.Result.Metrics[i].Key != metric.Key {
				t.Errorf("%s: key %s, want %s", name, got.Result.Metrics[i].Key, metric.Key)
			}
			close6(t, name+" "+metric.Key, got.Result.Metrics[i].Value, metric.Value, 1e-6)
		}
		tensor := scores[strings.ReplaceAll(strings.TrimPrefix(name, "wds/"), "/", ".")]
		if hits := hitsOf(t, tensor); got.Details.Hits != hits {
			t.Errorf("%s: samples %s, want %s", name, got.Details.Hits, hits)
		}
		compared[strings.Split(name, "/")[0]] = true
	}
	if len(compared) < 3 {
		t.Errorf("compared %v", compared)
	}
}

// hitsOf are the outcomes by the stored scores [sample, image, caption].
func hitsOf(t *testing.T, scores golden.Tensor) string {
	t.Helper()
	var hits strings.Builder
	images, captions := scores.Shape[1], scores.Shape[2]
	for i := range scores.Shape[0] {
		c, err := eval.Choose(scores.F32[i*images*captions:(i+1)*images*captions], images, captions)
		if err != nil {
			t.Fatal(err)
		}
		hits.WriteString(map[bool]string{true: "1", false: "0"}[c.Text && c.Image])
	}
	return hits.String()
}

// Winoground's tags have scores of their own.
func TestGoldenBenchmarkSelectionByTag(t *testing.T) {
	dir, s, m := openFixture(t)
	want := figures[map[string]struct {
		ByTag map[string]struct {
			N                  int
			Text, Image, Group float64
		} `json:"by_tag"`
	}](t, dir, "choice")["winoground"].ByTag
	kinds, _ := measuredBy(t, s, m, filepath.Join(dir, "data", "winoground"), Selection).Details.More["kinds"].(KindResults)
	if len(kinds) != len(want) || len(want) == 0 {
		t.Fatalf("%v, want %v", kinds, want)
	}
	for _, k := range kinds {
		w := want[k.Kind]
		if k.N != w.N {
			t.Errorf("%s: %d samples, want %d", k.Kind, k.N, w.N)
		}
		close6(t, k.Kind+" text", k.Text, w.Text, 1e-6)
		close6(t, k.Kind+" image", k.Image, w.Image, 1e-6)
		close6(t, k.Kind+" both", k.Both, w.Group, 1e-6)
	}
}

// A folder with several sets is all of them, and the totals of the fixtures are the mean.
func TestGoldenBenchmarkSugarCrepeIsAllOfItsKinds(t *testing.T) {
	dir, s, m := openFixture(t)
	all, err := OpenAll(filepath.Join(dir, "data", "sugar_crepe"), datasets.Options{})
	if err != nil || len(all) < 2 {
		t.Fatalf("%d sets, %v", len(all), err)
	}
	sum := 0.0
	for _, d := range all {
		got, err := s.Measure(context.Background(), m, d, Selection)
		if err != nil || !strings.HasPrefix(d.Name, "sugar_crepe/") {
			t.Fatal(d.Name, err)
		}
		v, _ := got.Result.Value("acc")
		sum += v.(float64)
	}
	var want struct {
		Mean float64 `json:"mean_acc"`
	}
	if err := json.Unmarshal(figures[map[string]json.RawMessage](t, dir, "choice")["sugar_crepe"], &want); err != nil {
		t.Fatal(err)
	}
	close6(t, "mean of the kinds", sum/float64(len(all)), want.Mean, 1e-6)
	named, err := OpenAll("mine="+filepath.Join(dir, "data", "sugar_crepe"), datasets.Options{})
	if err != nil || path.Dir(named[0].Name) != "mine" {
		t.Errorf("%v, %v", named[0].Name, err)
	}
	_, err = Open(filepath.Join(dir, "data", "sugar_crepe"), datasets.Options{})
	if fault.Of(err) != fault.Usage {
		t.Errorf("one of several: %v", err)
	}
}

// Other tasks refuse a set of right and wrong captions, and a choice needs two captions.
func TestWhatIsNoChoiceIsRefused(t *testing.T) {
	dir, s, m := openFixture(t)
	single := t.TempDir()
	pictures, err := filepath.Glob(filepath.Join(dir, "data", "sugar_crepe", "val2017", "*"))
	if err != nil || len(pictures) == 0 {
		t.Fatal(err)
	}
	picture := golden.Read(t, pictures[0])
	for name, data := range map[string][]byte{"a" + filepath.Ext(pictures[0]): picture, "a.txt": []byte("one caption")} {
		if err := os.WriteFile(filepath.Join(single, name), data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for _, c := range []struct{ place, task, want string }{
		{filepath.Join(dir, "data", "winoground"), Retrieval, "the task is image_caption_selection"},
		{filepath.Join(dir, "data", "winoground"), ZeroShot, "the task is image_caption_selection"},
		{single, Selection, "1 of 1 samples have fewer than two captions"},
	} {
		d, err := Open(c.place, s.Settings.Data)
		if err != nil {
			t.Fatal(err)
		}
		if _, err = s.Measure(context.Background(), m, d, c.task); fault.Of(err) != fault.Data || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s, %s: %v", c.place, c.task, err)
		}
	}
}

// Calibration from the pictures to the numbers, with the temperature of val. The tolerance is that of the fixtures.
func TestGoldenBenchmarkCalibrationTask(t *testing.T) {
	dir, s, m := openFixture(t)
	type numbers struct{ ECE, MCE, ACE, Brier, NLL float64 }
	all := figures[map[string]struct {
		N           int
		At100       numbers `json:"calibration"`
		Learned     numbers `json:"calibration_learned_scale"`
		Temperature *struct {
			Temperature float64
			Val, Test   struct{ ECE, NLL float64 }
		}
	}](t, dir, "zeroshot")
	fitted := 0
	for name, want := range all {
		place := filepath.Join(dir, "data", "wds_"+strings.ReplaceAll(name, "/", "-"))
		if want.N == 0 || !isDir(place) || strings.HasPrefix(name, "odd/") || name == "textile" {
			continue
		}
		got := measuredBy(t, s, m, place, Calibration)
		c := got.Details.More["calibration"].(*Calibrated)
		const tolerance = 1e-4
		for what, pair := range map[string]struct {
			got  eval.Reliability
			want numbers
		}{"at 100": {c.At100, want.At100}, "learned": {c.Learned, want.Learned}} {
			close6(t, name+" ECE "+what, pair.got.ECE, pair.want.ECE, tolerance)
			close6(t, name+" MCE "+what, pair.got.MCE, pair.want.MCE, tolerance)
			close6(t, name+" ACE "+what, pair.got.ACE, pair.want.ACE, tolerance)
			close6(t, name+" Brier "+what, pair.got.Brier, pair.want.Brier, tolerance)
			close6(t, name+" NLL "+what, pair.got.NLL, pair.want.NLL, tolerance)
		}
		if want.Temperature == nil {
			if c.Fitted == nil && !strings.Contains(strings.Join(got.Details.Notes, ";"), "no split val") {
				t.Errorf("%s: no note: %v", name, got.Details.Notes)
			}
			continue
		}
		fitted++
		close6(t, name+" temperature", c.Temperature, want.Temperature.Temperature, 1e-2)
		close6(t, name+" ECE fitted", c.Fitted.ECE, want.Temperature.Test.ECE, tolerance)
		close6(t, name+" NLL fitted", c.Fitted.NLL, want.Temperature.Test.NLL, tolerance)
		close6(t, name+" NLL on val", c.Validation.NLL, want.Temperature.Val.NLL, tolerance)
		close6(t, name+" ECE on val", c.Validation.ECE, want.Temperature.Val.ECE, tolerance)
	}
	if fitted == 0 {
		t.Error("no temperature was compared")
	}
}

// The gaps of the fixtures' shifted sets, and the accuracy among some of the classes where a set has fewer.
func TestGoldenBenchmarkRobustness(t *testing.T) {
	dir, s, m := openFixture(t)
	want := figures[map[string]json.RawMessage](t, dir, "zeroshot")
	var numbers struct {
		Clean    float64
		Shifted  map[string]float64
		Mean     float64 `json:"mean_shifted"`
		Drop     float64 `json:"mean_drop"`
		Retained float64
	}
	if err := json.Unmarshal(want["robustness"], &numbers); err != nil || len(numbers.Shifted) == 0 {
		t.Fatal(err)
	}
	open := func(name string) *Data {
		d, err := Open(filepath.Join(dir, "data", name), datasets.Options{})
		if err != nil {
			t.Fatal(err)
		}
		return d
	}
	var shifted []*Data
	for name := range numbers.Shifted {
		shifted = append(shifted, open("wds_digits-"+name))
	}
	got, err := s.Robustness(context.Background(), m, open("wds_digits"), shifted, nil)
	if err != nil {
		t.Fatal(err)
	}
	close6(t, "clean", got.Accuracy, numbers.Clean, 1e-12)
	close6(t, "mean", got.MeanShifted, numbers.Mean, 1e-12)
	close6(t, "drop", got.MeanDrop, numbers.Drop, 1e-12)
	close6(t, "retained", *got.Retained, numbers.Retained, 1e-12)
	for _, shift := range got.Shifts {
		close6(t, shift.Data, shift.Accuracy, numbers.Shifted[strings.TrimPrefix(shift.Data, "wds/digits-")], 1e-12)
	}
	if _, err := s.Robustness(context.Background(), m, open("wds_digits"), []*Data{open("wds_textile")}, nil); fault.Of(err) != fault.Data {
		t.Errorf("other classes: %v", err)
	}
}

// A set of some of the classes is compared with these classes of the reference: other names can't win, other pictures don't count.
func TestARestrictedReferenceHasItsClassesAlone(t *testing.T) {
	c := &classified{classes: []string{"a", "b", "c"}, logits: []float32{1, 2, 3, 3, 2, 1, 0, 1, 2}, count: eval.NewAccuracy(3)}
	c.Features = &pretrained.Features{Features: eval.Features{Labels: []int{1, 1, 2}}}
	if err := c.count.Add(c.logits, c.Labels); err != nil {
		t.Fatal(err)
	}
	if v, n, err := c.among([]string{"a", "b", "c"}); err != nil || v != 1.0/3 || n != 3 {
		t.Errorf("all: %v, %v", v, err)
	}
	if v, n, err := c.among([]string{"b", "a"}); err != nil || v != 0.5 || n != 2 {
		t.Errorf("two: %v, %v", v, err)
	}
	if _, _, err := c.among([]string{"a"}); err == nil {
		t.Error("a class without pictures")
	}
	if _, _, err := c.among([]string{"a", "z"}); err == nil {
		t.Error("a class that isn't there")
	}
}

// Classes with the same name are matched by their order, or refused if a set has the name more often than the other.
func TestClassesWithTheSameNameAreMatchedInOrder(t *testing.T) {
	reference := []string{"missile", "cat", "missile", "dog"}
	got, err := matchClasses([]string{"dog", "missile", "missile"}, reference)
	if err != nil || !slices.Equal(got, []int{3, 0, 2}) {
		t.Errorf("%v, %v", got, err)
	}
	for _, bad := range [][]string{{"missile"}, {"cat", "cat"}, {"missile", "missile", "missile"}} {
		if got, err := matchClasses(bad, reference); err == nil || !strings.Contains(err.Error(), bad[0]) {
			t.Errorf("%v: %v, %v", bad, got, err)
		}
	}
}

// What is odd about a set, the classes without pictures and the pictures of the reference that don't count are noted, and each set is
// reported as it is opened.
func TestRobustnessKeepsTheNotesOfItsSets(t *testing.T) {
	dir, s, m := openFixture(t)
	opened := 0
	s.Opened = func(datasets.Info) { opened++ }
	from, place := filepath.Join(dir, "data", "wds_digits"), filepath.Join(t.TempDir(), "fewer")
	if err := os.CopyFS(place, os.DirFS(from)); err != nil {
		t.Fatal(err)
	}
	data := string(golden.Read(t, filepath.Join(place, "classnames.txt")))
	extended := strings.TrimSpace(data) + "\nunused\n"
	if err := os.WriteFile(filepath.Join(place, "classnames.txt"), []byte(extended), 0o600); err != nil {
		t.Fatal(err)
	}
	ref, err := Open(place, s.Settings.Data)
	if err != nil {
		t.Fatal(err)
	}
	shifted, err := Open(from, s.Settings.Data)
	if err != nil {
		t.Fatal(err)
	}
	r, err := s.Robustness(context.Background(), m, ref, []*Data{shifted}, nil)
	if err != nil {
		t.Fatal(err)
	}
	if text := strings.Join(r.Notes, "\n"); opened != 2 || strings.Count(text, "classes have no sample, such as \"unused\"") != 1 {
		t.Errorf("%d opened\n%s", opened, text)
	}
}

// The baseline is fitted to the models that have both sets; without two of them there is a note and no number.
func TestEffectiveRobustnessIsAgainstOtherModels(t *testing.T) {
	entry := func(model, data string, acc float64) Entry {
		return Entry{Result: &clipbenchmark.Result{Model: model, Pretrained: "x", Dataset: data, Task: ZeroShot,
			Metrics: []clipbenchmark.Metric{{Key: "acc1", Value: acc}}}}
	}
	ref, d := &Data{Name: "ref"}, &Data{Name: "shifted"}
	baseline := []Entry{entry("x/m", "ref", 0.5), entry("x/m", "shifted", 0.3), entry("y/m", "ref", 0.7), entry("y/m", "shifted", 0.5),
		entry("c", "ref", 0.9)}
	shift := eval.NewShift("shifted", 100, 10, 0.45, 0.5)
	if note := expect(&shift, ref, d, true, baseline); note != "" || shift.Models != 2 {
		t.Fatalf("%s, %+v", note, shift)
	}
	close6(t, "expected", *shift.Expected, 0.3, 1e-12)
	close6(t, "effective", *shift.Effective, 0.15, 1e-12)
	for _, few := range [][]Entry{{}, baseline[:2]} {
		alone := eval.NewShift("shifted", 100, 10, 0.45, 0.5)
		if note := expect(&alone, ref, d, true, few); note == "" || alone.Effective != nil {
			t.Errorf("%d entries: %q", len(few), note)
		}
	}
	if note := expect(&shift, ref, d, false, baseline); !strings.Contains(note, "fewer classes") {
		t.Error(note)
	}
}

// A sample of which a picture is missing is passed over as a whole and counted once; the others keep their places.
func TestASampleWithoutAPictureIsPassedOver(t *testing.T) {
	dir, s, m := openFixture(t)
	from := filepath.Join(dir, "data", "winoground")
	whole := measuredBy(t, s, m, from, Selection)
	place := t.TempDir()
	if err := os.CopyFS(place, os.DirFS(from)); err != nil {
		t.Fatal(err)
	}
	var first struct {
		Picture string `json:"image_1"`
	}
	line, _, _ := strings.Cut(string(golden.Read(t, filepath.Join(from, "examples.jsonl"))), "\n")
	if err := json.Unmarshal([]byte(line), &first); err != nil {
		t.Fatal(err)
	}
	missing, err := filepath.Glob(filepath.Join(place, "images", first.Picture+".*"))
	if err != nil || len(missing) != 1 || os.Remove(missing[0]) != nil {
		t.Fatal(missing, err)
	}
	d, err := Open(place, s.Settings.Data)
	if err != nil {
		t.Fatal(err)
	}
	_, err = s.Measure(context.Background(), m, d, Selection)
	if fault.Of(err) != fault.Data || !strings.Contains(err.Error(), first.Picture) {
		t.Errorf("more than are allowed: %v", err)
	}
	s.Settings.MaxSkip, m.Settings.MaxSkip = 1, 1
	got, err := s.Measure(context.Background(), m, d, Selection)
	if err != nil || got.Details.Skipped != 1 || got.Details.Hits != whole.Details.Hits[1:] {
		t.Errorf("%+v, %v", got, err)
	}
}
