package serve

import (
	"bytes"
	"fmt"
	"image"
	"image/color"
	"image/jpeg"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"clipgo/search"
)

func TestThumbnailsAreMadeOnceAndByContent(t *testing.T) {
	f := newFixture(t)
	big := put(t, f.dir, "reds/big.png", "", color.NRGBA{R: 200, A: 255}, 300)
	if err := os.WriteFile(big.Path, pngOf(t, 900, 600, color.NRGBA{R: 200, A: 255}), 0o644); err != nil {
		t.Fatal(err)
	}
	st, err := os.Stat(big.Path)
	if err != nil {
		t.Fatal(err)
	}
	big.Size, big.MTime = st.Size(), st.ModTime().UnixNano()
	fill(t, f.index, big)
	f.open(t, func(o *Options) { o.ThumbDir = f.options.ThumbDir })
	w := f.do("GET", "/thumb?row=120&h=200", nil)
	im, err := jpeg.Decode(w.Body)
	if err != nil || im.Bounds().Size() != (image.Point{384, 256}) {
		t.Fatalf("%d, %v, %v", w.Code, im.Bounds(), err)
	}
	kept, _ := filepath.Glob(filepath.Join(f.options.ThumbDir, "*", "*.jpg"))
	if len(kept) != 1 || !strings.Contains(kept[0], big.Hash) {
		t.Fatalf("kept %v", kept)
	}
	if err := os.WriteFile(kept[0], []byte("from the cache"), 0o600); err != nil {
		t.Fatal(err)
	}
	if w := f.do("GET", "/thumb?row=120&h=256", nil); w.Body.String() != "from the cache" {
		t.Error("a thumbnail is made twice")
	}
	if w := f.do("GET", "/thumb?row=120", nil, "If-None-Match", w.Header().Get("ETag")); w.Code != 304 {
		t.Errorf("the same again: %d", w.Code)
	}
	if err := os.WriteFile(big.Path, pngOf(t, 90, 60, color.NRGBA{B: 200, A: 255}), 0o644); err != nil {
		t.Fatal(err)
	}
	w = f.do("GET", "/thumb?row=120", nil)
	if im, err = jpeg.Decode(w.Body); err != nil || im.Bounds().Dx() != 90 {
		t.Errorf("a file that has changed shows its old thumbnail: %v", err)
	}
}

func TestTheCacheOfThumbnailsIsBounded(t *testing.T) {
	c := newThumbs(t.TempDir(), 10_000)
	for i := range 30 {
		c.store(fmt.Sprintf("%064x", i), 128, bytes.Repeat([]byte{1}, 1000))
	}
	if n := c.sweep(); n > 10_000 || n < 5000 {
		t.Errorf("%d bytes are kept", n)
	}
	for _, hash := range []string{"", "../../etc", strings.Repeat("A", 64), strings.Repeat("/", 64)} {
		if c.store(hash, 128, []byte{1}); c.usable(hash) {
			t.Errorf("%q is used as a name", hash)
		}
	}
}

// An index names whatever it likes. Only pictures below the roots leave the machine.
func TestWhatIsNoPictureBelowTheRootsIsNotSent(t *testing.T) {
	dir, outside := t.TempDir(), t.TempDir()
	secret := filepath.Join(outside, "secret.png")
	for path, data := range map[string][]byte{
		secret:                           pngOf(t, 4, 4, color.White),
		filepath.Join(dir, "text.png"):   []byte("root:x:0:0:root:/bin/sh\n"),
		filepath.Join(dir, "page.png"):   []byte("<html><script>alert(1)</script></html>"),
		filepath.Join(dir, "vector.svg"): []byte(`<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>`),
		filepath.Join(dir, "bomb.png"):   bomb(t),
		filepath.Join(dir, "good.png"):   pngOf(t, 4, 4, color.Black),
	} {
		if err := os.WriteFile(path, data, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Symlink(secret, filepath.Join(dir, "link.png")); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Mkfifo(filepath.Join(dir, "pipe.png"), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("good.png", filepath.Join(dir, "inside.png")); err != nil {
		t.Fatal(err)
	}
	f := &fixture{model: &colours{}, dir: dir, index: filepath.Join(t.TempDir(), "index")}
	cases := []struct {
		path string
		code int
	}{
		{filepath.Join(dir, "good.png"), 200}, {filepath.Join(dir, "inside.png"), 200},
		{secret, 403}, {dir + "/../" + filepath.Base(outside) + "/secret.png", 403}, {filepath.Join(dir, "link.png"), 403},
		{filepath.Join(dir, "pipe.png"), 403}, {dir + "/.", 403}, {"/etc/passwd", 403}, {"/dev/zero", 403},
		{filepath.Join(dir, "gone.png"), 404}, {filepath.Join(dir, "good.png", "inside"), 404}, {"built-in", 404},
		{filepath.Join(dir, "text.png"), 0}, {filepath.Join(dir, "page.png"), 0}, {filepath.Join(dir, "vector.svg"), 0},
		{filepath.Join(dir, "bomb.png"), 0},
	}
	var rows []search.Row
	for i, c := range cases {
		rows = append(rows, search.Row{File: search.File{Path: c.path, Hash: fmt.Sprintf("%064x", i)}, Image: []float32{1, 0, 0, 0}})
	}
	fill(t, f.index, rows...)
	f.open(t, func(o *Options) { o.Roots = []string{dir} })
	for i, c := range cases {
		thumb, original := f.do("GET", fmt.Sprintf("/thumb?row=%d", i), nil), f.do("GET", fmt.Sprintf("/picture?row=%d", i), nil)
		if c.code == 0 {
			if thumb.Code != 422 || original.Code != 403 && filepath.Base(c.path) != "bomb.png" {
				t.Errorf("%s: thumbnail %d, original %d", c.path, thumb.Code, original.Code)
			}
			continue
		}
		if thumb.Code != c.code || original.Code != c.code {
			t.Errorf("%s: thumbnail %d, original %d, want %d", c.path, thumb.Code, original.Code, c.code)
		}
	}
	w := f.do("GET", "/picture?row=0", nil)
	if w.Header().Get("Content-Type") != "image/png" || !strings.Contains(w.Header().Get("Content-Security-Policy"), "sandbox") ||
		!strings.HasPrefix(w.Header().Get("Content-Disposition"), "inline") {
		t.Errorf("headers of an original: %v", w.Header())
	}
}

// bomb is a picture whose header claims more pixels than are decoded.
func bomb(t *testing.T) []byte {
	t.Helper()
	data := pngOf(t, 8, 8, color.Black)
	copy(data[16:24], []byte{0, 0, 0x3f, 0xff, 0, 0, 0x3f, 0xff})
	return data
}
