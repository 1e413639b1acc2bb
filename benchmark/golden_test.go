package benchmark

import (
	"bytes"
	"context"
	"fmt"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"clipgo/datasets"
	"clipgo/eval/clipbenchmark"
	"clipgo/internal/fault"
	"clipgo/internal/golden"
	"clipgo/internal/share"
	"clipgo/pretrained"
	"clipgo/probe"
)

// run is a command of CLIP_benchmark and its result.
type run struct {
	ID     string
	Argv   []string
	Result string
}

func (r run) option(name, otherwise string) string {
	if i := slices.Index(r.Argv, name); i >= 0 && i+1 < len(r.Argv) {
		return r.Argv[i+1]
	}
	return otherwise
}

func (r run) has(name string) bool { return slices.Contains(r.Argv, name) }

// suiteFor is a suite with the settings of a run of the fixtures; ok is false for those that it can't express.
func suiteFor(t *testing.T, dir string, r run) (s *Suite, ok bool) {
	t.Helper()
	if r.has("--load_clfs") || r.has("--pretrained_model") {
		return nil, false
	}
	name := r.option("--dataset", "")
	folder := "wds_" + strings.ReplaceAll(strings.TrimPrefix(name, "wds/"), "/", "-")
	place := filepath.Join(dir, "data", folder)
	if !strings.HasPrefix(name, "wds/") || !r.has("--no_amp") || !isDir(place) {
		return nil, false
	}
	d, err := Open(place, datasets.Options{})
	if err == nil {
		err = d.Measure(r.option("--split", TestSplit))
	}
	if err != nil {
		t.Fatal(err)
	}
	d.Name = name
	settings := pretrained.DefaultSettings()
	settings.Precision = "fp32"
	file := func(option string) string {
		if name := r.option(option, ""); name != "" {
			return filepath.Join(dir, name)
		}
		return ""
	}
	return &Suite{
		Prompts: Prompting{
			NamesFile: file("--custom_classname_file"), TemplatesFile: file("--custom_template_file"),
			DumpNames: r.has("--dump_classnames"), DumpTemplates: r.has("--dump_templates"), Language: r.option("--language", "en"),
		},
		Models: []string{filepath.Join(dir, "model")}, Data: []*Data{d}, Out: t.TempDir(), Settings: settings, Recalls: []int{1, 5, 10},
		Probe: probe.Protocol{AdamW: probe.CLIPBenchmark, Normalize: true},
	}, true
}

// TestGoldenBenchmarkSuite runs what CLIP_benchmark ran on classification and retrieval and compares its result files: all keys in their
// order, and the numbers.
func TestGoldenBenchmarkSuite(t *testing.T) {
	dir := golden.Dir(t, "benchmark")
	compared := map[string]int{}
	for _, r := range golden.Lines[run](t, filepath.Join(dir, "runs.jsonl")) {
		task := r.option("--task", "auto")
		other := strings.Contains(r.ID, "odd") || strings.Contains(r.ID, "multilabel") || r.ID == "ret-scenes_captions-default"
		if task != ZeroShot && task != Retrieval || other {
			continue
		}
		s, ok := suiteFor(t, dir, r)
		if !ok {
			continue
		}
		t.Run(r.ID, func(t *testing.T) {
			want, err := clipbenchmark.ReadFile(filepath.Join(dir, r.Result))
			if err != nil {
				t.Fatal(err)
			}
			var got *clipbenchmark.Result
			s.Report = func(e Event) { got = e.Result }
			if err := s.Run(context.Background()); err != nil {
				t.Fatal(err)
			}
			if got.Dataset != want.Dataset || got.Task != want.Task || len(got.Metrics) != len(want.Metrics) {
				t.Fatalf("%+v, want %+v", got, want)
			}
			for i, m := range want.Metrics {
				a, b := m.Value.(float64), got.Metrics[i].Value.(float64)
				if got.Metrics[i].Key != m.Key || !(math.Abs(a-b) <= 1e-6 || math.IsNaN(a) && math.IsNaN(b)) {
					t.Errorf("%s: %v, want %s: %v", got.Metrics[i].Key, b, m.Key, a)
				}
			}
			compared[task]++
		})
	}
	if compared[ZeroShot] < 2 || compared[Retrieval] < 1 {
		t.Errorf("compared %v", compared)
	}
}

// TestGoldenBenchmarkProbes runs the probes that CLIP_benchmark ran, from pictures to result files: the same keys, and the accuracy as
// near as other random numbers make it. Few-shot runs draw other samples: their means over seeds are compared.
func TestGoldenBenchmarkProbes(t *testing.T) {
	dir := golden.Dir(t, "benchmark")
	type sums struct{ got, want, n float64 }
	means := map[string]*sums{}
	for _, r := range golden.Lines[run](t, filepath.Join(dir, "runs.jsonl")) {
		s, ok := suiteFor(t, dir, r)
		if r.option("--task", "auto") != LinearProbe || !ok {
			continue
		}
		want, err := clipbenchmark.ReadFile(filepath.Join(dir, r.Result))
		if err != nil {
			t.Fatal(err)
		}
		if s.Data[0].splits[ValSplit] = ""; r.has("--val_split") {
			s.Data[0].splits[ValSplit] = filepath.Join(s.Data[0].Place, r.option("--val_split", ""))
		}
		setProbe(t, s, r)
		var got *clipbenchmark.Result
		s.Report = func(e Event) { got = e.Result }
		if err := s.Run(context.Background()); err != nil {
			t.Fatal(err)
		}
		for i, m := range want.Metrics {
			if len(got.Metrics) != len(want.Metrics) || got.Metrics[i].Key != m.Key {
				t.Fatalf("%s: %+v, want %+v", r.ID, got.Metrics, want.Metrics)
			}
		}
		for _, key := range []string{"epochs", "seed", "fewshot_k", "normalized"} {
			a, _ := got.Value(key)
			if b, _ := want.Value(key); a != b {
				t.Errorf("%s: %s is %v, want %v", r.ID, key, a, b)
			}
		}
		a, _ := got.Value("lp_acc1")
		b, _ := want.Value("lp_acc1")
		k, _ := got.Value("fewshot_k")
		kind := fmt.Sprint(k, r.has("--val_split"))
		if k == -1 {
			kind = r.ID
		}
		if means[kind] == nil {
			means[kind] = &sums{}
		}
		means[kind].got, means[kind].want, means[kind].n = means[kind].got+a.(float64), means[kind].want+b.(float64), means[kind].n+1
	}
	if len(means) == 0 {
		t.Fatal("no probes")
	}
	for kind, m := range means {
		t.Logf("%s: %.4f, want %.4f", kind, m.got/m.n, m.want/m.n)
		room := 0.08
		if strings.Contains(kind, " ") { // other samples too
			room = 0.2 / math.Sqrt(m.n)
		}
		if math.Abs(m.got-m.want)/m.n > room {
			t.Errorf("%s: %.4f, want %.4f up to %.2f", kind, m.got/m.n, m.want/m.n, room)
		}
	}
}

// TestGoldenBenchmarkRawFeatures compares what probes without normalization get with the tower's features, and the labels.
func TestGoldenBenchmarkRawFeatures(t *testing.T) {
	dir := golden.Dir(t, "benchmark")
	want := golden.Tensors(t, filepath.Join(dir, "details", "linear_probe.safetensors"))
	for _, r := range golden.Lines[run](t, filepath.Join(dir, "runs.jsonl")) {
		s, ok := suiteFor(t, dir, r)
		if r.option("--task", "auto") != LinearProbe || !ok {
			continue
		}
		m, err := pretrained.Open(context.Background(), (&candidate{suite: s, name: s.Models[0]}).settings())
		if err != nil {
			t.Fatal(err)
		}
		defer m.Free()
		f := newFeatures(m, s.Data[0], datasets.NeedLabels)
		f.seen = func(string, int64, int64) {}
		train, val, test, _, err := f.sets(context.Background())
		if err != nil {
			t.Fatal(err)
		}
		for name, got := range map[string]probe.Set{"train": train, "val": val, "test": test} {
			golden.Close(t, name, got.Features, want[name+".features"].F32, golden.Tol{RelMax: 1e-5})
			for i, label := range want[name+".labels"].I64 {
				if got.Labels[i] != int(label) {
					t.Fatalf("%s: sample %d has the label %d, want %d", name, i, got.Labels[i], label)
				}
			}
		}
		return
	}
	t.Fatal("no probes")
}

// setProbe gives a suite the settings of a probe of the fixtures.
func setProbe(t *testing.T, s *Suite, r run) {
	t.Helper()
	s.Tasks = []string{LinearProbe}
	s.Probe.Normalize = r.option("--normalize", "true") != ""
	for name, to := range map[string]any{
		"--fewshot_lr": &s.Probe.AdamW.Rate, "--fewshot_epochs": &s.Probe.AdamW.Epochs, "--batch_size": &s.Probe.AdamW.BatchSize,
		"--seed": &s.Probe.Seed, "--fewshot_k": &s.Probe.Shots,
	} {
		if text := r.option(name, ""); text != "" {
			if _, err := fmt.Sscan(text, to); err != nil {
				t.Fatal(err)
			}
		}
	}
}

// files are the contents of a folder, without times.
func files(t *testing.T, dir string) map[string]string {
	t.Helper()
	out := map[string]string{}
	err := filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() || strings.HasPrefix(e.Name(), ".lock") {
			return err
		}
		data, err := os.ReadFile(path)
		if i := bytes.Index(data, []byte(`"seconds":`)); i >= 0 {
			end := i + bytes.IndexByte(data[i:], '\n')
			data = slices.Concat(data[:i], data[end:])
		}
		name, _ := filepath.Rel(dir, path)
		out[name] = string(data)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// smallSuite is two sets and several tasks.
func smallSuite(t *testing.T, out string) *Suite {
	t.Helper()
	dir := golden.Dir(t, "benchmark")
	settings := pretrained.DefaultSettings()
	settings.Precision = "fp32"
	s := &Suite{
		Models: []string{filepath.Join(dir, "model")}, Out: out, Settings: settings, Recalls: []int{1, 5},
		Tasks: []string{ZeroShot, LinearProbe, Neighbours}, Probe: probe.Protocol{AdamW: probe.CLIPBenchmark, Normalize: true},
	}
	for _, name := range []string{"wds_digits", "wds_odd-five"} {
		d, err := Open(filepath.Join(dir, "data", name), datasets.Options{})
		if err != nil {
			t.Fatal(err)
		}
		s.Data = append(s.Data, d)
	}
	return s
}

// A suite that is stopped after each cell in turn, and runs again, leaves the files of one that ran through.
func TestAStoppedSuiteGoesOn(t *testing.T) {
	whole := t.TempDir()
	if err := smallSuite(t, whole).Run(context.Background()); err != nil {
		t.Fatal(err)
	}
	want := files(t, whole)
	byFolder := map[string]int{}
	for name := range want {
		byFolder[filepath.Dir(name)]++
	}
	if byFolder["."] != 6 || byFolder[detailsDir] != 6 || byFolder[samplesDir] != 6 || byFolder[picturesDir] == 0 || len(byFolder) != 4 {
		t.Fatalf("files by folder: %v", byFolder)
	}
	out := t.TempDir()
	for stop := range 7 {
		ctx, cancel := context.WithCancel(context.Background())
		s, fresh := smallSuite(t, out), 0
		s.Report = func(e Event) {
			if e.Err == nil && !e.Kept {
				fresh++
				cancel()
			}
		}
		err := s.Run(ctx)
		cancel()
		if stop < 6 && (err == nil || fresh != 1) || stop == 6 && (err != nil || fresh != 0) {
			t.Fatalf("run %d: %d new cells, %v", stop, fresh, err)
		}
	}
	got := files(t, out)
	for name, text := range want {
		if got[name] != text {
			t.Errorf("%s:\n%.300s\nwant\n%.300s", name, got[name], text)
		}
	}
	if len(got) != len(want) {
		t.Errorf("%d files, want %d", len(got), len(want))
	}
}

// Cells are computed again if data or settings change, and if a file is damaged; only those.
func TestOnlyWhatChangedIsComputedAgain(t *testing.T) {
	out := t.TempDir()
	count := func(s *Suite) (fresh int) {
		s.Report = func(e Event) {
			if e.Err == nil && !e.Kept {
				fresh++
			}
		}
		if err := s.Run(context.Background()); err != nil {
			t.Fatal(err)
		}
		return fresh
	}
	if n := count(smallSuite(t, out)); n != 6 {
		t.Fatalf("%d cells", n)
	}
	s := smallSuite(t, out)
	s.Data[0].splits[TestSplit] = s.Data[0].splits[TrainSplit]
	if n := count(s); n != 3 {
		t.Errorf("%d cells after the first set changed", n)
	}
	s = smallSuite(t, out)
	s.Data = s.Data[1:]
	if n := count(s); n != 0 {
		t.Errorf("%d cells of the set that is as it was", n)
	}
	name := Cell{Model: s.Models[0], Pretrained: "x", Data: s.Data[0].Name, Task: ZeroShot}.name() + ".json"
	if err := os.WriteFile(filepath.Join(out, name), []byte("{"), 0o600); err != nil {
		t.Fatal(err)
	}
	if n := count(s); n != 1 {
		t.Errorf("%d cells after one was damaged", n)
	}
}

// The parts of a suite are disjoint and together the whole.
func TestPartsAreTheWhole(t *testing.T) {
	whole, parts := t.TempDir(), t.TempDir()
	if err := smallSuite(t, whole).Run(context.Background()); err != nil {
		t.Fatal(err)
	}
	cells := 0
	for part := range 3 {
		s := smallSuite(t, parts)
		s.Share = share.Share{I: part + 1, N: 3}
		s.Report = func(e Event) {
			if e.Kept || e.Err != nil {
				t.Errorf("part %d: %+v", part, e)
			}
			cells++
		}
		if err := s.Run(context.Background()); err != nil {
			t.Fatal(err)
		}
	}
	if got, want := files(t, parts), files(t, whole); cells != 6 || len(got) != len(want) {
		t.Errorf("%d cells, %d files of %d", cells, len(got), len(want))
	}
}

// A data set that can't be read and a model that doesn't exist cost their own cells.
func TestAFailureCostsItsCell(t *testing.T) {
	s := smallSuite(t, t.TempDir())
	s.Tasks = []string{ZeroShot}
	empty, err := Open("none="+t.TempDir(), datasets.Options{})
	if err != nil {
		t.Fatal(err)
	}
	s.Data = append([]*Data{empty}, s.Data...)
	s.Models = append([]string{filepath.Join(t.TempDir(), "absent")}, s.Models...)
	var done, failed int
	s.Report = func(e Event) {
		if e.Err != nil {
			failed++
		} else {
			done++
		}
	}
	err = s.Run(context.Background())
	if err == nil || done != 2 || failed != 4 {
		t.Fatalf("%d done, %d failed, %v", done, failed, err)
	}
	if text := err.Error(); !strings.Contains(text, "and 2 more failures, all named in "+filepath.Join(s.Out, failedDir)) {
		t.Errorf("%s", text)
	}
	if fault.Of(err) != fault.Data {
		t.Errorf("the kind is %v: %v", fault.Of(err), err)
	}
}
