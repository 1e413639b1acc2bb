package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
)

// picture writes a plain square of a colour as PNG.
func picture(t testing.TB, path string, c color.Color) string {
	t.Helper()
	im := image.NewNRGBA(image.Rect(0, 0, 40, 40))
	for i := range 40 * 40 {
		im.Set(i%40, i/40, c)
	}
	var b bytes.Buffer
	if err := png.Encode(&b, im); err != nil {
		t.Fatal(err)
	}
	return write(t, path, b.String())
}

// pairs writes a folder of n pictures with captions.
func pairs(t testing.TB, n int) string {
	t.Helper()
	dir := t.TempDir()
	for i := range n {
		picture(t, filepath.Join(dir, fmt.Sprintf("p%03d.png", i)), color.NRGBA{uint8(i * 37), uint8(i * 91), uint8(i * 13), 255})
		write(t, filepath.Join(dir, fmt.Sprintf("p%03d.txt", i)), fmt.Sprintf("colour number %d\n", i))
	}
	return dir
}

// skipped reads a run's ledger.
func skipped(t *testing.T, run string) []skipLine {
	t.Helper()
	var out []skipLine
	for line := range strings.Lines(string(read(t, run, skippedFile))) {
		var s skipLine
		if err := json.Unmarshal([]byte(line), &s); err != nil {
			t.Fatalf("%v in %q", err, line)
		}
		out = append(out, s)
	}
	return out
}

// A table with a row for each caption gives the recall of one with a list of captions for each picture, and so does validation.
func TestRowsOfAPictureGiveTheRecallOfLists(t *testing.T) {
	run, dir := trained(t), pairs(t, 6)
	var rows, lists strings.Builder
	rows.WriteString("filepath,title\n")
	for i := range 6 {
		name, more := fmt.Sprintf("p%03d.png", i), fmt.Sprintf("number %d", i)
		fmt.Fprintf(&lists, `{"image":%q,"captions":["colour number %d",%q]}`+"\n", name, i, more)
	}
	for _, what := range []string{"colour number %d", "number %d"} {
		for i := range 6 {
			fmt.Fprintf(&rows, "p%03d.png,"+what+"\n", i, i)
		}
	}
	write(t, filepath.Join(dir, "rows.csv"), rows.String())
	write(t, filepath.Join(dir, "lists.jsonl"), lists.String())
	type recalls struct {
		Images, Texts int
		Metrics       json.RawMessage
		Details       json.RawMessage
	}
	recall := func(name string) recalls {
		return decodeJSON[recalls](t, must(t, "eval", "retrieval", "--model", run, filepath.Join(dir, name), "--json"))
	}
	if a, b := recall("rows.csv"), recall("lists.jsonl"); !reflect.DeepEqual(a, b) || a.Images != 6 || a.Texts != 12 || len(a.Metrics) < 9 {
		t.Errorf("rows %+v lists %+v", a, b)
	}
	got := decodeJSON[struct{ Pairs int }](t, must(t, "eval", "anatomy", "--model", run, filepath.Join(dir, "rows.csv"), "--json"))
	if got.Pairs != 6 {
		t.Errorf("anatomy of %d pairs, want 6", got.Pairs)
	}
}

// What a folder walk leaves out is in the JSON of info and embed, and in a line of their text.
func TestIgnoredFilesAreCounted(t *testing.T) {
	run, dir, index := trained(t), pairs(t, 3), filepath.Join(t.TempDir(), "index")
	write(t, filepath.Join(dir, "a.heic"), "x")
	write(t, filepath.Join(dir, "@eaDir", "a.png"), "x")
	write(t, filepath.Join(dir, "raw", "a.png"), "x")
	type ignored struct {
		Ignored map[string]int
		Usable  int
	}
	want := map[string]int{".heic": 1, "excluded by @eaDir": 1, "excluded by raw": 1}
	got := decodeJSON[ignored](t, must(t, "info", dir, "--exclude", "raw", "--json"))
	if !maps.Equal(got.Ignored, want) || got.Usable != 3 {
		t.Errorf("info: %+v, want %v", got, want)
	}
	args := []string{"embed", "--model", run, "--index", index, "--exclude", "raw", dir}
	if got := decodeJSON[ignored](t, must(t, append(args, "--json")...)); !maps.Equal(got.Ignored, want) {
		t.Errorf("embed: %+v, want %v", got, want)
	}
	line := "ignored 3 files and folders: 1 .heic, 1 excluded by @eaDir, 1 excluded by raw; pictures are read from "
	if r := must(t, args...); strings.Count(r.out+r.err, line) != 1 {
		t.Errorf("embed: %s%s", r.out, r.err)
	}
	if r := clipgo(t, "info", dir, "--exclude", "["); r.code != exitUsage || !strings.Contains(r.err, "--exclude") {
		t.Errorf("exit %d: %s", r.code, r.err)
	}
	write(t, filepath.Join(dir, "t.csv"), "filepath,title\np000.png,one\np001.png,\np002.png,\n")
	if got := decodeJSON[ignored](t, must(t, "info", filepath.Join(dir, "t.csv"), "--json")); got.Usable != 1 {
		t.Errorf("%d rows are usable, want the one with a caption", got.Usable)
	}
}

func TestUsedAndSkippedArePresent(t *testing.T) {
	model, dir := tiny(t), pairs(t, 40)
	write(t, filepath.Join(dir, "p007.png"), "this is a text")
	whole := read(t, dir, "p011.png")
	write(t, filepath.Join(dir, "p011.png"), string(whole[:len(whole)/2]))
	if err := os.Remove(filepath.Join(dir, "p013.txt")); err != nil {
		t.Fatal(err)
	}
	out := filepath.Join(t.TempDir(), "run")
	args := []string{"train", "--train-data", dir, "--model", model, "--out", out, "--batch-size", "8", "--epochs", "1", "--precision",
		"fp32", "--json"}
	r := must(t, append(args, "--max-skip", "0.1")...)
	got := decodeJSON[struct{ Step, Samples, Skipped, Replaced int }](t, r)
	if lines := skipped(t, out); got.Step != 5 || got.Samples != 39 || got.Skipped != 2 || got.Replaced != 2 || len(lines) != 2 {
		t.Errorf("%+v, %d lines in the ledger; want 5 steps of 39 samples, 2 of them in the place of others", got, len(lines))
	}
	for _, s := range skipped(t, out) {
		if s.Key == "" || s.Reason == "" || s.Source == "" || s.ReplacedBy == "" || s.ReplacedBy == s.Key {
			t.Errorf("a line of the ledger lacks something: %+v", s)
		}
	}
	strict := filepath.Join(t.TempDir(), "run")
	args[6] = strict
	if r := clipgo(t, args...); r.code != exitData {
		t.Errorf("two of 39 pictures are over 1 %%: exit %d, want 3: %s", r.code, r.err)
	}
}

func TestLongAndBrokenCaptionsAreMended(t *testing.T) {
	model, dir := tiny(t), pairs(t, 16)
	write(t, filepath.Join(dir, "p000.txt"), strings.Repeat("word ", 200_000))
	write(t, filepath.Join(dir, "p001.txt"), "caf\xe9 au lait")
	out := filepath.Join(t.TempDir(), "run")
	r := must(t, "train", "--train-data", dir, "--model", model, "--out", out, "--batch-size", "16", "--steps", "2", "--precision", "fp32")
	if !strings.Contains(r.err, "longer than the context") {
		t.Errorf("a truncated caption is not reported:\n%s", r.err)
	}
	if n := len(skipped(t, out)); n != 0 {
		t.Errorf("%d samples were skipped, want none", n)
	}
}

func TestChangedDataIsNotResumedUnasked(t *testing.T) {
	model, dir := tiny(t), pairs(t, 16)
	out := filepath.Join(t.TempDir(), "run")
	args := []string{"train", "--train-data", dir, "--model", model, "--out", out, "--batch-size", "8", "--steps", "6", "--precision",
		"fp32"}
	must(t, append(args, "--stop-after", "3")...)
	write(t, filepath.Join(dir, "p003.txt"), "another caption")
	if r := clipgo(t, append(args, "--resume", "latest")...); r.code != exitUsage || !strings.Contains(r.err, "allow_data_change") {
		t.Errorf("exit %d: %s", r.code, r.err)
	}
	must(t, append(args, "--resume", "latest", "--allow-data-change")...)
}

// TestLessDataGoesOnWithTheSameEpoch counts epochs in the length that the data had.
func TestLessDataGoesOnWithTheSameEpoch(t *testing.T) {
	model, dir := tiny(t), pairs(t, 32)
	out := filepath.Join(t.TempDir(), "run")
	args := []string{"train", "--train-data", dir, "--model", model, "--out", out, "--batch-size", "8", "--epochs", "2", "--precision",
		"fp32"}
	must(t, append(args, "--stop-after", "5")...) // in the second epoch
	for i := range 16 {
		if err := os.Remove(filepath.Join(dir, fmt.Sprintf("p%03d.png", i))); err != nil {
			t.Fatal(err)
		}
	}
	r := must(t, "train", "--resume", "latest", "--out", out, "--allow-data-change", "--json")
	if got := decodeJSON[struct{ Step int }](t, r); got.Step != 7 {
		t.Errorf("ended at step %d, want 7: the second epoch of 16 is two more steps", got.Step)
	}
}

func TestAFullDiskLosesNothing(t *testing.T) {
	model := tiny(t)
	disk := filepath.Join(t.TempDir(), "disk")
	unmount := mount(t, disk, "50m") // a checkpoint is 20 MB
	defer unmount()
	out := filepath.Join(disk, "run")
	args := []string{"--save-frequency", "10", "--steps", "30", "--keep", "3"}
	must(t, tinyRun(model, out, append(args, "--stop-after", "10")...)...)
	filler := write(t, filepath.Join(disk, "filler"), strings.Repeat("x", 15<<20))
	r := clipgo(t, tinyRun(model, out, append(args, "--resume", "latest")...)...)
	if r.code != exitFailed || !strings.Contains(r.err, "no space left") {
		t.Fatalf("exit %d, want 1 for a full disk: %s", r.code, r.err)
	}
	must(t, "info", out) // the checkpoint from before verifies
	if err := os.Remove(filler); err != nil {
		t.Fatal(err)
	}
	must(t, tinyRun(model, out, append(args, "--resume", "latest", "--keep", "1")...)...)
	whole := filepath.Join(t.TempDir(), "whole")
	must(t, tinyRun(model, whole, args...)...)
	sameRun(t, out, whole)
}
