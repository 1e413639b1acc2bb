package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"clipgo/datasets/check"
)

func TestCheckTellsWhatATrainingWouldMeet(t *testing.T) {
	dir := pairs(t, 30)
	page := filepath.Join(t.TempDir(), "check.html")
	r := must(t, "check", dir, "--html", page)
	if !strings.Contains(r.out, "30 present: 30 usable, 0 not") || !strings.Contains(r.out, "would not end") {
		t.Errorf("%s", r.out)
	}
	if html := string(read(t, page)); strings.Count(html, "<img ") != 20 {
		t.Errorf("the page shows %d pictures", strings.Count(html, "<img "))
	}
	for i := range 3 {
		write(t, filepath.Join(dir, fmt.Sprintf("p%03d.png", 7*i)), "<html>no picture</html>")
	}
	r = clipgo(t, "check", dir, "--json", "--model", tiny(t), "--batch-size", "8")
	got := decodeJSON[check.Result](t, result{out: r.out})
	if r.code != exitData || !strings.Contains(r.err, "a training would end: 3 of 30 samples") || strings.Count(r.err, "\n") != 1 {
		t.Errorf("exit %d, %s", r.code, r.err)
	}
	if got.Samples.Usable != 27 || got.Verdict.Ends != check.EndsSurely || got.Settings.BatchSize != 8 || got.Speed.Steps == 0 {
		t.Errorf("%+v, %+v", got.Samples, got.Settings)
	}
	r = clipgo(t, "check", dir, "--max-skip", "0.2", "--all")
	if r.code != 0 || !strings.Contains(r.out, "an HTML page, which isn't read") {
		t.Errorf("exit %d, %s%s", r.code, r.out, r.err)
	}
	if r := clipgo(t, "check", dir, "--max-skip", "2"); r.code != exitUsage || !strings.Contains(r.err, "--max-skip") {
		t.Errorf("exit %d, %s", r.code, r.err)
	}
	if r := clipgo(t, "check", filepath.Join(dir, "missing.csv")); r.code != exitUsage {
		t.Errorf("exit %d, %s", r.code, r.err)
	}
}

// A training of such data ends before the model is built, and with the same data under the limit it goes as without the look.
func TestTrainLooksAtItsDataFirst(t *testing.T) {
	dir := pairs(t, 30)
	for i := range 3 {
		if err := os.Truncate(filepath.Join(dir, fmt.Sprintf("p%03d.png", 7*i)), 50); err != nil {
			t.Fatal(err)
		}
	}
	out := filepath.Join(t.TempDir(), "run")
	args := []string{"train", "--train-data", dir, "--model", tiny(t), "--out", out, "--batch-size", "8", "--epochs", "1"}
	r := clipgo(t, args...)
	if r.code != exitData || !strings.Contains(r.err, "looked at before the first step") || !strings.Contains(r.err, "clipgo check shows") {
		t.Errorf("exit %d, %s", r.code, r.err)
	}
	r = must(t, append(args, "--max-skip", "0.2")...)
	if !strings.Contains(r.err, "3 of 30 pictures can't be used") {
		t.Errorf("%s", r.err)
	}
	if n := len(skipped(t, out)); n != 3 {
		t.Errorf("%d samples are skipped", n)
	}
}

// A page that can't be written is refused before the work, and says nothing else.
func TestCheckLooksWhereItsPageGoes(t *testing.T) {
	photos := pairs(t, 2)
	for page, want := range map[string]string{
		photos:                                "--html: " + photos + " is a directory; name a file",
		filepath.Join(photos, "no", "x.html"): "there is no directory " + filepath.Join(photos, "no"),
	} {
		r := clipgo(t, "check", photos, "--html", page)
		if r.code != exitUsage || !strings.Contains(r.err, want) || r.out != "" || strings.Count(r.err, "\n") != 1 {
			t.Errorf("exit %d: %s%s", r.code, r.out, r.err)
		}
	}
}
