package search

import (
	"errors"
	"math"
	"os"
	"path/filepath"
	"testing"
)

func TestQueryArithmeticIsParsed(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "a b.jpg")
	if err := os.WriteFile(file, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	for arg, want := range map[string]Term{
		"a cat":             {1, "a cat", ""},
		"+snow":             {1, "snow", ""},
		"-dog":              {-1, "dog", ""},
		" - dog ":           {-1, "dog", ""},
		"2:red car":         {2, "red car", ""},
		"-0.5:night":        {-0.5, "night", ""},
		"+1e1:x":            {10, "x", ""},
		"1:12:30 o'clock":   {1, "12:30 o'clock", ""},
		"note: a t-shirt":   {1, "note: a t-shirt", ""},
		"a picture cat.jpg": {1, "a picture cat.jpg", ""},
		file:                {1, "", file},
		"-3:" + file:        {-3, "", file},
	} {
		got, err := Parse([]string{arg})
		if err != nil || len(got) != 1 || got[0] != want {
			t.Errorf("%q: %+v %v", arg, got, err)
		}
	}
	for _, arg := range []string{"./no.jpg", "cat.PNG", "/nowhere/x"} {
		if _, err := Parse([]string{arg}); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("%q: %v", arg, err)
		}
	}
	for _, arg := range []string{"", "-", "2:", "0:x", "-2: ", "Inf:x", "NaN:x", "+-2:x", dir} {
		got, err := Parse([]string{arg})
		if err == nil {
			t.Errorf("%q was read as %+v", arg, got)
		}
	}
	if _, err := Parse(nil); err == nil {
		t.Error("no query was accepted")
	}
}

type fakeEncoder map[string][]float32

func (f fakeEncoder) EncodeText(s string) ([]float32, error) { return f.get("text " + s) }
func (f fakeEncoder) EncodeFile(s string) ([]float32, error) { return f.get("file " + s) }
func (f fakeEncoder) get(s string) ([]float32, error) {
	if f[s] == nil {
		return nil, errors.New("unknown")
	}
	return f[s], nil
}

func TestCombineAddsDirections(t *testing.T) {
	e := fakeEncoder{"text x": {9, 0, 0}, "text y": {0, 0.1, 0}, "file z": {0, 0, 4}, "text 0": {0, 0, 0}, "text short": {1}}
	got, files, err := Combine([]Term{{2, "x", ""}, {-1, "y", ""}, {2, "", "z"}}, e)
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range []float64{2. / 3, -1. / 3, 2. / 3} { // (2, -1, 2) has length 3
		if math.Abs(float64(got[i])-want) > 1e-7 {
			t.Errorf("%v", got)
		}
	}
	if len(files) != 1 || files[0] != "z" {
		t.Errorf("files %v", files)
	}
	for name, terms := range map[string][]Term{
		"cancel": {{1, "x", ""}, {-1, "x", ""}}, "zero": {{1, "0", ""}}, "unknown": {{1, "?", ""}}, "lengths": {{1, "x", ""}, {1, "short", ""}},
	} {
		if _, _, err := Combine(terms, e); err == nil {
			t.Errorf("%s was accepted", name)
		}
	}
}
