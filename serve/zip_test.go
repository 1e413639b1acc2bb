package serve

import (
	"archive/zip"
	"bytes"
	"fmt"
	"image/color"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// archived are the members of a selection's archive by name.
func archived(t *testing.T, f *fixture, keys ...string) map[string]string {
	t.Helper()
	kept := post[map[string]string](t, f, "/api/selections", fmt.Sprintf(`{"keys":["%s"]}`, strings.Join(keys, `","`)))
	w := f.do("GET", "/api/zip?selection="+kept["selection"], nil)
	if w.Code != 200 || w.Header().Get("Content-Type") != "application/zip" {
		t.Fatalf("%d %s", w.Code, w.Body)
	}
	r, err := zip.NewReader(bytes.NewReader(w.Body.Bytes()), int64(w.Body.Len()))
	if err != nil {
		t.Fatal(err)
	}
	out := map[string]string{}
	for _, m := range r.File {
		in, err := m.Open()
		if err != nil {
			t.Fatal(err)
		}
		data, err := io.ReadAll(in)
		if err != nil {
			t.Fatal(err)
		}
		if m.Modified.Before(time.Date(2024, 1, 1, 0, 0, 0, 0, time.UTC)) {
			t.Errorf("%s is of %v", m.Name, m.Modified)
		}
		out[m.Name] = string(data)
	}
	return out
}

func TestASelectionComesAsAnArchive(t *testing.T) {
	f := newFixture(t)
	got := archived(t, f, "0", "4", "0")
	for name, file := range map[string]string{"reds/r000.png": "reds/r000.png", "greens/g001.png": "greens/g001.png"} {
		want, err := os.ReadFile(filepath.Join(f.dir, file))
		if err != nil || got[name] != string(want) {
			t.Errorf("%s: %d bytes, %v", name, len(got[name]), err)
		}
	}
	if len(got) != 2 { // a picture is there once
		t.Errorf("%d members", len(got))
	}
}

// TestAnArchiveHasWhatMayBeShown selects pictures that are gone, no pictures, links that lead out and rows that don't exist.
func TestAnArchiveHasWhatMayBeShown(t *testing.T) {
	f := newFixture(t, func(o *Options) { o.ShowPaths = false })
	secret := filepath.Join(t.TempDir(), "secret.png")
	if err := os.WriteFile(secret, pngOf(t, 5, 5, color.Black), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, change := range map[string]func(string) error{
		"reds/r000.png": os.Remove, "greens/g000.png": func(p string) error { return os.WriteFile(p, []byte("text"), 0o644) },
		"blues/b000.png": func(p string) error { return os.Rename(p, p+"x") },
	} {
		if err := change(filepath.Join(f.dir, name)); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Symlink(secret, filepath.Join(f.dir, "blues/b000.png")); err != nil {
		t.Fatal(err)
	}
	got := archived(t, f, "0", "1", "2", "3", "9999", "x")
	missing := got[missingName]
	if len(got) != 2 || got["reds/r001.png"] == "" || strings.Count(missing, "\n") != 5 || strings.Contains(missing, f.dir) {
		t.Errorf("%d members; missing: %s", len(got), missing)
	}
	for _, want := range []string{"reds/r000.png: the picture's file is gone", "greens/g000.png: the file is no picture", `"9999": `} {
		if !strings.Contains(missing, want) {
			t.Errorf("%q is not in %q", want, missing)
		}
	}
}

func TestNamesInAnArchiveStayInIt(t *testing.T) {
	a := archive{names: map[string]bool{}}
	for name, want := range map[string]string{"../../etc/passwd": "etc/passwd", "/abs/x.png": "abs/x.png", `C:\x.png`: "C__x.png",
		"..": "picture", "a//b.png": "a/b.png", "q/what?\x1b[2J\n.png": "q/what__[2J_.png", "q/\u202egnp.exe": "q/_gnp.exe",
		"q/caf\u00e9 1.png": "q/caf\u00e9 1.png"} {
		if got := a.free(name); got != want {
			t.Errorf("%q: %q, not %q", name, got, want)
		}
	}
	one, two := a.free("Q/Caf\u00e9 1.PNG"), a.free("q/caf\u00e9 1.png")
	if one != "Q/Caf\u00e9 1 (2).PNG" || two != "q/caf\u00e9 1 (3).png" {
		t.Errorf("members of one name are %q and %q", one, two)
	}
}

func TestPicturesInAnArchiveHaveAnExtension(t *testing.T) {
	for name, want := range map[string]string{"a/b.JPG": "a/b.JPG", "U+1F498 heart": "U+1F498 heart.png", "St. Bernard": "St. Bernard.png",
		"a.b/c": "a.b/c.png", "x.": "x..png"} {
		if got := withExtension(name, "png"); got != want {
			t.Errorf("%q: %q, not %q", name, got, want)
		}
	}
}

func TestWrongSelectionsAreRefused(t *testing.T) {
	f := newFixture(t)
	many := `"0"` + strings.Repeat(`,"0"`, maxSelected)
	for body, code := range map[string]int{`{"keys":[]}`: 400, `{`: 400, `{"index":"none","keys":["0"]}`: 404,
		`{"keys":[` + many + `]}`: 400} {
		if w := f.do("POST", "/api/selections", strings.NewReader(body)); w.Code != code {
			t.Errorf("%.40s: %d %s", body, w.Code, w.Body)
		}
	}
	if w := f.do("GET", "/api/zip?selection=none", nil); w.Code != 404 {
		t.Errorf("%d", w.Code)
	}
}
