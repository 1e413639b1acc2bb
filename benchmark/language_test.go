package benchmark

import (
	"errors"
	"strings"
	"testing"

	"clipgo/eval/clipbenchmark"
)

// inFrench writes a made-up cell as predicted does, in French.
func inFrench(t *testing.T, out, model, data string, right bool) {
	t.Helper()
	c := Cell{Model: model, Pretrained: "x", Data: data, Task: ZeroShot, Language: "fr"}
	value, hits := map[bool]float64{true: 1}[right], string(letter(right))
	r := &clipbenchmark.Result{Dataset: data, Model: model, Pretrained: "x", Task: ZeroShot, Language: "fr",
		Metrics: []clipbenchmark.Metric{{Key: "acc1", Value: value}}}
	samples := []Sample{{Sample: "french.jpg", Label: "chat", Right: right}}
	if err := c.keep(out, r, &Details{Cell: c, DataDigest: data, Samples: 1, Hits: hits}, samples); err != nil {
		t.Fatal(err)
	}
}

// Results that differ in their language alone are kept, shown and averaged side by side.
func TestLanguagesAreApart(t *testing.T) {
	out := t.TempDir()
	for _, data := range []string{"pets", "birds"} {
		predicted(t, out, "runs/a", data, "CCCc")
		inFrench(t, out, "runs/a", data, true)
	}
	failed := Cell{Model: "runs/b", Pretrained: "x", Data: "pets", Task: ZeroShot, Language: "fr"}
	predicted(t, out, "runs/b", "pets", "CCCC")
	if err := failed.fail(out, errors.New("why")); err != nil {
		t.Fatal(err)
	}
	o, err := WriteTable(out)
	if err != nil || len(o.Entries) != 5 || len(o.Failures) != 1 || o.Failures[0].Language != "fr" {
		t.Fatalf("%d entries, %+v, %v", len(o.Entries), o.Failures, err)
	}
	if first := o.Entries[0].Result; first.Dataset != "birds" || first.Language != "en" {
		t.Errorf("the first is %+v", first)
	}
	c, _ := o.grid()
	var heads []string
	for _, column := range c.Columns {
		heads = append(heads, column.Data)
	}
	if got := strings.Join(heads, "; "); got != "birds; birds (fr); pets; pets (fr)" {
		t.Errorf("columns %s", got)
	}
	if a := c.Cells[0]; *a[2].Value != 0.75 || *a[3].Value != 1 || c.Cells[1][2].Error != "" || c.Cells[1][3].Error != "why" {
		t.Errorf("cells %+v", c.Cells)
	}
	text := strings.Join(o.Lines(), "\n")
	for _, want := range []string{
		"mean zeroshot classification: 75.00 %, 2 of 2", "mean zeroshot classification (fr): 100.00 %, 2 of 2", "pets (fr)",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("no %q in\n%s", want, text)
		}
	}
}

// Each language is compared with itself, with its own samples.
func TestLanguagesAreComparedApart(t *testing.T) {
	first, second := t.TempDir(), t.TempDir()
	for i, out := range []string{first, second} {
		predicted(t, out, "runs/a", "pets", []string{"CCCc", "CCCC"}[i])
		inFrench(t, out, "runs/a", "pets", i == 1)
	}
	ch, err := CompareFolders(first, second, 3)
	if err != nil || ch.Compared != 2 {
		t.Fatalf("%+v, %v", ch, err)
	}
	en, fr := ch.Comparisons[0], ch.Comparisons[1]
	if en.Difference.N != 4 || fr.Language != "fr" || fr.Difference.N != 1 || len(fr.Won) != 1 || fr.Won[0].Sample != "french.jpg" {
		t.Errorf("%+v, %+v", en, fr)
	}
	if text := strings.Join(ch.Lines(), "\n"); !strings.Contains(text, "pets (fr), zeroshot_classification") {
		t.Error(text)
	}
}
