package main

import (
	"encoding/json"
	"image/color"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"clipgo/search"
	"clipgo/search/ingest"
)

// embedded runs embed and returns what it did, the rate left out.
func embedded(t *testing.T, args ...string) ingest.Result {
	t.Helper()
	got := decodeJSON[ingest.Result](t, must(t, append([]string{"embed", "--json"}, args...)...))
	got.Rate = 0
	return got
}

// indexed maps the paths of an index, without their folder, to their captions.
func indexed(t *testing.T, index, folder string) map[string]string {
	t.Helper()
	out := map[string]string{}
	for line := range strings.Lines(must(t, "search", "--index", index, "--json", "--top", "1000", "anything").out) {
		hit := decodeJSON[search.Hit](t, result{out: line})
		out[strings.TrimPrefix(hit.Path, folder+"/")] = hit.Caption
	}
	return out
}

// TestEmbedTakesSeveralSources mixes tables, a folder and a picture; what leaves one of them leaves the index, and a run
// of one leaves the others' rows alone.
func TestEmbedTakesSeveralSources(t *testing.T) {
	run, dir, index := trained(t), t.TempDir(), filepath.Join(t.TempDir(), "index")
	for i, name := range []string{"far/a", "far/b", "far/c", "near/d", "near/e", "f"} {
		picture(t, filepath.Join(dir, name+".png"), color.NRGBA{uint8(40 * i), 99, uint8(255 - 40*i), 255})
	}
	one := write(t, filepath.Join(dir, "one.csv"), "filepath,title\nfar/a.png,first\nfar/b.png,second\nnear/d.png,fourth\n")
	two := write(t, filepath.Join(dir, "two.tsv"), "filepath\ttitle\nfar/c.png\tthird\nfar/b.png\tsecond too\n")
	all := []string{"--model", run, "--index", index, filepath.Join(dir, "near"), one, two, filepath.Join(dir, "f.png")}
	if got := embedded(t, all...); got != (ingest.Result{Added: 6, CaptionsLeft: 1}) {
		t.Errorf("at first: %+v, want 6 added", got)
	}
	want := map[string]string{"far/a.png": "first", "far/b.png": "second", "far/c.png": "third", "near/d.png": "fourth",
		"near/e.png": "", "f.png": ""}
	if got := indexed(t, index, dir); !maps.Equal(got, want) {
		t.Errorf("the index holds %v, want %v", got, want)
	}
	if got := embedded(t, all...); got != (ingest.Result{Unchanged: 6, CaptionsLeft: 1}) {
		t.Errorf("again: %+v, want 6 unchanged", got)
	}
	write(t, one, "filepath,title\nfar/a.png,first\nnear/d.png,fourth\n")
	write(t, two, "filepath\ttitle\nfar/b.png\tsecond too\n")
	if err := os.Remove(filepath.Join(dir, "near", "e.png")); err != nil {
		t.Fatal(err)
	}
	if got := embedded(t, "--model", run, "--index", index, two); got.Removed != 1 {
		t.Errorf("one table alone: %+v, want 1 removed", got)
	}
	if got := embedded(t, all...); got.Removed != 1 {
		t.Errorf("all of them: %+v, want 1 removed", got)
	}
	if got := slices.Sorted(maps.Keys(indexed(t, index, dir))); !slices.Equal(got,
		[]string{"f.png", "far/a.png", "far/b.png", "near/d.png"}) {
		t.Errorf("the index holds %v", got)
	}
}

// TestAnIndexKnowsHowItWasMade: a later run takes the settings of the first one from it.
func TestAnIndexKnowsHowItWasMade(t *testing.T) {
	run, dir, index := trained(t), t.TempDir(), filepath.Join(t.TempDir(), "index")
	shot := picture(t, filepath.Join(dir, "shot.png"), color.NRGBA{9, 99, 199, 255})
	if got := embedded(t, "--model", run, "--index", index, dir, "--dtype", "float16", "--set",
		"preprocess.orientation=ignore"); got.Added != 1 {
		t.Fatalf("%+v", got)
	}
	must(t, "search", "--index", index, "a cat")
	picture(t, filepath.Join(dir, "more.png"), color.NRGBA{199, 99, 9, 255})
	if got := embedded(t, "--model", run, "--index", index, dir); got != (ingest.Result{Added: 1, Unchanged: 1}) {
		t.Errorf("%+v, want 1 added and 1 unchanged", got)
	}
	for _, c := range [][]string{{"--set", "preprocess.orientation=apply"}, {"--dtype", "float32"}} {
		if r := clipgo(t, append([]string{"embed", "--model", run, "--index", index, dir}, c...)...); r.code != exitModel {
			t.Errorf("%v against the index: exit %d, want 4: %s", c, r.code, r.err)
		}
	}
	r := clipgo(t, "search", "--index", index, "--captions", "a cat")
	if r.code != exitUsage || strings.Count(r.err, "\n") != 1 || !strings.Contains(r.err, "caption") {
		t.Errorf("captions of an index without: exit %d, want 2: %s", r.code, r.err)
	}
	if r := must(t, "search", "--index", index, shot); !strings.Contains(r.out, "more.png") {
		t.Errorf("a picture finds %s", r.out)
	}
}

// Transparent pictures are counted in one warning that names the way out, a background silences it, and a limit is a setting.
func TestEmbedSaysWhatItDoesWithPictures(t *testing.T) {
	run, dir := trained(t), t.TempDir()
	for i := range 3 {
		picture(t, filepath.Join(dir, string(rune('a'+i))+".png"), color.NRGBA{uint8(90 * i), 9, 9, uint8(255 - 100*i)})
	}
	embed := func(more ...string) result {
		return clipgo(t, append([]string{"embed", "--model", run, "--index", filepath.Join(t.TempDir(), "index"), dir}, more...)...)
	}
	dropped := embed("--set", "preprocess.background=")
	if strings.Count(dropped.err, "2 of 3 pictures read are transparent") != 1 ||
		!strings.Contains(dropped.err, "preprocess.background=white") {
		t.Errorf("exit %d: %s", dropped.code, dropped.err)
	}
	for background, want := range map[string]string{"": `"transparent":2`, "black": `"transparent":0`} {
		if got := embed("--json", "--set", "preprocess.background="+background); !strings.Contains(got.out, want) {
			t.Errorf("background %q: %s, want %s", background, got.out, want)
		}
	}
	if got := embed(); got.code != 0 || strings.Contains(got.err, "transparent") {
		t.Errorf("on white: exit %d: %s", got.code, got.err)
	}
	if got := embed("--set", "max_image_pixels=1"); got.code != 3 || !strings.Contains(got.err, "limit is 1 in all (max_image_pixels)") ||
		!strings.Contains(got.err, "; --max-skip must be 1 to accept any number") {
		t.Errorf("a limit of one pixel: exit %d: %s", got.code, got.err)
	}
	if got := embed("--set", "preprocess.background=grey"); got.code != 2 || !strings.Contains(got.err, "background") {
		t.Errorf("a background that is no colour: exit %d: %s", got.code, got.err)
	}
}

// A new index has transparent pictures on white. One that was made without a background goes on without.
func TestANewIndexHasAWhiteBackground(t *testing.T) {
	run, dir := trained(t), t.TempDir()
	picture(t, filepath.Join(dir, "a.png"), color.NRGBA{10, 20, 30, 0})
	index := func(name string, more ...string) (path, preprocess string) {
		path = filepath.Join(t.TempDir(), name)
		must(t, append([]string{"embed", "--model", run, "--index", path, dir}, more...)...)
		var about struct{ Preprocess json.RawMessage }
		if err := json.Unmarshal(read(t, path, "meta.json"), &about); err != nil {
			t.Fatal(err)
		}
		return path, string(about.Preprocess)
	}
	_, fresh := index("fresh")
	_, white := index("white", "--set", "preprocess.background=white")
	old, none := index("old", "--set", "preprocess.background=")
	if fresh != white || !strings.Contains(fresh, `"white"`) || strings.Contains(none, "background") {
		t.Errorf("%s, %s and %s", fresh, white, none)
	}
	picture(t, filepath.Join(dir, "b.png"), color.NRGBA{40, 20, 30, 0})
	if again := must(t, "embed", "--model", run, "--index", old, dir); !strings.Contains(again.err, "transparent") {
		t.Errorf("the old index has another background now: %s", again.err)
	}
}
