package main

import (
	"archive/tar"
	"fmt"
	"image/color"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"clipgo/eval"
)

// shardOf writes a tar of pictures, each with its class number; a negative one has none.
func shardOf(t *testing.T, labels ...int) string {
	t.Helper()
	shot := read(t, picture(t, filepath.Join(t.TempDir(), "a.png"), color.NRGBA{200, 30, 30, 255}))
	path := filepath.Join(t.TempDir(), "0.tar")
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	w := tar.NewWriter(f)
	put := func(name string, data []byte) {
		if err := w.WriteHeader(&tar.Header{Name: name, Size: int64(len(data)), Mode: 0o644, Typeflag: tar.TypeReg}); err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write(data); err != nil {
			t.Fatal(err)
		}
	}
	for i, label := range labels {
		put(fmt.Sprintf("s%03d.png", i), shot)
		if label >= 0 {
			put(fmt.Sprintf("s%03d.cls", i), fmt.Append(nil, label))
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestClassNumbersGetTheirNamesInOrder(t *testing.T) {
	run, shard := trained(t), shardOf(t, 0, 1, 0, 2, 1, 0, -1)
	if r := clipgo(t, "zeroshot", "--model", run, shard); r.code != exitUsage || !strings.Contains(r.err, "classnames.txt") {
		t.Errorf("numbers without names: exit %d, want 2: %s", r.code, r.err)
	}
	if r := clipgo(t, "zeroshot", "--model", run, shard, "--classes", "a,b"); r.code != exitUsage || !strings.Contains(r.err, "number 2") {
		t.Errorf("too few names: exit %d, want 2: %s", r.code, r.err)
	}
	r := must(t, "zeroshot", "--model", run, shard, "--classes", "a,b,c", "--json", "--max-skip", "0.5", "--per-class")
	got := decodeJSON[struct {
		N, Classes, Skipped int
		PerClass            []eval.ClassResult `json:"per_class"`
	}](t, r)
	if got.N != 6 || got.Classes != 3 || got.Skipped != 1 {
		t.Errorf("%+v, want 6 pictures of 3 classes; the one without a label is skipped", got)
	}
	for i, name := range []string{"a", "b", "c"} {
		if c := got.PerClass[i]; c.Class != name || c.N != 3-i {
			t.Errorf("%+v, want %d pictures of %s", c, 3-i, name)
		}
	}
}

// Two classes of a set may have one name; they stay two.
func TestClassesWithOneNameStayTwo(t *testing.T) {
	run, shard := trained(t), shardOf(t, 0, 1, 2)
	names := write(t, filepath.Join(t.TempDir(), "names.txt"), "crane\ncat\ncrane\n")
	r := must(t, "zeroshot", "--model", run, shard, "--classes", names, "--json")
	if got := decodeJSON[struct{ N, Classes int }](t, r); got.Classes != 3 {
		t.Errorf("%+v, want 3 classes", got)
	}
}

// classFolders writes a folder of class folders, each with two pictures of its colour.
func classFolders(t *testing.T, names ...string) string {
	t.Helper()
	root := filepath.Join(t.TempDir(), "im")
	for i, name := range names {
		if err := os.MkdirAll(filepath.Join(root, name), 0o755); err != nil {
			t.Fatal(err)
		}
		for _, file := range []string{"a.png", "b.png"} {
			picture(t, filepath.Join(root, name, file), color.NRGBA{uint8(200 - 90*i), uint8(20 + 80*i), 30, 255})
		}
	}
	return root
}

func TestFoldersNamedByIdsGetAnAccuracy(t *testing.T) {
	run, im := trained(t), classFolders(t, "n01440764", "n01443537", "n02123045")
	lists := t.TempDir()
	if r := must(t, "zeroshot", "--model", run, im); !strings.Contains(r.err, "built-in names of imagenet1k: n01440764 = tench") {
		t.Errorf("no word of the built-in names:\n%s", r.err)
	}
	unknown := classFolders(t, "n00000001", "n00000002")
	if r := must(t, "zeroshot", "--model", run, unknown); !strings.Contains(r.err, "look like ids") ||
		!strings.Contains(r.err, "--classes") {
		t.Errorf("no warning of ids:\n%s", r.err)
	}
	type counts struct {
		N, Classes           int
		Model, Weights, Data string
		Per                  []struct{ Class string } `json:"per_class"`
	}
	for name, text := range map[string]string{
		"order.txt": "red circle\nblue square\ngreen triangle\n", "bom.txt": "\ufeffred circle\r\nblue square\r\ngreen triangle",
		"pairs.txt": "n02123045 green triangle\nn01440764 red circle, disc\nn01443537 blue square\nn05 owl\n",
		"list.json": `["red circle", "blue square", "green triangle"]`,
	} {
		r := must(t, "zeroshot", "--model", run, im, "--classes", write(t, filepath.Join(lists, name), text), "--json", "--per-class")
		got := decodeJSON[counts](t, r)
		if got.N != 6 || got.Classes != 3 || len(got.Per) != 3 || got.Per[0].Class != "red circle" || got.Per[2].Class != "green triangle" {
			t.Errorf("%s: %+v", name, got)
		}
		if got.Model != run || got.Data != im || !strings.HasPrefix(got.Weights, run) {
			t.Errorf("%s: it doesn't say what was measured: %+v", name, got)
		}
	}
	for name, text := range map[string]string{"short.txt": "red\nblue\n", "part.txt": "n01440764 red\nn01443537 blue\nn5 green\n"} {
		r := must(t, "zeroshot", "--model", run, im, "--classes", write(t, filepath.Join(lists, name), text), "--json")
		if strings.Count(r.out, `"labels"`) != 6 || !strings.Contains(r.err, "no accuracy") {
			t.Errorf("%s: want six rankings and the reason:\n%s%s", name, r.out, r.err)
		}
	}
	r := clipgo(t, "zeroshot", "--model", run, im, "--classes", write(t, filepath.Join(lists, "dict.json"), `{"imagenet1k": ["a"]}`))
	if r.code != exitUsage || !strings.Contains(r.err, "dict.json") || !strings.Contains(r.err, "list of strings") {
		t.Errorf("exit %d: %s", r.code, r.err)
	}
}

func TestSplitsAreNotTakenForClassesInSilence(t *testing.T) {
	im := classFolders(t, "train", "val")
	if r := must(t, "zeroshot", "--model", trained(t), im); !strings.Contains(r.err, "splits of a data set") ||
		!strings.Contains(r.err, filepath.Join(im, "train")) {
		t.Errorf("no warning:\n%s", r.err)
	}
	if r := must(t, "zeroshot", "--model", trained(t), classFolders(t, "0", "1")); strings.Contains(r.err, "WRN") {
		t.Errorf("digits are names:\n%s", r.err)
	}
}

func TestPerClassTable(t *testing.T) {
	r := must(t, "zeroshot", "--model", trained(t), classFolders(t, "red circle", "blue square"), "--per-class")
	for _, want := range []string{"recall", "2  red circle", "2  blue square"} {
		if !strings.Contains(r.out, want) {
			t.Errorf("no %q in\n%s", want, r.out)
		}
	}
}

// A picture that can't be read costs its own answer, in a small set too; the exit code still says that there were too many.
func TestOneBrokenPictureDoesntStopTheOthers(t *testing.T) {
	run, dir := trained(t), t.TempDir()
	good := picture(t, filepath.Join(dir, "good.png"), color.White)
	bad := write(t, filepath.Join(dir, "bad.jpg"), "no picture")
	args := []string{"zeroshot", "--model", run, bad, good, "--classes", "a,b"}
	r := clipgo(t, args...)
	if r.code != exitData || !strings.Contains(r.out, good) || !strings.Contains(r.err, "--max-skip 1") {
		t.Errorf("exit %d:\n%s%s", r.code, r.out, r.err)
	}
	r = must(t, append(args, "--max-skip", "0.5", "--json")...)
	var lines []rankedImage
	for line := range strings.Lines(r.out) {
		lines = append(lines, decodeJSON[rankedImage](t, result{out: line}))
	}
	slices.SortFunc(lines, func(a, b rankedImage) int { return strings.Compare(a.Image, b.Image) })
	if len(lines) != 2 || lines[0].Error == "" || lines[0].Labels == nil || lines[1].Error != "" || len(lines[1].Labels) != 2 {
		t.Errorf("%+v", lines)
	}
	im := classFolders(t, "red", "blue")
	write(t, filepath.Join(im, "red", "c.png"), "no picture")
	r = clipgo(t, "zeroshot", "--model", run, im, "--json")
	if got := decodeJSON[struct{ N, Skipped int }](t, r); r.code != exitData || got.N != 4 || got.Skipped != 1 {
		t.Errorf("exit %d, %+v; want 3, 4 pictures and one skipped", r.code, got)
	}
}

func TestTheShareOfOneClassIsNoProbability(t *testing.T) {
	run, shot := trained(t), picture(t, filepath.Join(t.TempDir(), "a.png"), color.White)
	r := must(t, "zeroshot", "--model", run, shot, "--classes", "a cat")
	if !strings.Contains(r.out, "cosine") || strings.Contains(r.out, "%") || !strings.Contains(r.err, "no probability") {
		t.Errorf("%s%s", r.out, r.err)
	}
	got := decodeJSON[rankedImage](t, must(t, "zeroshot", "--model", run, shot, "--classes", "a cat", "--json"))
	if c := got.Labels[0].Cosine; c == 0 || c < -1 || c > 1 {
		t.Errorf("cosine %v", c)
	}
}
