package run

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"math"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"clipgo/datasets"
	"clipgo/internal/fault"
	"clipgo/internal/golden"
	"clipgo/internal/torch/torchtest"
	"clipgo/pretrained"
	"clipgo/training"
	"clipgo/training/record"
)

// threeKinds is a mixture of a table, a folder and shards with 20 samples in the first two. One in five of the folder is no picture.
func threeKinds(t *testing.T) (name string, parts []string) {
	t.Helper()
	dir := t.TempDir()
	put := func(name string, data []byte) {
		path := filepath.Join(dir, name)
		if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o700), os.WriteFile(path, data, 0o600)); err != nil {
			t.Fatal(err)
		}
	}
	table := "filepath,title\n"
	for i := range 20 {
		picture := image.NewRGBA(image.Rect(0, 0, 32, 32))
		for at := range 1024 {
			picture.Set(at%32, at/32, color.RGBA{uint8(12 * i), uint8(7 * at), uint8(i * at), 255})
		}
		var b bytes.Buffer
		if err := png.Encode(&b, picture); err != nil {
			t.Fatal(err)
		}
		put(fmt.Sprintf("table/%d.png", i), b.Bytes())
		table += fmt.Sprintf("table/%d.png,picture number %d\n", i, i)
		if i%5 == 0 {
			b.Reset()
		}
		put(fmt.Sprintf("folder/%d.png", i), b.Bytes())
		put(fmt.Sprintf("folder/%d.txt", i), fmt.Appendf(nil, "photo %d of a folder", i))
	}
	put("list.csv", []byte(table))
	parts = []string{filepath.Join(dir, "list.csv"), filepath.Join(dir, "folder"), filepath.Join(golden.Own(t, "webdataset"), "pairs")}
	return strings.Join(parts, "::"), parts
}

// mixedRun trains on threeKinds. hook is called after each step.
func mixedRun(t *testing.T, hook func(step int, out string), settings ...string) (out string, r *Result) {
	t.Helper()
	torchtest.Need(t)
	model := filepath.Join(t.TempDir(), "tiny.json")
	if err := os.WriteFile(model, []byte(tinyModel), 0o600); err != nil {
		t.Fatal(err)
	}
	out = filepath.Join(t.TempDir(), "run")
	if !slices.ContainsFunc(settings, func(s string) bool { return strings.HasPrefix(s, "epochs=") }) {
		settings = append([]string{"steps=14"}, settings...)
	}
	o, err := New(t.Context(), append([]string{"model=" + model, "batch_size=8", "save_frequency=5", "val_frequency=0",
		"zeroshot_frequency=0", "log_frequency=4", "precision=fp32", "max_skip=1", "out=" + out}, settings...)...)
	if err != nil {
		t.Fatal(err)
	}
	return out, mustTrain(t, o, hook)
}

func mustTrain(t *testing.T, o *Options, hook func(step int, out string)) *Result {
	t.Helper()
	r, err := Train(t.Context(), o, Console{Hook: hookOf(o.Out, hook)})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func hookOf(out string, hook func(step int, out string)) training.Hook {
	if hook == nil {
		return nil
	}
	return HookFunc(func(_ context.Context, e training.Event) error { hook(e.Step, out); return nil })
}

// rowsOf are the lines of metrics.jsonl without what depends on the time.
func rowsOf(t *testing.T, out string) []record.Row {
	t.Helper()
	f, err := os.Open(filepath.Join(out, MetricsFile))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	rows, err := record.ReadRows(f)
	if err != nil {
		t.Fatal(err)
	}
	for i := range rows {
		rows[i].Pairs, rows[i].Wait = 0, 0
	}
	return rows
}

// TestAKilledMixtureContinuesExactly copies the run directory between two checkpoints, as a kill would leave it, and continues from the
// copy: the same weights, numbers and skips, with other workers too.
func TestAKilledMixtureContinuesExactly(t *testing.T) {
	name, _ := threeKinds(t)
	copied := filepath.Join(t.TempDir(), "killed")
	out, _ := mixedRun(t, func(step int, out string) {
		if step == 7 {
			if err := os.CopyFS(copied, os.DirFS(out)); err != nil {
				t.Fatal(err)
			}
		}
	}, "train_data="+name, "train_data_upsampling_factors=1::3::0.5", "workers=1")
	o, err := New(t.Context(), "resume=latest", "out="+copied, "workers=3")
	if err != nil {
		t.Fatal(err)
	}
	var first int
	mustTrain(t, o, func(step int, _ string) { first = min(max(first, step), 6) })
	if first != 6 {
		t.Fatalf("continued at step %d", first)
	}
	for _, name := range []string{SkippedFile, filepath.Join(pretrained.CheckpointsDir, "step-00000014", pretrained.WeightsFile),
		filepath.Join(pretrained.CheckpointsDir, "step-00000014", AccountsFile)} {
		want, err1 := os.ReadFile(filepath.Join(out, name))
		got, err2 := os.ReadFile(filepath.Join(copied, name))
		if err := errors.Join(err1, err2); err != nil || !bytes.Equal(got, want) {
			t.Errorf("%s differs, %v", name, err)
		}
	}
	if got, want := rowsOf(t, copied), rowsOf(t, out); !reflect.DeepEqual(got, want) {
		t.Errorf("rows\n%+v\nwant\n%+v", got, want)
	}
}

// TestEverySampleOfAMixtureIsAccountedFor adds up the accounts of each source and compares them with the steps and with skipped.jsonl.
func TestEverySampleOfAMixtureIsAccountedFor(t *testing.T) {
	name, parts := threeKinds(t)
	for _, factors := range []string{"", "1::3::0.5"} {
		out, r := mixedRun(t, nil, "train_data="+name, "train_data_upsampling_factors="+factors)
		rows := rowsOf(t, out)
		last := rows[len(rows)-1]
		var samples, slots, skipped int64
		lossSum, known := 0.0, true
		for i, s := range last.Sources {
			if s.Name != parts[i] {
				t.Errorf("source %d is %s, want %s", i, s.Name, parts[i])
			}
			samples, slots, skipped = samples+s.Samples, slots+s.Used+s.Skipped, skipped+s.Skipped
			known = known && !math.IsNaN(float64(s.Loss))
			lossSum += float64(s.Loss)
			if (s.Skipped > 0) != (i == 1) {
				t.Errorf("%s: %d skipped", s.Name, s.Skipped)
			}
		}
		if len(last.Sources) != 3 || samples != last.Samples || slots != 14*8 || skipped != r.Values["skipped"] || !known || lossSum == 0 {
			t.Errorf("factors %q: %+v", factors, last)
		}
		passes := map[string]int{}
		for _, row := range rows {
			for _, p := range row.Passes {
				passes[p.Source]++
				if p.Used+p.Skipped != p.Present || int(p.Pass) != passes[p.Source] || p.Source == parts[1] && p.Skipped != 4 ||
					(p.Shards > 0) != (p.Source == parts[2]) {
					t.Errorf("factors %q: %+v", factors, p)
				}
			}
		}
		if factors != "" && passes[parts[1]] != 3 || factors == "" && (passes[parts[0]] != 1 || passes[parts[2]] != 1) {
			t.Errorf("factors %q: passes %v", factors, passes)
		}
		text := strings.Join(r.Text, "\n")
		page, err := os.ReadFile(filepath.Join(out, ReportFile))
		for _, part := range parts {
			if !strings.Contains(text, part) || err != nil || !strings.Contains(string(page), part) {
				t.Errorf("%s is missing in the summary or the report, %v:\n%s", part, err, text)
			}
		}
		if all, ok := r.Values["sources"].([]sourceResult); !ok || len(all) != 3 || all[1].Skipped != skipped {
			t.Errorf("result %+v", r.Values["sources"])
		}
	}
}

// TestTheLossOfASourceIsThatOfItsPairs has lines at each step: the losses of the sources, weighted by their samples, are the loss.
func TestTheLossOfASourceIsThatOfItsPairs(t *testing.T) {
	name, _ := threeKinds(t)
	for _, objective := range []string{"clip", "siglip"} {
		out, _ := mixedRun(t, nil, "train_data="+name, "log_frequency=1", "objective="+objective)
		before := make([]int64, 3)
		for _, row := range rowsOf(t, out) {
			sum, n := 0.0, int64(0)
			for i, s := range row.Sources {
				if more := s.Samples - before[i]; more > 0 {
					sum, n = sum+float64(more)*float64(s.Loss), n+more
				}
				before[i] = s.Samples
			}
			if math.Abs(sum/float64(n)-float64(row.Loss)) > 1e-5 {
				t.Errorf("%s, step %d: the sources have %g, the step %g", objective, row.Step, sum/float64(n), float64(row.Loss))
			}
		}
	}
}

// TestOneSourceIsAccountedForToo trains on shards alone, two of whose samples can't be used.
func TestOneSourceIsAccountedForToo(t *testing.T) {
	pairs := filepath.Join(golden.Own(t, "webdataset"), "pairs")
	out, r := mixedRun(t, nil, "train_data="+pairs)
	passes := 0
	for _, row := range rowsOf(t, out) {
		if row.Sources != nil {
			t.Errorf("sources of data that has one: %+v", row.Sources)
		}
		for _, p := range row.Passes {
			if passes++; p.Source != pairs || p.Shards != 2 || p.Used+p.Skipped != p.Present {
				t.Errorf("%+v", p)
			}
		}
	}
	if passes == 0 || r.Values["sources"] != nil {
		t.Errorf("%d passes, %v", passes, r.Values["sources"])
	}
}

// TestAnEpochMayHaveAnyLength says train_num_samples: epochs and frequencies count in it, and the order of the samples stays as it is.
func TestAnEpochMayHaveAnyLength(t *testing.T) {
	name, _ := threeKinds(t)
	checkpoints := func(out string) (names []string) {
		entries, err := os.ReadDir(filepath.Join(out, pretrained.CheckpointsDir))
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range entries {
			names = append(names, e.Name())
		}
		return names
	}
	out, r := mixedRun(t, nil, "train_data="+name, "epochs=2", "train_num_samples=32", "save_frequency=1epoch")
	rows := rowsOf(t, out)
	if last := rows[len(rows)-1]; last.Step != 8 || last.Epoch != 2 || r.Values["steps"] != 8 {
		t.Errorf("%+v, %v", last, r.Values)
	}
	if got := checkpoints(out); !slices.Equal(got, []string{"step-00000004", "step-00000008"}) {
		t.Error(got)
	}
	weights := func(out string) []byte {
		data, err := os.ReadFile(filepath.Join(out, pretrained.CheckpointsDir, "step-00000008", pretrained.WeightsFile))
		if err != nil {
			t.Fatal(err)
		}
		return data
	}
	plain, _ := mixedRun(t, nil, "train_data="+name, "steps=8")
	if !bytes.Equal(weights(plain), weights(out)) {
		t.Error("the length of an epoch changes the order of the samples")
	}
	s, _ := opened(t.Context(), t, "train_num_samples=32")
	if !strings.Contains(s.extent(), "(1.5 epochs of 32 samples)") { // 6 steps of 8
		t.Error(s.extent())
	}
}

// TestWrongMixturesAreRefused gives factors that don't fit, and an epoch of less than a batch.
func TestWrongMixturesAreRefused(t *testing.T) {
	name, _ := threeKinds(t)
	for setting, want := range map[string]string{
		"1::2": "2 factors, but the data has 3 sources", "1::2::0": "not above 0", "1::-1::1": "not above 0",
		"1::NaN::1": "is not a number", "1::two::1": "is not a number", "1::1::1::1": "4 factors",
	} {
		_, err := New(t.Context(), "train_data="+name, "model=ViT-Nano-16-64", "out="+t.TempDir(),
			"train_data_upsampling_factors="+setting)
		if fault.Of(err) != fault.Usage || !strings.HasPrefix(err.Error(), "train_data_upsampling_factors: ") ||
			!strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: %v", setting, err)
		}
	}
	o, err := New(t.Context(), "train_data="+name, "model=ViT-Nano-16-64", "out="+t.TempDir(), "batch_size=16", "train_num_samples=15")
	if err == nil {
		_, err = Train(t.Context(), o, Console{})
	}
	if fault.Of(err) != fault.Usage || !strings.Contains(err.Error(), "train_num_samples: 15 samples of an epoch are fewer") {
		t.Error(err)
	}
}

// TestOtherFactorsAreAnotherRun continues with factors that the run did not begin with.
func TestOtherFactorsAreAnotherRun(t *testing.T) {
	name, _ := threeKinds(t)
	out, _ := mixedRun(t, nil, "train_data="+name, "steps=2", "train_data_upsampling_factors=1::3::0.5")
	_, err := New(t.Context(), "resume=latest", "out="+out, "train_data_upsampling_factors=1::1::1")
	if fault.Of(err) != fault.Usage || !strings.Contains(err.Error(), "needs a new run") {
		t.Error(err)
	}
	if _, err := New(t.Context(), "resume=latest", "out="+out, "train_num_samples=30"); err != nil {
		t.Error(err)
	}
}

// TestABuiltinSetAmongOthersHasNoRecipe names no model: the built-in set's own is for that set alone.
func TestABuiltinSetAmongOthersHasNoRecipe(t *testing.T) {
	_, parts := threeKinds(t)
	_, err := New(t.Context(), "train_data=builtin:shapes?n=10::"+parts[0], "out="+t.TempDir())
	if err == nil || !strings.HasPrefix(err.Error(), "model: missing") {
		t.Error(err)
	}
}

// TestASourceWithoutUsablePicturesIsReported mixes in a few files that are no pictures.
func TestASourceWithoutUsablePicturesIsReported(t *testing.T) {
	_, parts := threeKinds(t)
	broken := filepath.Join(t.TempDir(), "broken")
	for _, name := range []string{"a.png", "a.txt"} {
		if err := errors.Join(os.MkdirAll(broken, 0o700), os.WriteFile(filepath.Join(broken, name), []byte("text"), 0o600)); err != nil {
			t.Fatal(err)
		}
	}
	out, _ := mixedRun(t, nil, "train_data="+parts[0]+"::"+broken, "steps=3")
	log, err := os.ReadFile(filepath.Join(out, LogFile))
	if err != nil || !strings.Contains(string(log), "nothing was learned from "+broken) {
		t.Errorf("%s%v", log, err)
	}
}

// TestACheckpointWithoutAccountsIsContinued removes them from the checkpoint, as of an older version.
func TestACheckpointWithoutAccountsIsContinued(t *testing.T) {
	name, _ := threeKinds(t)
	out, _ := mixedRun(t, nil, "train_data="+name, "stop_after=5")
	s := &session{Options: &Options{}, console: Console{}.filled(), resumed: filepath.Join(out, pretrained.CheckpointsDir, "step-00000005")}
	var err error
	if s.train, err = datasets.Open(t.Context(), name, datasets.Options{Need: datasets.NeedCaptions}); err != nil {
		t.Fatal(err)
	}
	defer s.train.Close()
	s.state.Data = s.fingerprint()
	if err := s.openAccounts(); err != nil || s.accounts.Parts[0].Rows == 0 {
		t.Fatalf("%+v, %v", s.accounts, err)
	}
	if err := os.Remove(filepath.Join(s.resumed, AccountsFile)); err != nil {
		t.Fatal(err)
	}
	if err := s.openAccounts(); err != nil || s.accounts.Parts[0].Rows != 0 || s.accounts.Parts[0].Passes == nil {
		t.Errorf("%+v, %v", s.accounts, err)
	}
}
