package benchmark

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"clipgo/datasets"
	"clipgo/internal/fault"
	"clipgo/internal/golden"
)

// The split that is measured is neither the validation set nor what a probe is trained on.
func TestTheMeasuredSplitIsNotTrainedOn(t *testing.T) {
	place := t.TempDir()
	for _, split := range []string{TestSplit, TrainSplit, ValSplit} {
		if err := os.Mkdir(filepath.Join(place, split), 0o777); err != nil {
			t.Fatal(err)
		}
	}
	measuring := func(split string) *Data {
		d, err := Open("x="+place, datasets.Options{})
		if err == nil {
			err = d.Measure(split)
		}
		if err != nil {
			t.Fatal(err)
		}
		return d
	}
	if got := measuring(TestSplit).Splits(); !slices.Equal(got, []string{TestSplit, TrainSplit, ValSplit}) {
		t.Errorf("test: %v", got)
	}
	val := measuring(ValSplit)
	if got := val.Splits(); !slices.Equal(got, []string{TestSplit, TrainSplit}) || !strings.HasSuffix(val.splits[TestSplit], ValSplit) {
		t.Errorf("val: %v of %v", got, val.splits)
	}
	if _, there := val.names()[ValSplit]; there {
		t.Error("val of a folder elsewhere is the validation set too")
	}
	s := &Suite{Models: []string{"m"}, Data: []*Data{measuring(TrainSplit)}}
	for task := range tasks {
		s.Tasks = []string{task}
		err := s.check()
		if trains := task == LinearProbe || task == Neighbours; trains != (fault.Of(err) == fault.Usage) || !trains && err != nil {
			t.Errorf("%s: %v", task, err)
		}
	}
}

// Probes and neighbours refuse pictures with several classes, as zero-shot calibration does.
func TestProbesRefuseSeveralClassesAPicture(t *testing.T) {
	dir, s, m := openFixture(t)
	place := filepath.Join(t.TempDir(), "several")
	from := filepath.Join(golden.Dir(t, "benchmark"), "data", "wds_scenes_multilabel", "test")
	for _, split := range []string{TestSplit, TrainSplit} {
		if err := os.CopyFS(filepath.Join(place, split), os.DirFS(from)); err != nil {
			t.Fatal(err)
		}
	}
	for _, file := range []string{"classnames.txt", "dataset_type.txt"} {
		data := golden.Read(t, filepath.Join(dir, "data", "wds_scenes_multilabel", file))
		if err := os.WriteFile(filepath.Join(place, file), data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	d, err := Open(place, s.Settings.Data)
	if err != nil {
		t.Fatal(err)
	}
	for _, task := range []string{LinearProbe, Neighbours} {
		_, err := s.Measure(context.Background(), m, d, task)
		if fault.Of(err) != fault.Data || !strings.Contains(err.Error(), "several classes each") {
			t.Errorf("%s: %v", task, err)
		}
	}
}

// Pictures of the reference whose classes a shifted set lacks don't count, and a note says so; pictures that can't be used are noted too.
func TestPicturesThatDontCountAreNoted(t *testing.T) {
	dir, s, m := openFixture(t)
	pictures, err := filepath.Glob(filepath.Join(dir, "data", "sugar_crepe", "val2017", "*"))
	if err != nil || len(pictures) == 0 {
		t.Fatal(err)
	}
	folders := func(name string, classes ...string) *Data {
		place := filepath.Join(t.TempDir(), name)
		for _, class := range classes {
			to := filepath.Join(place, class, "0"+filepath.Ext(pictures[0]))
			if err := os.MkdirAll(filepath.Dir(to), 0o777); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(to, golden.Read(t, pictures[0]), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		d, err := Open(place, datasets.Options{})
		if err != nil {
			t.Fatal(err)
		}
		return d
	}
	shifted := folders("fewer", "cat", "dog")
	broken := filepath.Join(shifted.Place, "cat", "broken.png")
	if err := os.WriteFile(broken, []byte("no picture"), 0o600); err != nil {
		t.Fatal(err)
	}
	s.Settings.MaxSkip, m.Settings.MaxSkip = 1, 1
	r, err := s.Robustness(context.Background(), m, folders("whole", "bird", "cat", "dog"), []*Data{shifted}, nil)
	if err != nil {
		t.Fatal(err)
	}
	text := strings.Join(r.Notes, "\n")
	for _, want := range []string{"fewer: 1 of 3 pictures of whole are left out", "fewer: 1 samples can't be used"} {
		if strings.Count(text, want) != 1 {
			t.Errorf("no %q in\n%s", want, text)
		}
	}
}
