package ingest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"clipgo/datasets"
	"clipgo/internal/share"
	"clipgo/search"
)

// colors embeds a picture as the color of its first pixel, and a caption as the color that it names.
type colors struct {
	batch  int
	texts  int   // captions embedded
	broken error // of the second batch
}

var named = map[string][]float32{"red": {1, 0, 0}, "green": {0, 1, 0}, "blue": {0, 0, 1}}

func (c *colors) Dim() int { return 3 }

func (c *colors) EmbedTexts(ctx context.Context, texts []string) ([]float32, error) {
	c.texts += len(texts)
	var out []float32
	for _, text := range texts {
		out = append(out, named[text]...)
	}
	return out, ctx.Err()
}

func (c *colors) EmbedSource(ctx context.Context, src datasets.Source, use func([]int, []float32) error, skip func(datasets.Skip)) error {
	var samples []int
	var features []float32
	flush := func() error {
		if len(samples) == 0 {
			return nil
		}
		err := use(samples, features)
		samples, features = nil, nil
		return errors.Join(err, c.broken)
	}
	for i := range src.Len() {
		p, err := src.Picture(ctx, i)
		if ctx.Err() != nil {
			return ctx.Err()
		}
		img, wrong := png.Decode(bytes.NewReader(p.File))
		if err := errors.Join(err, wrong); err != nil {
			e, _ := src.Entry(ctx, i)
			skip(datasets.Skip{Key: e.Key, Reason: err.Error()})
			continue
		}
		r, g, b, _ := img.At(0, 0).RGBA()
		samples, features = append(samples, i), append(features, float32(r), float32(g), float32(b))
		if len(samples) == c.batch {
			if err := flush(); err != nil {
				return err
			}
		}
	}
	return flush()
}

func draw(t *testing.T, path string, c color.Color) {
	t.Helper()
	img := image.NewNRGBA(image.Rect(0, 0, 1, 1))
	img.Set(0, 0, c)
	var b bytes.Buffer
	if err := errors.Join(png.Encode(&b, img), os.MkdirAll(filepath.Dir(path), 0o755), os.WriteFile(path, b.Bytes(), 0o644)); err != nil {
		t.Fatal(err)
	}
}

var (
	red, green, blue = color.NRGBA{255, 0, 0, 255}, color.NRGBA{0, 255, 0, 255}, color.NRGBA{0, 0, 255, 255}
	space            = search.Space{Fingerprint: "colors", Dim: 3}
)

// run brings an index up to date with what the paths hold.
func run(t *testing.T, ctx context.Context, index string, e Embedder, o Options) (Result, error) {
	t.Helper()
	src, err := datasets.OpenAll(ctx, o.Paths, datasets.Options{Metadata: o.Columns})
	if err != nil {
		t.Fatal(err)
	}
	defer src.Close()
	w, err := search.Update(index, space)
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	got, err := Update(ctx, w, src, e, o)
	got.Rate = 0
	return got, err
}

// nearest are the names of the pictures of a color, or of the captions that name it.
func nearest(t *testing.T, index, color string, table search.Table) string {
	t.Helper()
	ix, err := search.Open(index)
	if err != nil {
		t.Fatal(err)
	}
	defer ix.Close()
	hits, err := ix.Find(t.Context(), search.Query{Vector: named[color], Table: table, Top: 9, Threshold: 0.9})
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, h := range hits {
		names = append(names, filepath.Base(h.Path))
	}
	slices.Sort(names)
	return strings.Join(names, " ")
}

func TestAFolderIsFollowed(t *testing.T) {
	dir, index := t.TempDir(), filepath.Join(t.TempDir(), "index")
	for name, c := range map[string]color.Color{"a.png": red, "b.png": green, "c.png": blue, "sub/d.png": blue} {
		draw(t, filepath.Join(dir, name), c)
	}
	if err := os.WriteFile(filepath.Join(dir, "a.txt"), []byte("green\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	o := Options{Paths: []string{dir}}
	e := &colors{batch: 3}
	step := func(what string, want Result) {
		t.Helper()
		if got, err := run(t, t.Context(), index, e, o); err != nil || got != want {
			t.Errorf("%s: %+v %v, want %+v", what, got, err, want)
		}
	}
	step("at first", Result{Added: 4})
	step("again", Result{Unchanged: 4})
	twin, sub := filepath.Join(dir, "twin.png"), filepath.Join(dir, "sub", "twin.png")
	draw(t, twin, blue)
	draw(t, sub, blue)
	step("copies beside the pictures", Result{Added: 2, Unchanged: 4})
	if err := errors.Join(os.Remove(twin), os.Remove(sub)); err != nil {
		t.Fatal(err)
	}
	step("without the copies", Result{Unchanged: 4, Removed: 2})
	if got := nearest(t, index, "green", search.Texts); got != "a.png" || e.texts != 1 {
		t.Errorf("caption: %q, %d embedded", got, e.texts)
	}
	draw(t, filepath.Join(dir, "a.png"), blue)
	if err := errors.Join(os.Remove(filepath.Join(dir, "b.png")),
		os.Rename(filepath.Join(dir, "c.png"), filepath.Join(dir, "e.png"))); err != nil {
		t.Fatal(err)
	}
	draw(t, filepath.Join(dir, "f.png"), color.NRGBA{0, 128, 0, 255}) // other bytes than the picture that is gone
	step("one of each", Result{Added: 1, Updated: 1, Unchanged: 1, Moved: 1, Removed: 2})
	for c, want := range map[string]string{"red": "", "green": "f.png", "blue": "a.png d.png e.png"} {
		if got := nearest(t, index, c, search.Images); got != want {
			t.Errorf("%s: %q, want %q", c, got, want)
		}
	}
}

// A picture of a table and of a folder is one row; what leaves the table leaves the index, and the rows of others stay.
func TestTablesAndFoldersShareARow(t *testing.T) {
	dir, index := t.TempDir(), filepath.Join(t.TempDir(), "index")
	for i, name := range []string{"near/a.png", "near/b.png", "far/c.png"} {
		draw(t, filepath.Join(dir, name), []color.Color{red, green, blue}[i])
	}
	table := filepath.Join(dir, "t.csv")
	write := func(lines string) {
		t.Helper()
		if err := os.WriteFile(table, []byte("filepath,title\n"+lines), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	write("near/a.png,blue\nfar/c.png,red\n")
	both := Options{Paths: []string{filepath.Join(dir, "near"), table}}
	if got, err := run(t, t.Context(), index, &colors{batch: 9}, both); err != nil || got != (Result{Added: 3}) {
		t.Errorf("%+v %v", got, err)
	}
	if got := nearest(t, index, "blue", search.Texts); got != "a.png" {
		t.Errorf("the table's caption of a folder's picture: %q", got)
	}
	write("near/a.png,blue\nnear/a.png,green\nfar/c.png,red\nnear/a.png,red\n")
	if got, err := run(t, t.Context(), index, &colors{batch: 9}, both); err != nil || got != (Result{Unchanged: 3, CaptionsLeft: 2}) {
		t.Errorf("three captions of one picture: %+v %v", got, err)
	}
	write("near/a.png,blue\n")
	if got, err := run(t, t.Context(), index, &colors{batch: 9}, Options{Paths: []string{table}}); err != nil ||
		got != (Result{Unchanged: 1, Removed: 1}) {
		t.Errorf("the table alone: %+v %v", got, err)
	}
	if got := nearest(t, index, "green", search.Images); got != "b.png" {
		t.Errorf("a picture of the folder alone: %q", got)
	}
}

func TestWhatCannotBeUsedIsCounted(t *testing.T) {
	dir, index := t.TempDir(), filepath.Join(t.TempDir(), "index")
	draw(t, filepath.Join(dir, "a.png"), red)
	draw(t, filepath.Join(dir, "c.png"), blue)
	if err := os.WriteFile(filepath.Join(dir, "b.png"), []byte("not a picture"), 0o644); err != nil {
		t.Fatal(err)
	}
	var skipped, progress []string
	o := Options{
		Paths: []string{dir}, MaxSkip: 0.3,
		Skipped:  func(s datasets.Skip) { skipped = append(skipped, filepath.Base(s.Key)) },
		Progress: func(done, goal int) { progress = append(progress, fmt.Sprint(done, "/", goal)) },
	}
	got, err := run(t, t.Context(), index, &colors{batch: 1}, o)
	var data *datasets.DataError
	if !errors.As(err, &data) || got != (Result{Added: 2, Failed: 1}) || !slices.Equal(skipped, []string{"b.png"}) {
		t.Errorf("%+v %v, skipped %v", got, err, skipped)
	}
	if want := []string{"0/3", "1/3", "2/3", "3/3"}; !slices.Equal(progress, want) {
		t.Errorf("progress %v, want %v", progress, want)
	}
	o.MaxSkip = 0.5
	if got, err := run(t, t.Context(), index, &colors{batch: 1}, o); err != nil || got != (Result{Unchanged: 2, Failed: 1}) {
		t.Errorf("once more: %+v %v", got, err)
	}
}

// A sample with the path of another one, as a key that comes twice in a shard, is counted whatever comes first.
func TestSamplesOfOnePathAreCounted(t *testing.T) {
	red, bad := datasets.Entry{Key: "s.tar/a", File: "s.tar"}, datasets.Entry{Key: "s.tar/a", File: "s.tar", Bad: "no"}
	first := datasets.Entry{Key: "b", Captions: []string{"red", "green"}}
	second := datasets.Entry{Key: "b", Captions: []string{"red", "blue"}}
	for _, c := range []struct {
		entries               []datasets.Entry
		files, failed, unused int
	}{
		{[]datasets.Entry{red, bad}, 1, 1, 0}, {[]datasets.Entry{bad, red}, 1, 1, 0}, {[]datasets.Entry{bad, bad, red}, 1, 2, 0},
		{[]datasets.Entry{first}, 1, 0, 1}, {[]datasets.Entry{first, second}, 1, 0, 2}, {[]datasets.Entry{{Key: "b"}, second}, 1, 0, 1},
	} {
		l, err := listed(t.Context(), entries(c.entries), share.Share{})
		if err != nil || len(l.files) != c.files || len(l.failed) != c.failed || l.captions != c.unused {
			t.Errorf("%v: %+v, %v", c.entries, l, err)
			continue
		}
		if e := c.entries[l.samples[0]]; c.failed == 1 && e.Bad != "" {
			t.Errorf("%v: the sample that can't be used counts", c.entries)
		}
	}
}

// entries is a source without pictures.
type entries []datasets.Entry

func (e entries) Len() int                                               { return len(e) }
func (e entries) Info() datasets.Info                                    { return datasets.Info{Name: "entries"} }
func (e entries) Close() error                                           { return nil }
func (e entries) Entry(_ context.Context, i int) (datasets.Entry, error) { return e[i], nil }
func (e entries) Picture(context.Context, int) (p datasets.Picture, _ error) {
	return p, errors.New("none")
}

// What the index has from below a folder that can't be read now stays.
func TestRowsBelowAnUnreadableFolderStay(t *testing.T) {
	dir, index := t.TempDir(), filepath.Join(t.TempDir(), "index")
	draw(t, filepath.Join(dir, "a.png"), red)
	draw(t, filepath.Join(dir, "b", "b.png"), green)
	draw(t, filepath.Join(dir, "c.png"), blue)
	o := Options{Paths: []string{dir}, MaxSkip: 0}
	if got, err := run(t, t.Context(), index, &colors{batch: 9}, o); err != nil || got != (Result{Added: 3}) {
		t.Fatalf("%+v %v", got, err)
	}
	if err := errors.Join(os.Remove(filepath.Join(dir, "c.png")), os.Remove(filepath.Join(dir, "b", "b.png"))); err != nil {
		t.Fatal(err)
	}
	src, err := datasets.OpenAll(t.Context(), o.Paths, datasets.Options{})
	if err != nil {
		t.Fatal(err)
	}
	w, err := search.Update(index, space)
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	var skipped []string
	o.Skipped = func(s datasets.Skip) { skipped = append(skipped, s.Key) }
	locked := filepath.Join(dir, "b")
	got, err := Update(t.Context(), w, unreadable{src, locked}, &colors{batch: 9}, o)
	if err != nil || got != (Result{Unchanged: 1, Removed: 1, Failed: 1}) || !slices.Equal(skipped, []string{locked}) {
		t.Errorf("%+v %v, skipped %v", got, err, skipped)
	}
	if got := nearest(t, index, "green", search.Images); got != "b.png" {
		t.Errorf("below the folder: %q", got)
	}
}

// unreadable is a source with a folder that can't be read.
type unreadable struct {
	datasets.Source
	folder string
}

func (u unreadable) Info() datasets.Info {
	info := u.Source.Info()
	info.Unread = []datasets.Skip{{Key: u.folder, Reason: "permission denied"}}
	return info
}

// What was embedded before an error, or before the run was given up, stays; the next run does the rest.
func TestABrokenRunKeepsWhatItHas(t *testing.T) {
	broken := errors.New("broken")
	ctx, cancel := context.WithCancel(t.Context())
	for what, c := range map[string]struct {
		ctx  context.Context
		e    *colors
		o    Options
		want error
	}{
		"an error": {t.Context(), &colors{batch: 1, broken: broken}, Options{}, broken},
		"given up": {ctx, &colors{batch: 1}, Options{Progress: func(done, _ int) {
			if done == 2 { // the first batch is in the index
				cancel()
			}
		}}, context.Canceled},
	} {
		dir, index := t.TempDir(), filepath.Join(t.TempDir(), "index")
		for name, c := range map[string]color.Color{"a.png": red, "b.png": green, "c.png": blue} {
			draw(t, filepath.Join(dir, name), c)
		}
		c.o.Paths = []string{dir}
		got, err := run(t, c.ctx, index, c.e, c.o)
		if !errors.Is(err, c.want) || got.Added == 0 || got.Added == 3 {
			t.Errorf("%s: %+v %v", what, got, err)
		}
		again, err := run(t, t.Context(), index, &colors{batch: 1}, Options{Paths: []string{dir}})
		if err != nil || again != (Result{Added: 3 - got.Added, Unchanged: got.Added}) {
			t.Errorf("%s, then again: %+v %v", what, again, err)
		}
	}
}

// A run that is given up and can't be committed fails by the commit: an interrupt would promise that its rows are saved.
func TestAFailedCommitIsTheError(t *testing.T) {
	dir := t.TempDir()
	draw(t, filepath.Join(dir, "a.png"), red)
	draw(t, filepath.Join(dir, "b.png"), blue)
	src, err := datasets.OpenAll(t.Context(), []string{dir}, datasets.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer src.Close()
	full := errors.New("no space left")
	ctx, cancel := context.WithCancel(t.Context())
	ix := &fakeIndex{commit: func() error { return full }}
	o := Options{Paths: []string{dir}, Progress: func(done, _ int) {
		if done == 2 { // the first is in the index
			cancel()
		}
	}}
	if _, err := Update(ctx, ix, src, &colors{batch: 1}, o); !errors.Is(err, full) || errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	if got := slices.Collect(maps.Keys(ix.rows)); len(got) != 1 {
		t.Errorf("rows %v", got)
	}
}

// fakeIndex is an index that is no folder: Update needs nothing else of it.
type fakeIndex struct {
	rows   map[string]search.Row
	commit func() error
}

func (f *fakeIndex) Plan(found []search.File, _ search.Scope, _ func(int) (string, error)) search.Plan {
	var p search.Plan
	for i := range found {
		p.Embed = append(p.Embed, i)
	}
	return p
}
func (f *fakeIndex) Follow(search.Plan) error { return nil }
func (f *fakeIndex) Has(path string) bool     { return f.rows[path].Path != "" }
func (f *fakeIndex) Add(r search.Row) error {
	f.rows = map[string]search.Row{r.Path: r}
	return nil
}
func (f *fakeIndex) Commit() error { return f.commit() }

// A folder that has another name leaves no rows under the old one. A second copy of a picture is an added one, and the row of a
// file that is still there stays, wherever the run looked.
func TestARenamedFolderLeavesNoDeadRows(t *testing.T) {
	dir, index := t.TempDir(), filepath.Join(t.TempDir(), "index")
	old, now, other := filepath.Join(dir, "old"), filepath.Join(dir, "now"), filepath.Join(dir, "other")
	for name, c := range map[string]color.Color{"a.png": red, "b.png": green, "twin.png": green, "c.png": blue} {
		draw(t, filepath.Join(old, name), c)
	}
	step := func(what string, want Result, in ...string) {
		t.Helper()
		if got, err := run(t, t.Context(), index, &colors{batch: 9}, Options{Paths: in}); err != nil || got != want {
			t.Errorf("%s: %+v %v, want %+v", what, got, err, want)
		}
	}
	names := func(what, red, green, blue string) {
		t.Helper()
		for c, want := range map[string]string{"red": red, "green": green, "blue": blue} {
			if got := nearest(t, index, c, search.Images); got != want {
				t.Errorf("%s: %s finds %q, want %q", what, c, got, want)
			}
		}
	}
	step("at first", Result{Added: 4}, old)
	if err := os.Rename(old, now); err != nil {
		t.Fatal(err)
	}
	step("renamed", Result{Moved: 4, Removed: 4}, now)
	names("renamed", "a.png", "b.png twin.png", "c.png")
	draw(t, filepath.Join(other, "copy.png"), red)
	step("a copy", Result{Added: 1}, other)
	draw(t, filepath.Join(other, "copy.png"), blue)
	step("changed to another's content", Result{Updated: 1}, other)
	names("copied", "a.png", "b.png twin.png", "c.png copy.png")
	if err := os.RemoveAll(now); err != nil { // or a drive that isn't mounted
		t.Fatal(err)
	}
	draw(t, filepath.Join(other, "b.png"), green)
	step("one of them is back", Result{Moved: 1, Removed: 1, Unchanged: 1}, other)
	names("back", "a.png", "b.png twin.png", "c.png copy.png")
}
