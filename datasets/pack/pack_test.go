package pack

import (
	"archive/tar"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"image"
	"image/color"
	"image/jpeg"
	"image/png"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"clipgo/datasets"
	"clipgo/internal/fault"
)

// TestMain puts the folders of tests in memory where that is possible: each shard is synced several times.
func TestMain(m *testing.M) {
	if st, err := os.Stat("/dev/shm"); err == nil && st.IsDir() {
		_ = os.Setenv("TMPDIR", "/dev/shm") // else they are slower
	}
	os.Exit(m.Run())
}

// fake is a source in memory.
type fake struct {
	samples []fakeSample
	info    datasets.Info
	reads   func(i int) // called before a picture is read; nil: nothing
}

type fakeSample struct {
	key      string
	file     []byte
	captions []string
	label    int
	bad      string
}

func (f *fake) Len() int            { return len(f.samples) }
func (f *fake) Info() datasets.Info { return f.info }
func (f *fake) Close() error        { return nil }

func (f *fake) Entry(ctx context.Context, i int) (datasets.Entry, error) {
	s := f.samples[i]
	return datasets.Entry{Key: s.key, Captions: s.captions, Label: s.label, Bad: s.bad}, ctx.Err()
}

func (f *fake) Picture(ctx context.Context, i int) (datasets.Picture, error) {
	if f.reads != nil {
		f.reads(i)
	}
	return datasets.Picture{File: f.samples[i].file}, ctx.Err()
}

// drawn is a picture that a number makes unlike others.
func drawn(number, width, height int) *image.NRGBA {
	im := image.NewNRGBA(image.Rect(0, 0, width, height))
	for y := range height {
		for x := range width {
			im.SetNRGBA(x, y, color.NRGBA{uint8(number * 37), uint8(x * 255 / width), uint8(y * 255 / height), 255})
		}
	}
	return im
}

func jpegOf(t testing.TB, im image.Image) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := jpeg.Encode(&b, im, &jpeg.Options{Quality: 95}); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func pngOf(t testing.TB, im image.Image) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := png.Encode(&b, im); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// newFake has n samples. Each seventh is broken, and each fifth has several captions.
func newFake(t testing.TB, n int) *fake {
	f := &fake{info: datasets.Info{Name: "photos", Kind: "folder", Fingerprint: fmt.Sprint("fake ", n)}}
	for i := range n {
		s := fakeSample{key: fmt.Sprintf("photos/a.b/%d.c.jpg", i), file: jpegOf(t, drawn(i, 30+i%7, 24)), label: -1,
			captions: []string{fmt.Sprintf("picture %d", i)}}
		if i%2 == 1 {
			s.file = pngOf(t, drawn(i, 30, 24+i%5))
		}
		if i%7 == 3 {
			s.file = []byte("not a picture")
		}
		if i%5 == 0 {
			s.captions = append(s.captions, "another one")
		}
		f.samples = append(f.samples, s)
	}
	return f
}

func packed(t testing.TB, s datasets.Source, dir string, o Options) Result {
	t.Helper()
	o.MaxSkip = 1
	r, err := Pack(t.Context(), s, dir, o, Watch{})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// content is what a folder holds, by name.
func content(t testing.TB, dir string) map[string]string {
	t.Helper()
	out := map[string]string{}
	err := filepath.WalkDir(dir, func(path string, e os.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		name, err := filepath.Rel(dir, path)
		data, err2 := os.ReadFile(path)
		out[name] = string(data)
		return errors.Join(err, err2)
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// same compares folders byte by byte.
func same(t testing.TB, got, want map[string]string) {
	t.Helper()
	if a, b := slices.Sorted(maps.Keys(got)), slices.Sorted(maps.Keys(want)); !slices.Equal(a, b) {
		t.Fatalf("files %q, want %q", a, b)
	}
	for name := range want {
		if got[name] != want[name] {
			t.Errorf("%s differs: %d bytes, want %d", name, len(got[name]), len(want[name]))
		}
	}
}

// unpacked lists the members of an archive by name.
func unpacked(t testing.TB, archive string) (names []string, members map[string]string) {
	t.Helper()
	members = map[string]string{}
	r := tar.NewReader(strings.NewReader(archive))
	for {
		h, err := r.Next()
		if errors.Is(err, io.EOF) {
			return names, members
		}
		if err != nil {
			t.Fatal(err)
		}
		data, err := io.ReadAll(r)
		if err != nil {
			t.Fatal(err)
		}
		if h.ModTime.Unix() != 0 || h.Uid != 0 || h.Uname != "" || h.Mode != 0o644 {
			t.Errorf("%s: header %+v", h.Name, h)
		}
		names, members[h.Name] = append(names, h.Name), string(data)
	}
}

func TestShardsAreWebDataset(t *testing.T) {
	f := newFake(t, 12)
	dir := filepath.Join(t.TempDir(), "out")
	r := packed(t, f, dir, Options{ShardCount: 4, Workers: 3})
	if r.Shards != 3 || r.Present != 12 || r.Used != 10 || r.Skipped != 2 || r.Filtered != 0 || r.Captions != 12 {
		t.Errorf("%+v", r)
	}
	files := content(t, dir)
	want := []string{"00000.tar", "00001.tar", "00002.tar", RecordFile, SizesFile, SkippedFile}
	if got := slices.Sorted(maps.Keys(files)); !slices.Equal(got, want) {
		t.Errorf("files %q", got)
	}
	var sizes map[string]int
	if err := json.Unmarshal([]byte(files[SizesFile]), &sizes); err != nil || !maps.Equal(sizes,
		map[string]int{"00000.tar": 4, "00001.tar": 4, "00002.tar": 2}) {
		t.Errorf("%v %v", sizes, err)
	}
	names, members := unpacked(t, files["00000.tar"])
	if !slices.Equal(names[:4], []string{"000000000.jpg", "000000000.txt", "000000000.json", "000000001.png"}) {
		t.Errorf("members %q", names)
	}
	if members["000000000.jpg"] != string(f.samples[0].file) || members["000000000.txt"] != "picture 0" {
		t.Error("the picture or the caption is another one")
	}
	var a about
	if err := json.Unmarshal([]byte(members["000000000.json"]), &a); err != nil {
		t.Fatal(err)
	}
	if a.Key != "000000000" || a.Caption != "picture 0" || !slices.Equal(a.Captions, []string{"picture 0", "another one"}) ||
		a.Width != 30 || a.Height != 24 || a.OriginalWidth != 30 || a.OriginalPath != "a.b/0.c.jpg" || len(a.SHA256) != 64 {
		t.Errorf("%+v", a)
	}
	var skip datasets.Skip
	lines := strings.Split(strings.TrimSpace(files[SkippedFile]), "\n")
	if err := json.Unmarshal([]byte(lines[0]), &skip); err != nil || len(lines) != 2 || skip.Key != f.samples[3].key {
		t.Errorf("%q %v", lines, err)
	}
}

func TestWorkersChangeNoByte(t *testing.T) {
	f := newFake(t, 40)
	for _, o := range []Options{{ShardCount: 7}, {ShardSize: "64KiB", Side: 20}, {Format: Parquet, ShardCount: 16}} {
		var first map[string]string
		for _, o.Workers = range []int{1, 2, 9} {
			dir := t.TempDir()
			packed(t, f, dir, o)
			if got := content(t, dir); first == nil {
				first = got
			} else {
				same(t, got, first)
			}
		}
	}
}

func TestAnInterruptedPackIsCompletedByteForByte(t *testing.T) {
	for _, o := range []Options{{ShardCount: 3, Workers: 2}, {ShardCount: 3, Workers: 2, Format: Parquet}} {
		f := newFake(t, 11)
		whole := t.TempDir()
		packed(t, f, whole, o)
		want := content(t, whole)
		for stop := range f.Len() {
			dir := t.TempDir()
			ctx, cancel := context.WithCancel(t.Context())
			o.MaxSkip = 1
			_, err := Pack(ctx, f, dir, o, Watch{Progress: func(done, _ int) {
				if done == stop {
					cancel()
				}
			}})
			cancel()
			if err != nil && !errors.Is(err, context.Canceled) {
				t.Fatal(err)
			}
			packed(t, f, dir, o)
			same(t, content(t, dir), want)
		}
	}
}

func TestAnotherPackIsRefused(t *testing.T) {
	f := newFake(t, 6)
	dir := t.TempDir()
	o := Options{ShardCount: 2}
	packed(t, f, dir, o)
	before := content(t, dir)
	for name, change := range map[string]func(f *fake, o *Options){
		"side":        func(_ *fake, o *Options) { o.Side = 16 },
		"shard_count": func(_ *fake, o *Options) { o.ShardCount = 3 },
		"other data":  func(f *fake, _ *Options) { f.info.Fingerprint = "other" },
	} {
		f, o := *f, o
		change(&f, &o)
		if _, err := Pack(t.Context(), &f, dir, o, Watch{}); fault.Of(err) != fault.Usage || !strings.Contains(err.Error(), name) {
			t.Errorf("%s: %v", name, err)
		}
	}
	same(t, content(t, dir), before)
	if r := packed(t, f, dir, o); !r.Complete || r.Used != 5 {
		t.Errorf("the same again: %+v", r)
	}
	same(t, content(t, dir), before)
}
