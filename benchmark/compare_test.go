package benchmark

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"clipgo/datasets"
	"clipgo/eval/clipbenchmark"
	"clipgo/internal/fault"
)

// predicted writes a made-up cell of a classification of two classes: a letter for each sample, in lower case where it is wrong. Samples of
// class cat are c, those of class dog are d.
func predicted(t *testing.T, out, model, data, letters string) {
	t.Helper()
	var samples []Sample
	hits, right := "", 0
	for i, l := range letters {
		s := Sample{Index: i, Sample: fmt.Sprintf("%s/%d.jpg", data, i), Label: "cat", Predicted: "cat", Confidence: 0.5 + float64(i)/100}
		if l == 'd' || l == 'D' {
			s.Label, s.Predicted = "dog", "dog"
		}
		if s.Right = l < 'a'; s.Right {
			right++
		} else {
			s.Predicted = map[string]string{"cat": "dog", "dog": "cat"}[s.Label]
		}
		hits += string(letter(s.Right))
		samples = append(samples, s)
	}
	c := Cell{Model: model, Pretrained: "x", Data: data, Task: ZeroShot}
	value := float64(right) / float64(len(letters))
	r := &clipbenchmark.Result{Dataset: data, Model: model, Pretrained: "x", Task: ZeroShot, Language: "en",
		Metrics: []clipbenchmark.Metric{{Key: "acc1", Value: value}}}
	if err := c.keep(out, r, &Details{Cell: c, DataDigest: data, Samples: len(hits), Hits: hits}, samples); err != nil {
		t.Fatal(err)
	}
}

// A comparison counts what was won and lost, by class and by sample.
func TestAComparisonCountsClassesAndSamples(t *testing.T) {
	first, second := t.TempDir(), t.TempDir()
	predicted(t, first, "runs/a", "pets", "CCCCCCCCddddddddDD")
	predicted(t, second, "runs/b", "pets", "CCCCCCCcDDDDDDDDDD")
	predicted(t, first, "runs/a", "other", "CD")
	predicted(t, second, "runs/b", "third", "CD")
	ch, err := CompareFolders(first, second, 3)
	if err != nil {
		t.Fatal(err)
	}
	if ch.Compared != 1 || ch.Better != 1 || ch.Worse != 0 || len(ch.OnlyFirst) != 1 || len(ch.OnlySecond) != 1 {
		t.Fatalf("%+v", ch)
	}
	c := ch.Comparisons[0]
	if d := c.Difference; d.Better != 8 || d.Worse != 1 || d.N != 18 || d.Value != 7.0/18 || !c.Significant {
		t.Errorf("difference %+v", d)
	}
	k := c.Classes[0]
	if got := fmt.Sprintf("%s %v %v", k.Class, k.First, k.Second); got != "dog 0.2 1" || len(c.Classes) != 2 {
		t.Errorf("classes %+v", c.Classes)
	}
	won, lost := c.Won[0], c.Lost[0]
	if won.Index != 15 || won.First != "cat" || won.Second != "dog" || len(c.Won) != 3 || len(c.Lost) != 1 || lost.Index != 7 {
		t.Errorf("won %+v, lost %+v", c.Won, c.Lost)
	}
	text := strings.Join(ch.Lines(), "\n")
	for _, want := range []string{
		"from runs/a to runs/b", "pets, zeroshot_classification: acc1 55.56 % to 94.44 %, +38.89 [", "] *, 8 won, 1 lost of 18",
		"dog                               20.00 % to 100.00 %, 8 won, 0 lost of 10 *", "1 compared: 1 better and 0 worse",
		"1 only of the first: runs/a, other",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("%q is missing:\n%s", want, text)
		}
	}
}

// Models of one folder are found by their names; what is ambiguous or missing is an error of usage.
func TestModelsOfAFolderAreCompared(t *testing.T) {
	out := t.TempDir()
	for _, m := range []string{"runs/a", "runs/b", "old/a"} {
		predicted(t, out, m, "pets", "CCDD")
	}
	if ch, err := CompareModels(out, "runs/a", "b", 1); err != nil || ch.Compared != 1 || ch.Comparisons[0].SecondModel != "runs/b" {
		t.Errorf("%+v, %v", ch, err)
	}
	for _, bad := range [][2]string{{"a", "b"}, {"b", "c"}, {"b", "runs/b"}} {
		if _, err := CompareModels(out, bad[0], bad[1], 1); fault.Of(err) != fault.Usage {
			t.Errorf("%v: %v", bad, err)
		}
	}
	other := t.TempDir()
	predicted(t, other, "new/c", "pets", "CCDD")
	for _, bad := range [][2]string{{out, other}, {out, t.TempDir()}, {filepath.Join(out, "gone"), out}} {
		if _, err := CompareFolders(bad[0], bad[1], 1); fault.Of(err) != fault.Usage {
			t.Errorf("%v: %v", bad, err)
		}
	}
	if ch, err := CompareFolders(out, out, 1); err != nil || ch.Compared != 3 || ch.Better+ch.Worse != 0 {
		t.Errorf("%+v, %v", ch, err)
	}
}

// Results on other data, without samples, or of other samples are compared as far as they can be, with the reason.
func TestWhatIsNotComparedIsSaid(t *testing.T) {
	first, second := t.TempDir(), t.TempDir()
	predicted(t, first, "a", "pets", "CCDD")
	predicted(t, second, "b", "pets", "CCDd")
	cell := Cell{Model: "b", Pretrained: "x", Data: "pets", Task: ZeroShot}
	for want, change := range map[string]func(d *Details){
		"the data differ":           func(d *Details) { d.DataDigest = "other" },
		"4 and 3 samples were used": func(d *Details) { d.Hits = "111" },
		"don't name their samples":  func(*Details) {},
		"precision":                 func(d *Details) { d.Precision = "bf16" },
	} {
		o, err := Read(second)
		if err != nil {
			t.Fatal(err)
		}
		e := o.Entries[0]
		changed := *e.Details
		change(&changed)
		samples, err := cell.ReadSamples(second)
		if err != nil {
			t.Fatal(err)
		}
		kept := samples
		if strings.Contains(want, "name their samples") {
			kept = nil
		}
		if err := cell.keep(second, e.Result, &changed, kept); err != nil {
			t.Fatal(err)
		}
		ch, err := CompareFolders(first, second, 5)
		if err != nil {
			t.Fatal(err)
		}
		if c := ch.Comparisons[0]; !strings.Contains(c.Note, want) || *c.First != 1 || *c.Second != 0.75 {
			t.Errorf("%s: %+v", want, c)
		}
		if err := cell.keep(second, e.Result, e.Details, samples); err != nil {
			t.Fatal(err)
		}
	}
}

// A folder of CLIP_benchmark's JSON files is compared by its values, with one of clipgo's or with another such folder.
func TestResultsOfCLIPBenchmarkAreCompared(t *testing.T) {
	own, theirs := t.TempDir(), t.TempDir()
	predicted(t, own, "a", "pets", "CCDD")
	file := filepath.Join(theirs, "pets_x_a_en_zeroshot_classification.json")
	text := `{"dataset": "pets", "model": "a", "pretrained": "x", "task": "zeroshot_classification", ` +
		`"metrics": {"acc1": 0.75, "acc5": NaN}, "language": "en"}`
	for name, text := range map[string]string{file: text, filepath.Join(theirs, "notes.json"): "{}"} {
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for _, sides := range [][2]string{{own, theirs}, {theirs, own}, {theirs, theirs}} {
		ch, err := CompareFolders(sides[0], sides[1], 5)
		if err != nil {
			t.Fatal(err)
		}
		values := map[string]float64{own: 1, theirs: 0.75}
		c := ch.Comparisons[0]
		if *c.First != values[sides[0]] || *c.Second != values[sides[1]] {
			t.Errorf("%v and %v", *c.First, *c.Second)
		}
		if c.Difference != nil || !strings.Contains(c.Note, "CLIP_benchmark") {
			t.Errorf("%+v", c)
		}
		var page bytes.Buffer
		if _, err := ch.WritePage(context.Background(), &page, "changes", datasets.Options{}); err != nil {
			t.Error(err)
		}
	}
	if err := os.WriteFile(filepath.Join(theirs, "again.json"), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := CompareFolders(own, theirs, 5); fault.Of(err) != fault.Data || !strings.Contains(err.Error(), "again.json") {
		t.Errorf("two files of one result: %v", err)
	}
}

// The page shows the pictures that were won and lost: from the data, from the results, or none with a count.
func TestTheComparisonsPageShowsPictures(t *testing.T) {
	data := classFolders(t, false)
	src, err := datasets.Open(context.Background(), data, datasets.Options{Need: datasets.NeedLabels})
	if err != nil {
		t.Fatal(err)
	}
	defer src.Close()
	out := t.TempDir()
	write := func(model string, right bool) {
		c := Cell{Model: model, Pretrained: "x", Data: "<pets>", Task: ZeroShot}
		var samples []Sample
		for i := range src.Len() {
			e, err := src.Entry(context.Background(), i)
			if err != nil {
				t.Fatal(err)
			}
			samples = append(samples, Sample{Index: i, Sample: e.Key, Label: "a cat", Predicted: "<a dog>", Right: right})
		}
		r := &clipbenchmark.Result{Dataset: c.Data, Model: model, Pretrained: "x", Task: ZeroShot, Language: "en",
			Metrics: []clipbenchmark.Metric{{Key: "acc1", Value: 0.5}}}
		d := &Details{Cell: c, DataDigest: "d", Hits: strings.Repeat(string(letter(right)), len(samples)), Place: data}
		if err := c.keep(out, r, d, samples); err != nil {
			t.Fatal(err)
		}
	}
	write("a", false)
	write("b", true)
	ch, err := CompareModels(out, "a", "b", 4)
	if err != nil {
		t.Fatal(err)
	}
	for _, there := range []bool{true, false} {
		if !there {
			if err := os.RemoveAll(data); err != nil {
				t.Fatal(err)
			}
		}
		var b bytes.Buffer
		missing, err := ch.WritePage(context.Background(), &b, "t", datasets.Options{})
		if err != nil {
			t.Fatal(err)
		}
		pictures := strings.Count(b.String(), `src="data:image/jpeg`)
		if there && (pictures != 4 || missing != 0) || !there && (pictures != 0 || missing != 4) {
			t.Errorf("data there: %v, %d pictures, %d missing", there, pictures, missing)
		}
		if strings.Contains(b.String(), "<pets>") || strings.Contains(b.String(), "<a dog>") || strings.Contains(b.String(), "<script") {
			t.Error("a name is not escaped, or there is a script")
		}
	}
}
