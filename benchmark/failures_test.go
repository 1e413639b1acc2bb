package benchmark

import (
	"bytes"
	"context"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"clipgo/datasets"
	"clipgo/eval"
	"clipgo/internal/fault"
	"clipgo/pretrained"
)

// A cell that fails is named in the lines and on the page, and no more once it is complete. Its old files are no result meanwhile.
func TestAFailureIsNamedUntilItIsMended(t *testing.T) {
	s := smallSuite(t, t.TempDir())
	s.Tasks, s.Data = []string{ZeroShot}, s.Data[:1]
	read := func() (*Outcome, string, string) {
		t.Helper()
		o, err := WriteTable(s.Out)
		if err != nil {
			t.Fatal(err)
		}
		page, err := os.ReadFile(filepath.Join(s.Out, PageFile))
		if err != nil {
			t.Fatal(err)
		}
		return o, strings.Join(o.Lines(), "\n"), string(page)
	}
	if err := s.Run(context.Background()); err != nil {
		t.Fatal(err)
	}
	good := s.Data[0].splits[TestSplit]
	s.Data[0].infos, s.Data[0].splits[TestSplit] = nil, filepath.Join(t.TempDir(), "gone")
	if err := s.Run(context.Background()); err == nil {
		t.Fatal("there is no error")
	}
	o, lines, page := read()
	if len(o.Entries) != 0 || len(o.Failures) != 1 || !strings.Contains(lines, "failed: ") || !strings.Contains(lines, "gone") {
		t.Errorf("%d entries, %+v\n%s", len(o.Entries), o.Failures, lines)
	}
	if c := content(t, page); len(c.Failures) != 1 || c.Cells[0][0] == nil || !strings.Contains(c.Cells[0][0].Error, "gone") {
		t.Errorf("the page has %+v", c.Failures)
	}
	s.Data[0].infos, s.Data[0].splits[TestSplit] = nil, good
	if err := s.Run(context.Background()); err != nil {
		t.Fatal(err)
	}
	if o, lines, _ := read(); len(o.Entries) != 1 || len(o.Failures) != 0 || strings.Contains(lines, "failed: ") {
		t.Errorf("%d entries, %+v\n%s", len(o.Entries), o.Failures, lines)
	}
}

// Features that are not finite are a fault of the model, with the sample's name.
func TestFeaturesThatAreNotFiniteAreRefused(t *testing.T) {
	f := &pretrained.Features{Entries: []datasets.Entry{{Key: "first.jpg"}, {Key: "second.jpg"}}}
	f.Features = eval.Features{Dim: 2, Images: []float32{0, 1, 2, 3}, Texts: []float32{1, 1}, Captions: []string{"c"}}
	if err := checkFinite("m", f); err != nil {
		t.Error(err)
	}
	f.Images[3] = float32(math.NaN())
	if err := checkFinite("m", f); err == nil || !strings.Contains(err.Error(), "second.jpg") || fault.Of(err) != fault.Model {
		t.Error(err)
	}
	f.Images[3], f.Texts[0] = 0, float32(math.Inf(1))
	if err := checkFinite("m", f); err == nil || !strings.Contains(err.Error(), `"c"`) {
		t.Error(err)
	}
}

// Models whose folders have the same name are different rows.
func TestModelsWithTheSameNameAreDifferentRows(t *testing.T) {
	o := &Outcome{Entries: []Entry{
		entry("runs/one/model", "x", 0.5, "10"), entry("runs/two/model", "x", 1, "11"), entry("c", "x", 1, "11"),
	}}
	var b bytes.Buffer
	if err := o.WritePage(&b, "t"); err != nil {
		t.Fatal(err)
	}
	if c := content(t, b.String()); len(c.Models) != 3 || c.Models[0].Name != "runs/one/model" || c.Models[2].Name != "c" {
		t.Errorf("%+v", c.Models)
	}
}

// What became of the samples is read as it was written; a damaged file is an error with its name.
func TestSamplesAreReadAsWritten(t *testing.T) {
	c, out := Cell{Model: "m", Pretrained: "x", Data: "d", Task: ZeroShot}, t.TempDir()
	if got, err := c.ReadSamples(out); err != nil || got != nil {
		t.Fatalf("%v, %v", got, err)
	}
	want := []Sample{{0, "a<b>.jpg", "", "cat", "dog", 0.25, false}, {7, "b", "", "cat", "cat", 1, true}}
	for range 2 {
		if err := c.writeSamples(out, want); err != nil {
			t.Fatal(err)
		}
		got, err := c.ReadSamples(out)
		if err != nil || len(got) != 2 || got[0] != want[0] || got[1] != want[1] {
			t.Errorf("%v, %v", got, err)
		}
	}
	if err := os.WriteFile(c.samplesFile(out), []byte("{}"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := c.ReadSamples(out); err == nil || !strings.Contains(err.Error(), samplesDir) || fault.Of(err) != fault.Data {
		t.Error(err)
	}
	if err := c.writeSamples(out, nil); err != nil {
		t.Error(err)
	}
	if got, err := c.ReadSamples(out); err != nil || got != nil {
		t.Errorf("%v, %v", got, err)
	}
}
