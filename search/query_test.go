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
		"+2:red car":        {Weight: 2, Text: "red car"},
		"2:red car":         {Weight: 1, Text: "2:red car"},
		"16:9 photo":        {Weight: 1, Text: "16:9 photo"},
		"3:30 pm":           {Weight: 1, Text: "3:30 pm"},
		"+ 2 : 1 odds":      {Weight: 1, Text: "2 : 1 odds"},
		"+.5:x":             {Weight: 0.5, Text: "x"},
		"+Inf:x":            {Weight: 1, Text: "Inf:x"},
		"-NaN:x":            {Weight: -1, Text: "NaN:x"},
		"-0.5:night":        {Weight: -0.5, Text: "night"},
		"+1e1:x":            {Weight: 10, Text: "x"},
		"+1:12:30 o'clock":  {Weight: 1, Text: "12:30 o'clock"},
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
	for _, arg := range []string{"", "-", "+2:", "+0:x", "-2: ", "+1e999:x", "+-2:x", dir, "https://example.org/a.jpg"} {
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
	if _, err := ParseTexts([]string{"+2:"}); err == nil {
		t.Error("a term without a text was accepted")
	}
}

// A word is a text whatever file has its name, unless that file is a picture.
func TestAFileOfTheNameIsNotYetAPicture(t *testing.T) {
	t.Chdir(t.TempDir())
	png := "\x89PNG\r\n\x1a\n and more"
	for name, data := range map[string]string{"bird": "some notes", "cat": png, "dog": "", "caf\xe9.jpg": png, "a bird.txt": png} {
		if err := os.WriteFile(name, []byte(data), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Mkdir("fish", 0o755); err != nil {
		t.Fatal(err)
	}
	here, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for arg, want := range map[string]string{"bird": `+1 x text "bird"`, "dog": `+1 x text "dog"`, "fish": `+1 x text "fish"`,
		"-cat": `-1 x picture "cat"`, "./bird": `+1 x picture "./bird"`, "+2:a bird.txt": `+2 x picture "a bird.txt"`,
		"file://" + here + "/caf%E9.jpg": `+1 x picture "` + here + `/caf\xe9.jpg"`} {
		if got, err := Parse([]string{arg}); err != nil || got[0].String() != want {
			t.Errorf("%q: %v %v, want %s", arg, got, err, want)
		}
	}
}

// The values of flags have no sign of their own, and nothing but +WEIGHT: is split off them.
func TestFlagsTakeTheirValuesAsTheyAre(t *testing.T) {
	t.Chdir(t.TempDir())
	if err := os.WriteFile("cat.jpg", []byte("picture"), 0o644); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		read      func(string) (Term, error)
		arg, want string
	}{
		{ParseText, "-dog", `+1 x text "-dog"`}, {ParseText, "cat.jpg", `+1 x text "cat.jpg"`}, {ParseText, "+2:cat", `+2 x text "cat"`},
		{ParseText, "16:9", `+1 x text "16:9"`}, {ParseText, "+ more", `+1 x text "+ more"`},
		{ParsePicture, "cat.jpg", `+1 x picture "cat.jpg"`},
		{ParsePicture, "+0.5:cat.jpg", `+0.5 x picture "cat.jpg"`}, {ParseQuery, "cat.jpg", `+1 x picture "cat.jpg"`},
		{ParseQuery, "+3:night", `+3 x text "night"`}, {ParsePicture, "a dog", ""}, {ParseText, "+0:x", ""}, {ParseText, " ", ""},
	} {
		got, err := c.read(c.arg)
		if c.want == "" && err == nil || c.want != "" && (err != nil || got.String() != c.want) {
			t.Errorf("%q: %v %v, want %s", c.arg, got, err, c.want)
		}
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
