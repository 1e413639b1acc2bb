package main

import (
	"archive/tar"
	"fmt"
	"image/color"
	"os"
	"path/filepath"
	"strings"
	"testing"
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
	run, shard := trained(t), shardOf(t, 0, 1, 2, 1, -1)
	if r := clipgo(t, "zeroshot", "--model", run, shard); r.code != exitUsage || !strings.Contains(r.err, "classnames.txt") {
		t.Errorf("numbers without names: exit %d, want 2: %s", r.code, r.err)
	}
	if r := clipgo(t, "zeroshot", "--model", run, shard, "--classes", "a,b"); r.code != exitUsage || !strings.Contains(r.err, "number 2") {
		t.Errorf("too few names: exit %d, want 2: %s", r.code, r.err)
	}
	r := must(t, "zeroshot", "--model", run, shard, "--classes", "a,b,c", "--json", "--max-skip", "0.5")
	if got := decodeJSON[struct{ N, Classes int }](t, r); got.N != 4 || got.Classes != 3 {
		t.Errorf("%+v, want 4 pictures of 3 classes; the one without a label is skipped", got)
	}
}

// Two classes of a set may have one name; they stay two.
func TestClassesWithOneNameStayTwo(t *testing.T) {
	classes, number := chooseClasses([]string{"crane", "cat", "crane"}, nil)
	if len(classes) != 3 || fmt.Sprint(number) != "[0 1 2]" {
		t.Errorf("%v, %v", classes, number)
	}
	if _, number := chooseClasses([]string{"cat", "dog"}, []string{"dog", "owl", "cat"}); fmt.Sprint(number) != "[2 0]" {
		t.Errorf("%v, want [2 0]", number)
	}
	if _, number := chooseClasses([]string{"cat", "dog"}, []string{"dog"}); number != nil {
		t.Errorf("%v, want none: the cat was not asked for", number)
	}
}
