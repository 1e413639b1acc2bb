package main

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"clipgo/search"
)

// TestPartsOfEmbedAreMerged: processes that know nothing of each other embed a source by --part, and their indexes together are that of
// a run without parts, to the bytes of the features.
func TestPartsOfEmbedAreMerged(t *testing.T) {
	run, dir := trained(t), t.TempDir()
	whole, parts, merged := filepath.Join(dir, "whole"), filepath.Join(dir, "parts"), filepath.Join(dir, "merged")
	embed := func(index string, more ...string) embedResult {
		args := append([]string{"embed", "--json", "--model", run, "builtin:shapes?n=50", "--index", index}, more...)
		return decodeJSON[embedResult](t, must(t, args...))
	}
	if got := embed(whole); got.Added != 50 {
		t.Fatalf("%+v", got)
	}
	first := embed(parts, "--part", "1/3")
	t.Setenv("JOB_COMPLETION_INDEX", "1")
	t.Setenv("JOB_COMPLETIONS", "3")
	second := embed(parts, "--part", "auto")
	from := []string{filepath.Join(parts, "part-1-of-3"), filepath.Join(parts, "part-2-of-3")}
	some := must(t, append([]string{"index", "merge", "--json", "--out", filepath.Join(dir, "some")}, from...)...)
	if got := decodeJSON[search.Merged](t, some); len(got.Missing) != 1 || !strings.Contains(some.err, "part-3-of-3") {
		t.Errorf("without the third part: %+v\n%s", got, some.err)
	}
	third := embed(parts, "--part", "3/3")
	if n := first.Added + second.Added + third.Added; n != 50 || first.OtherParts != 50-first.Added {
		t.Errorf("parts of %d, %d, %d", first.Added, second.Added, third.Added)
	}
	must(t, append([]string{"index", "merge", "--out", merged, filepath.Join(parts, "part-3-of-3")}, from...)...)
	got, want := features(t, merged), features(t, whole)
	for path := range want {
		if got[path] != want[path] || len(got) != len(want) {
			t.Errorf("%d of %d rows; %s differs:\n%s\n%s", len(got), len(want), path, got[path], want[path])
		}
	}
	for args, code := range map[string]int{"4/3": exitUsage, "0/3": exitUsage, "x": exitUsage} {
		if r := clipgo(t, "embed", "--model", run, "builtin:shapes?n=50", "--index", parts, "--part", args); r.code != code {
			t.Errorf("--part %s: exit %d, %s", args, r.code, r.err)
		}
	}
	if r := clipgo(t, "embed", "--model", run, "builtin:shapes?n=50", "--index", whole, "--part", "1/3"); r.code != exitUsage {
		t.Errorf("parts in an index: exit %d, %s", r.code, r.err)
	}
}

// features maps the paths of an index to the bits of their features.
func features(t *testing.T, index string) map[string]string {
	t.Helper()
	ix, err := search.Open(index)
	if err != nil {
		t.Fatal(err)
	}
	defer ix.Close()
	out := map[string]string{}
	for r, err := range ix.Records(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		out[r.Path] = fmt.Sprintf("%x %x", r.Image, r.Text)
	}
	return out
}
