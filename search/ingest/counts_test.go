package ingest

import (
	"context"
	"errors"
	"image/color"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"clipgo/datasets"
	"clipgo/internal/share"
	"clipgo/search"
)

// folderOf is a folder of pictures of one pixel.
func folderOf(t *testing.T, pictures map[string]color.Color) string {
	t.Helper()
	dir := t.TempDir()
	for name, c := range pictures {
		draw(t, filepath.Join(dir, name), c)
	}
	return dir
}

func writeFile(t *testing.T, text string, path ...string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(path...), []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

// Each caption is of its own picture, wherever it is in a batch, and those that are too long are counted.
func TestCaptionsFollowTheirPictures(t *testing.T) {
	dir, index := folderOf(t, map[string]color.Color{"a.png": red, "b.png": red, "c.png": red}), filepath.Join(t.TempDir(), "index")
	writeFile(t, "green\n", dir, "b.txt")
	writeFile(t, "blue\n", dir, "c.txt")
	o := Options{Paths: []string{dir}, Cut: func(caption string) bool { return caption == "blue" }}
	if got, err := run(t, t.Context(), index, &colors{batch: 9}, o); err != nil || got != (Result{Added: 3, Cut: 1}) {
		t.Errorf("%+v %v", got, err)
	}
	for c, want := range map[string]string{"red": "", "green": "b.png", "blue": "c.png"} {
		if got := nearest(t, index, c, search.Texts); got != want {
			t.Errorf("%s: %q, want %q", c, got, want)
		}
	}
}

// A picture whose table leaves it out leaves the index with it, if a folder that has it too was not looked at.
func TestARowBelongsToTheTableOfItsCaption(t *testing.T) {
	dir, index := folderOf(t, map[string]color.Color{"a.png": red, "b.png": green}), filepath.Join(t.TempDir(), "index")
	table := filepath.Join(t.TempDir(), "t.csv")
	row := filepath.Join(dir, "a.png") + ",blue\n"
	writeFile(t, "filepath,title\n"+row+filepath.Join(dir, "b.png")+",red\n", table)
	if got, err := run(t, t.Context(), index, &colors{batch: 9}, Options{Paths: []string{dir, table}}); err != nil || got.Added != 2 {
		t.Fatalf("%+v %v", got, err)
	}
	writeFile(t, "filepath,title\n"+row, table)
	got, err := run(t, t.Context(), index, &colors{batch: 9}, Options{Paths: []string{table}})
	if err != nil || got != (Result{Unchanged: 1, Removed: 1}) {
		t.Errorf("%+v %v", got, err)
	}
}

// hooked is a colors that calls a function before a batch is used, and may end with an error.
type hooked struct {
	colors
	before func()
	err    error
}

func (h *hooked) EmbedSource(ctx context.Context, src datasets.Source, use func([]int, []float32) error, skip func(datasets.Skip)) error {
	err := h.colors.EmbedSource(ctx, src, func(samples []int, features []float32) error {
		h.before()
		return use(samples, features)
	}, skip)
	return errors.Join(err, h.err)
}

// A picture that goes away after it was embedded is counted as failed, and has no row: its content can't be named any more.
func TestAPictureThatGoesAwayIsCounted(t *testing.T) {
	dir, index := folderOf(t, map[string]color.Color{"a.png": red, "b.png": blue}), filepath.Join(t.TempDir(), "index")
	var skipped []string
	o := Options{Paths: []string{dir}, MaxSkip: 1, Skipped: func(s datasets.Skip) { skipped = append(skipped, filepath.Base(s.Key)) }}
	gone := func() { _ = os.Remove(filepath.Join(dir, "b.png")) }
	got, err := run(t, t.Context(), index, &hooked{colors: colors{batch: 9}, before: gone}, o)
	if err != nil || got != (Result{Added: 1, Failed: 1}) || !slices.Equal(skipped, []string{"b.png"}) {
		t.Errorf("%+v %v, skipped %v", got, err, skipped)
	}
	if got := nearest(t, index, "blue", search.Images); got != "" {
		t.Errorf("it has a row: %s", got)
	}
}

// Pictures of which none can be used are counted; that is an error only if there are more of them than allowed.
func TestNothingUsableIsCounted(t *testing.T) {
	dir, index := folderOf(t, map[string]color.Color{"a.png": red}), filepath.Join(t.TempDir(), "index")
	o := Options{Paths: []string{dir}, MaxSkip: 0.5}
	if _, err := run(t, t.Context(), index, &colors{batch: 1}, o); err != nil {
		t.Fatal(err)
	}
	writeFile(t, "no picture", dir, "b.png")
	e := &hooked{colors: colors{batch: 1}, err: &datasets.DataError{Source: dir, Reason: "none of 1 samples can be used"}}
	if got, err := run(t, t.Context(), index, e, o); err != nil || got != (Result{Unchanged: 1, Failed: 1}) {
		t.Errorf("%+v %v", got, err)
	}
}

// twice is a source of which the first sample comes again and can't be used, as a key that comes twice in a shard.
type twice struct{ datasets.Source }

func (s twice) Len() int { return s.Source.Len() + 1 }

func (s twice) Entry(ctx context.Context, i int) (datasets.Entry, error) {
	if i < s.Source.Len() {
		return s.Source.Entry(ctx, i)
	}
	e, err := s.Source.Entry(ctx, 0)
	e.Bad = "its key occurs a second time"
	return e, err
}

func TestASampleThatComesTwiceIsAFailedOne(t *testing.T) {
	dir, index := folderOf(t, map[string]color.Color{"a.png": red, "b.png": blue}), filepath.Join(t.TempDir(), "index")
	src, err := datasets.OpenAll(t.Context(), []string{dir}, datasets.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer src.Close()
	w, err := search.Update(index, space)
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	var reasons []string
	o := Options{Paths: []string{dir}, MaxSkip: 1, Skipped: func(s datasets.Skip) { reasons = append(reasons, s.Reason) }}
	got, err := Update(t.Context(), w, twice{src}, &colors{batch: 9}, o)
	want := []string{"its key occurs a second time"}
	if got.Rate = 0; err != nil || got != (Result{Added: 2, Failed: 1}) || !slices.Equal(reasons, want) {
		t.Errorf("%+v %v, %q", got, err, reasons)
	}
}

// A run has looked below what exists, in the tables that name samples, and in the archives that hold them.
func TestAScopeIsWhatWasLookedAt(t *testing.T) {
	dir := t.TempDir()
	missing, shard, table := filepath.Join(dir, "missing"), filepath.Join(dir, "s", "0.tar"), filepath.Join(dir, "t.csv")
	l, err := listed(t.Context(), entries{
		{Key: shard + "/a", File: shard}, {Key: filepath.Join(dir, "b.png"), File: filepath.Join(dir, "b.png"), List: table},
		{Key: filepath.Join(dir, "c.png"), File: filepath.Join(dir, "c.png")}, {Key: "built in"},
	}, share.Share{})
	if err != nil {
		t.Fatal(err)
	}
	s := l.scope([]string{dir, missing, "builtin:emoji"})
	if !slices.Equal(s.Roots, []string{dir, shard}) || !slices.Equal(s.Lists, []string{table}) {
		t.Errorf("%+v", s)
	}
}
