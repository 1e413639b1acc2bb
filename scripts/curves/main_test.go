package main

import (
	"encoding/xml"
	"errors"
	"io"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// trained writes the files of a run of 4 logged steps, of 64 pairs and at 320 a second, evaluated twice: the evaluation behind
// step 20 slows the third row.
func trained(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	write := func(name string, lines ...string) {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(strings.Join(lines, "\n")+"\n"), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	write("metrics.jsonl",
		`{"step":10,"samples":640,"loss":4,"pairs_per_second":320}`,
		`{"step":20,"samples":1280,"loss":null,"pairs_per_second":320,"note":"x"}`,
		`{"step":30,"samples":1920,"loss":1.23456,"pairs_per_second":64}`,
		`{"step":40,"samples":2560,"loss":0.5,"pairs_per_second":320}`)
	write("evaluations.jsonl", `{"step":20,"zeroshot_top1":0.25}`, `{"step":40,"zeroshot_top1":0.75}`)
	return dir
}

func TestARunBecomesATable(t *testing.T) {
	dir := trained(t)
	for _, c := range []struct {
		request
		want string
	}{
		{request{names: []string{"loss"}, over: "step", places: 6},
			"| a: step | 10 | 30 | 40 |\n|---|---|---|---|\n| loss | 4 | 1.23 | 0.5 |\n"},
		{request{names: []string{"loss", "zeroshot_top1"}, over: "samples", places: 2},
			"| a: samples | 640 | 2560 |\n|---|---|---|\n| loss | 4 | 0.5 |\n| zeroshot_top1 | 0.25 | 0.75 |\n"},
		{request{names: []string{"zeroshot_top1"}, over: "minutes", places: 2, reach: []float64{0.5}},
			"| a: minutes | 0.0667 | 0.267 |\n|---|---|---|\n| zeroshot_top1 | 0.25 | 0.75 |\n\na: zeroshot_top1 reaches 0.5 at " +
				"minutes 0.267\n"},
		{request{names: []string{"zeroshot_top1"}, over: "step", places: 1, reach: []float64{0.9}},
			"| a: step | 20 |\n|---|---|\n| zeroshot_top1 | 0.25 |\n\na: zeroshot_top1 does not reach 0.9\n"},
	} {
		var out strings.Builder
		if err := c.write(&out, []string{"a=" + dir}); err != nil || out.String() != c.want {
			t.Errorf("%+v: %v\n%swant\n%s", c.request, err, &out, c.want)
		}
	}
}

// The second run begins where the first ended; at 320 pairs a second, 640 pairs are 2 seconds, at 64 they are 10.
func TestRunsThatFollowEachOtherAreOne(t *testing.T) {
	dir := trained(t)
	found, err := readRun(dir + "+" + dir)
	if err != nil {
		t.Fatal(err)
	}
	for over, want := range map[string][]float64{
		"step": {20, 40, 60, 80}, "samples": {1280, 2560, 3840, 5120}, "minutes": {4.0 / 60, 16.0 / 60, 20.0 / 60, 32.0 / 60},
	} {
		l, err := found.line("zeroshot_top1", over)
		if err != nil || !slices.EqualFunc(l.X, want, func(a, b float64) bool { return math.Abs(a-b) < 1e-9 }) ||
			!slices.Equal(l.Y, []float64{0.25, 0.75, 0.25, 0.75}) {
			t.Errorf("%s: %v over %v, want places %v: %v", over, l.Y, l.X, want, err)
		}
	}
}

func TestWhatIsNotThereIsNamed(t *testing.T) {
	dir := trained(t)
	for want, r := range map[string]request{
		`there is no "lss"; there are loss, pairs_per_second, samples, step, zeroshot_top1`: {names: []string{"lss"}, over: "step"},
		"-x is step, samples or minutes": {names: []string{"loss"}, over: "hours"},
	} {
		if err := r.write(io.Discard, []string{dir}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %s", err, want)
		}
	}
	if err := (request{}).write(io.Discard, nil); err == nil {
		t.Error("no run was taken for one")
	}
}

func TestADrawingIsWellFormedAndNamesItsCurves(t *testing.T) {
	dir, svg := trained(t), filepath.Join(t.TempDir(), "x.svg")
	r := request{names: []string{"loss", "zeroshot_top1"}, over: "step", places: 3, svg: svg}
	if err := r.write(io.Discard, []string{"plain=" + dir, "a<b=" + dir}); err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(svg)
	if err != nil {
		t.Fatal(err)
	}
	text := string(data)
	d := xml.NewDecoder(strings.NewReader(text))
	for err == nil {
		_, err = d.Token()
	}
	if !errors.Is(err, io.EOF) {
		t.Errorf("not XML: %v", err)
	}
	for _, want := range []string{"plain, at the end 0.500", "plain, zeroshot_top1, at the end 0.750", "a&lt;b, at the end"} {
		if !strings.Contains(text, want) {
			t.Errorf("no %q in\n%s", want, text)
		}
	}
	if n := strings.Count(text, `<path class="curve`); n != 8 { // a curve and its key each
		t.Errorf("%d paths for 4 curves", n)
	}
}
