package search

import (
	"context"
	"errors"
	"math"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"testing"
)

func TestQueryArithmeticIsParsed(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "a b.jpg")
	if err := os.WriteFile(file, []byte("picture"), 0o644); err != nil {
		t.Fatal(err)
	}
	for arg, want := range map[string]Term{
		"a cat":             {Weight: 1, Text: "a cat"},
		"+snow":             {Weight: 1, Text: "snow"},
		"-dog":              {Weight: -1, Text: "dog"},
		" - dog ":           {Weight: -1, Text: "dog"},
		"2:red car":         {Weight: 2, Text: "red car"},
		"-0.5:night":        {Weight: -0.5, Text: "night"},
		"+1e1:x":            {Weight: 10, Text: "x"},
		"1:12:30 o'clock":   {Weight: 1, Text: "12:30 o'clock"},
		"note: a t-shirt":   {Weight: 1, Text: "note: a t-shirt"},
		"a picture cat.jpg": {Weight: 1, Text: "a picture cat.jpg"},
		file:                {Weight: 1, Picture: []byte("picture"), Path: file},
		"-3:" + file:        {Weight: -3, Picture: []byte("picture"), Path: file},
	} {
		got, err := Parse([]string{arg})
		if err != nil || len(got) != 1 || !reflect.DeepEqual(got[0], want) {
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

// A server's queries are texts, whatever files there are.
func TestTextsAreNeverFiles(t *testing.T) {
	file := filepath.Join(t.TempDir(), "a.jpg")
	if err := os.WriteFile(file, []byte("picture"), 0o644); err != nil {
		t.Fatal(err)
	}
	got, err := ParseTexts([]string{"-2:" + file, "/nowhere/x", "./no.jpg"})
	want := []Term{{Weight: -2, Text: file}, {Weight: 1, Text: "/nowhere/x"}, {Weight: 1, Text: "./no.jpg"}}
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("%+v %v", got, err)
	}
	if _, err := ParseTexts([]string{"2:"}); err == nil {
		t.Error("a term without a text was accepted")
	}
}

type fakeEncoder map[string][]float32

func (f fakeEncoder) EncodeText(ctx context.Context, s string) ([]float32, error) {
	return f.get(ctx, "text "+s)
}
func (f fakeEncoder) EncodePicture(ctx context.Context, file []byte) ([]float32, error) {
	return f.get(ctx, "picture "+string(file))
}
func (f fakeEncoder) get(ctx context.Context, s string) ([]float32, error) {
	if f[s] == nil {
		return nil, errors.New("unknown")
	}
	return f[s], ctx.Err()
}

func TestCombineAddsDirections(t *testing.T) {
	dir := t.TempDir()
	update(t, dir, func(w *Writer) { add(t, w, "/p/y", 1) })
	ix, err := Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer ix.Close()
	e := fakeEncoder{"text x": {9, 0, 0, 0}, "picture z": {0, 0, 4, 0}, "text 0": {0, 0, 0, 0}, "text short": {1}}
	q, err := Combine(t.Context(), ix, []Term{{Weight: 2, Text: "x"}, {Weight: -1, Like: "/p/y"},
		{Weight: 2, Picture: []byte("z"), Path: "z.png"}}, e)
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range []float64{2. / 3, -1. / 3, 2. / 3, 0} { // (2, -1, 2, 0) has length 3
		if math.Abs(float64(q.Vector[i])-want) > 1e-7 {
			t.Errorf("%v", q.Vector)
		}
	}
	if !slices.Equal(q.Without, []string{"/p/y", "z.png"}) {
		t.Errorf("without %v", q.Without)
	}
	x := Term{Weight: 1, Text: "x"}
	for name, c := range map[string]struct {
		terms []Term
		want  error
	}{
		"cancel": {[]Term{x, {Weight: -1, Text: "x"}}, ErrNoDirection}, "no row": {[]Term{{Weight: 1, Like: "/p/z"}}, ErrNoRow},
		"zero": {[]Term{{Weight: 1, Text: "0"}}, nil}, "unknown": {[]Term{{Weight: 1, Text: "?"}}, nil},
		"lengths":    {[]Term{x, {Weight: 1, Text: "short"}}, nil},
		"no content": {[]Term{{Weight: 1, Path: "z.png"}}, nil}, "two contents": {[]Term{{Weight: 1, Text: "x", Picture: []byte("z")}},
			nil},
	} {
		if _, err := Combine(t.Context(), ix, c.terms, e); err == nil || c.want != nil && !errors.Is(err, c.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := Combine(ctx, ix, []Term{x}, e); !errors.Is(err, context.Canceled) {
		t.Errorf("a query that was given up: %v", err)
	}
}
