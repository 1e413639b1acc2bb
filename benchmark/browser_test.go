package benchmark

import (
	"bytes"
	"fmt"
	"image"
	"image/jpeg"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"clipgo/datasets"
	"clipgo/eval"
	"clipgo/eval/clipbenchmark"
	"clipgo/internal/browsertest"
)

// shownOutcome is a made-up outcome of three models on three sets, with a failure, pictures and long names.
func shownOutcome(t *testing.T) *Outcome {
	t.Helper()
	var small bytes.Buffer
	if err := jpeg.Encode(&small, image.NewGray(image.Rect(0, 0, 8, 8)), nil); err != nil {
		t.Fatal(err)
	}
	o := &Outcome{Out: t.TempDir()}
	name, err := keepPicture(o.Out, small.Bytes())
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		model string
		size  int64
		hits  string
	}{{"models/beta-with-a-long-name", 5e6, "10"}, {"models/alpha", 150e6, "11"}, {"models/gamma", 30e6, "00"}} {
		for _, data := range []string{"wds/cifar10", "wds/vtab/pets", "wds/of-a-data-set-with-a-long-name"} {
			hits := strings.Repeat(c.hits, 40)
			e := entry(c.model, data, float64(strings.Count(hits, "1"))/80, hits)
			if data == "wds/vtab/pets" && c.hits == "00" {
				why := "pets/0.tar: <img src=x onerror=alert(1)>: no sample"
				o.Failures = append(o.Failures, Failure{data, c.model, "x", ZeroShot, why, ""})
				continue
			}
			e.Result.Metrics = append(e.Result.Metrics, clipbenchmark.Metric{Key: perClass, Value: 0.25})
			half := 0.5
			e.Details.PerClass = []eval.ClassResult{
				{Class: "cat", N: 40, Recall: &half, Confused: "dog", ConfusedN: 20}, {Class: "dog", N: 40, Recall: &half},
			}
			e.Details.Parameters, e.Details.Seconds = c.size, float64(c.size)/1e6
			e.Details.Mistakes = []Mistake{
				{Index: 3, Sample: "test/0.tar/s003.jpg", Label: "cat", Predicted: "dog", Confidence: 0.9, Picture: name},
				{Index: 4, Sample: "s4", Label: "cat", Predicted: "dog", Confidence: 0.4},
			}
			e.Details.Confused = []Confusion{{"cat", "dog", 20}}
			region := eval.Grouping{Name: "region", Groups: []eval.GroupResult{{Group: 7, N: 80, Top1: 0.125}}}
			e.Details.More = map[string]any{"groups": GroupResults{region}}
			o.Entries = append(o.Entries, e)
		}
	}
	return o
}

func openPage(t *testing.T, o *Outcome, width, height int) *browsertest.Page {
	t.Helper()
	path := filepath.Join(t.TempDir(), PageFile)
	var b bytes.Buffer
	if err := o.WritePage(&b, "Benchmark"); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, b.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	return browsertest.Open(t, "file://"+path, width, height)
}

// In a real browser the page sorts, filters, compares and shows details, by mouse and by keyboard, and no error is reported.
func TestThePageWorksInABrowser(t *testing.T) {
	p := openPage(t, shownOutcome(t), 1280, 900)
	rows := func() string {
		return p.Text(`[...document.querySelectorAll("#results tbody th")].map((e) => e.textContent.slice(0, 5)).join()`)
	}
	heads := func() string {
		return p.Text(`[...document.querySelectorAll("#results thead button")].map((e) => e.textContent).join()`)
	}
	want := func(what, got, want string) {
		t.Helper()
		if got != want {
			t.Errorf("%s: %s, want %s", what, got, want)
		}
	}
	want("rows", rows(), "alpha,beta-,gamma")
	sorted := `[...document.querySelectorAll("[aria-sort]")].map((e) => e.querySelector("button").textContent + " " + e.ariaSort).join()`
	cifar := `#results thead th:nth-child(6) button`
	want("column", p.Text(`document.querySelector("`+cifar+`").textContent`), "wds/cifar10")
	p.Click(cifar)
	want("sorted", p.Text(sorted), "wds/cifar10 descending")
	p.Do(chromedp.KeyEvent(kb.Enter)) // the heading keeps the focus
	want("sorted by keyboard", p.Text(sorted), "wds/cifar10 ascending")
	want("rows", rows(), "gamma,beta-,alpha")

	p.Choose("models", "A")
	want("models with an a", rows(), "gamma,beta-,alpha")
	p.Choose("models", "gam")
	want("filtered models", rows(), "gamma")
	p.Choose("models", "")
	p.Choose("sets", "pets")
	p.Choose("shown", "sets")
	want("filtered sets", heads(), "model,mean,wds/vtab/pets,parameters,time")
	p.Choose("shown", "averages")
	want("averages", heads(), "model,mean zeroshot classification,DataComp VTAB,DataComp,parameters,time")
	p.Choose("shown", "both")
	p.Choose("sets", "")
	p.Choose("task", "")
	p.Choose("base", "2")
	marks := p.Text(`document.querySelectorAll("#results .delta.up").length + " " + document.querySelectorAll("#results .delta").length`)
	want("marked differences", marks, "4 4")
	p.Screenshot("table-1280")

	p.Click(`#results tbody tr:nth-child(3) td:nth-of-type(5) button`)
	want("details", p.Text(`document.querySelector("#details h2").textContent`), "alpha on wds/cifar10, zeroshot classification")
	for what, script := range map[string]string{
		"tables": `[...document.querySelectorAll("#details h3")].map((e) => e.textContent).join("; ")`,
		"a picture and a place without one": `document.querySelectorAll("#details img").length + " " +
			document.querySelectorAll("#details .blank").length`,
		"pictures that are shown": `[...document.querySelectorAll("#details img")].filter((e) => e.naturalWidth === 8).length`,
		"the focus":               `document.activeElement.id`,
	} {
		want(what, p.Text(script), map[string]string{
			"tables": "Numbers; Differences to other models; By region; Classes, lowest recall first; Pairs confused most often; " +
				"Confusion; Most confident mistakes",
			"a picture and a place without one": "1 1", "pictures that are shown": "1", "the focus": "details-title",
		}[what])
	}
	p.Screenshot("details-1280")
	p.Do(chromedp.KeyEvent(kb.Escape))
	want("closed by Escape, the focus is back",
		p.Text(`document.getElementById("details").hidden + " " + document.activeElement.textContent`), "true 100.00")

	p.Click(`#results button.failed`)
	if text := p.Text(`document.getElementById("details").textContent`); !strings.Contains(text, "pets/0.tar: <img src=x") {
		t.Errorf("the failure's details: %s", text)
	}
	want("failures", p.Text(`document.querySelectorAll("#failures tbody tr").length`), "1")
	p.Choose("x", "seconds")
	want("points", p.Text(`document.querySelectorAll("#plot circle").length`), "2")
	p.Choose("y", "0")
	want("points of a column", p.Text(`document.querySelectorAll("#plot circle").length`), "3")
	if errs := p.Errors(); len(errs) > 0 {
		t.Errorf("errors of the console: %s", strings.Join(errs, "; "))
	}
}

// On a telephone the page is as wide as the screen: only its tables scroll.
func TestThePageFitsATelephone(t *testing.T) {
	p := openPage(t, shownOutcome(t), 390, 844)
	widths := func() string { return p.Text(`document.documentElement.scrollWidth + " of " + innerWidth`) }
	if got := widths(); got != "390 of 390" {
		t.Errorf("the page has a width of %s", got)
	}
	p.Screenshot("table-390")
	p.Text(`document.querySelector("#results tbody tr td:nth-of-type(5) button").click()`)
	if got := widths(); got != "390 of 390" {
		t.Errorf("with details the page has a width of %s", got)
	}
	p.Screenshot("details-390")
	if n := p.Text(`[...document.querySelectorAll("input, select")].filter((e) => !e.labels.length).length`); n != "0" {
		t.Errorf("%s fields have no label", n)
	}
	if errs := p.Errors(); len(errs) > 0 {
		t.Error(fmt.Sprint(errs))
	}
}

// The page of a comparison, too, is as wide as a telephone.
func TestTheComparisonsPageFitsATelephone(t *testing.T) {
	out, path := t.TempDir(), filepath.Join(t.TempDir(), "page.html")
	for model, letters := range map[string]string{"models/a-first-model-with-a-long-name": "CCCCcccccc", "models/b": "CCcCCCCCCC"} {
		predicted(t, out, model, "wds/a-data-set-with-a-name-that-is-much-longer-than-a-telephone-is-wide", letters)
	}
	ch, err := CompareModels(out, "a-first-model-with-a-long-name", "b", 8)
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	if _, err := ch.WritePage(t.Context(), &b, "Comparison", datasets.Options{}); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, b.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	p := browsertest.Open(t, "file://"+path, 390, 844)
	p.Click("summary")
	p.Screenshot("compare-390")
	if got := p.Text(`document.documentElement.scrollWidth + " of " + innerWidth`); got != "390 of 390" {
		t.Errorf("the page has a width of %s", got)
	}
	if n := p.Text(`document.querySelectorAll(".gallery li").length`); n != "7" {
		t.Errorf("%s examples", n)
	}
	if errs := p.Errors(); len(errs) > 0 {
		t.Error(errs)
	}
}
