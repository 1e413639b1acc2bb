package benchmark

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"html"
	"math"
	"regexp"
	"strings"
	"testing"

	"clipgo/eval"
	"clipgo/eval/clipbenchmark"
)

// entry is a made-up cell.
func entry(model, data string, value float64, hits string) Entry {
	low := 0.25
	return Entry{
		Result: &clipbenchmark.Result{
			Dataset: data, Model: model, Pretrained: "x", Task: ZeroShot, Metrics: []clipbenchmark.Metric{{Key: "acc1", Value: value}},
		},
		Details: &Details{
			Cell: Cell{Model: model, Pretrained: "x", Data: data, Task: ZeroShot}, DataDigest: data, Samples: len(hits), Hits: hits,
			PerClass: []eval.ClassResult{{Class: "<b>cat</b>", N: 4, Recall: &low}, {Class: "none"}},
			Mistakes: []Mistake{{Sample: "</script><script>alert(1)</script>.jpg", Label: "cat", Predicted: "dog", Confidence: 0.9}},
		},
	}
}

func content(t *testing.T, page string) pageContent {
	t.Helper()
	m := regexp.MustCompile(`(?s)<script type="application/json" id="content">(.*?)</script>`).FindStringSubmatch(page)
	if m == nil {
		t.Fatal("the page has no content")
	}
	var c pageContent
	if err := json.Unmarshal([]byte(m[1]), &c); err != nil {
		t.Fatalf("%v: %.200s", err, m[1])
	}
	return c
}

func TestThePageHoldsTheTable(t *testing.T) {
	entries := []Entry{
		entry("models/a", "wds/x", 0.5, "1100"), entry("models/a", "wds/y", math.NaN(), "11"), entry("models/b", "wds/x", 0.75, "1110"),
	}
	var b bytes.Buffer
	if err := (&Outcome{Entries: entries}).WritePage(&b, "A <title>"); err != nil {
		t.Fatal(err)
	}
	page := b.String()
	for _, bad := range []string{"<title>A <title>", "alert(1)</script>.jpg", "<b>cat</b>"} {
		if strings.Contains(page, bad) {
			t.Errorf("%q is not escaped", bad)
		}
	}
	hash := sha256.Sum256([]byte(pageJS))
	if !strings.Contains(html.UnescapeString(page), "script-src 'sha256-"+base64.StdEncoding.EncodeToString(hash[:])+"'") {
		t.Errorf("the page's policy doesn't allow its script alone: %.600s", page)
	}
	for _, foreign := range []string{"http://", "https://", "src="} {
		if strings.Contains(strings.ReplaceAll(page, "http://www.w3.org/2000/svg", ""), foreign) {
			t.Errorf("the page refers to something else: %s", foreign)
		}
	}
	var table bytes.Buffer
	o := &Outcome{Entries: entries, Failures: []Failure{{"wds/y", "models/b|c", "x", ZeroShot, "why", ""}}}
	if err := o.WriteMarkdown(&table); err != nil {
		t.Fatal(err)
	}
	want := "| model | wds/x, acc1 | wds/y, acc1 |\n| --- | ---: | ---: |\n" +
		"| a | 50.00 | not defined |\n| b | 75.00 | - |\n| b\\|c | - | failed |\n"
	if table.String() != want {
		t.Errorf("Markdown:\n%s", table.String())
	}
	c := content(t, page)
	if len(c.Models) != 2 || len(c.Columns) != 2 || c.Models[0].Name != "a" {
		t.Fatalf("%+v", c)
	}
	if got := fmt.Sprint(*c.Cells[0][0].Value, c.Cells[0][1].Value, *c.Cells[1][0].Value, c.Cells[1][1]); got != "0.5 <nil> 0.75 <nil>" {
		t.Errorf("values %s", got)
	}
	if d := c.Differences[0]["0,1"]; d.Value != -0.25 || len(c.Differences[1]) != 0 {
		t.Errorf("differences %+v", c.Differences)
	}
	if p := c.Cells[0][0].PerClass; len(p) != 1 || p[0].Class != "<b>cat</b>" {
		t.Errorf("classes %+v", p)
	}
}

// Results on other samples are not compared.
func TestOnlyTheSameSamplesAreCompared(t *testing.T) {
	a, b := entry("a", "x", 0.5, "10"), entry("b", "x", 0.5, "01")
	if _, ok := Compare(a, b); !ok {
		t.Error("the same samples are not compared")
	}
	b.Details.DataDigest = "other"
	if _, ok := Compare(a, b); ok {
		t.Error("other samples are compared")
	}
}
