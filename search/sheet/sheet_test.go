package sheet

import (
	"image"
	"image/png"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"clipgo/search"
)

// A hit has a small copy of its picture, or the reason why there is none; nothing of a name is read as HTML.
func TestHitsAreShown(t *testing.T) {
	dir := t.TempDir()
	there, tar := filepath.Join(dir, "a<b>.png"), filepath.Join(dir, "0.tar")
	f, err := os.Create(there)
	if err != nil {
		t.Fatal(err)
	}
	if err := png.Encode(f, image.NewRGBA(image.Rect(0, 0, 4, 2))); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(tar, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	page := filepath.Join(dir, "page.html")
	hits := []search.Hit{{Rank: 1, Score: 0.5, Path: there, Caption: "<i>x</i>\x1b"}, {Rank: 2, Path: filepath.Join(tar, "b.png")},
		{Rank: 3, Path: filepath.Join(dir, "gone.png")}, {Rank: 4, Path: "shapes/1"}}
	if err := Write(page, "a <b> c", "index", hits); err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	text := string(data)
	for want, n := range map[string]int{
		"data:image/jpeg;base64,": 1, "the file is gone": 1, "no preview: the picture is no file of its own": 2,
		"a &lt;b&gt; c": -1, `&lt;i&gt;x&lt;/i&gt;\u001b`: -1, "<i>": 0, "<script": 0,
	} {
		if got := strings.Count(text, want); n >= 0 && got != n || n < 0 && got == 0 {
			t.Errorf("%q is there %d times, want %d", want, got, n)
		}
	}
}
