package check

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"image"
	"image/color"
	"image/png"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"clipgo/datasets"
)

// folder writes files and opens them as a training does.
func folder(t testing.TB, files map[string][]byte) datasets.Source {
	t.Helper()
	root := t.TempDir()
	for name, content := range files {
		if err := os.WriteFile(filepath.Join(root, name), content, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	s, err := datasets.Open(t.Context(), root, datasets.Options{Need: datasets.NeedCaptions})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// Two files with the same size and the same first bytes are compared whole.
func TestCopiesAreFound(t *testing.T) {
	large := append(photo(t, 900, 900, 1), '1')
	if len(large) < headerBytes+1000 {
		t.Fatalf("a picture of %d bytes", len(large))
	}
	other := bytes.Clone(large)
	other[len(other)-1] = '2' // after the end of the picture
	small := photo(t, 40, 40, 2)
	tagged := append(bytes.Clone(small), "more"...)
	files := map[string][]byte{"a.jpg": large, "b.jpg": large, "c.jpg": other, "d.jpg": small, "e.jpg": small, "f.jpg": tagged}
	for name := range files {
		files[name[:1]+".txt"] = []byte("caption of " + name)
	}
	for _, all := range []bool{false, true} {
		o := options()
		o.All = all
		r := mustRun(t, folder(t, files), o)
		d := r.Doubles
		examples := d.Files.Examples
		if d.Files.Compared != 6 || d.Files.Extra != 2 || d.Files.Groups != 2 || len(examples) != 2 || len(examples[0]) != 2 {
			t.Errorf("all %v: %+v", all, d.Files)
		}
		if shown := r.equalPictures(); len(shown) != 4 { // two of files, two larger ones of pixels
			t.Errorf("%v", shown)
		}
		r.Doubles.Pixels.Examples = append(r.Doubles.Pixels.Examples, examples[0])
		if shown := r.equalPictures(); len(shown) != 4 {
			t.Errorf("a group is shown twice: %v", shown)
		}
		if d.Pixels.Compared != 6 || d.Pixels.Extra != 4 || d.Pixels.Groups != 2 {
			t.Errorf("all %v: %+v", all, d.Pixels)
		}
	}
}

func TestPicturesAreDescribed(t *testing.T) {
	deep := image.NewGray16(image.Rect(0, 0, 300, 40))
	deep.SetGray16(1, 1, color.Gray16{Y: 3000})
	var b bytes.Buffer
	if err := png.Encode(&b, deep); err != nil {
		t.Fatal(err)
	}
	plain := photo(t, 64, 48, 1)
	thumbnail := append([]byte("\xFF\xE1\xFF\xF0"), make([]byte, 0xFFF0-2)...) // before the header, longer than what is read for it
	late := slices.Concat(plain[:2], thumbnail, plain[2:])
	s := folder(t, map[string][]byte{"a.png": b.Bytes(), "b.jpg": late, "c.png": pngOf(t, 20, 20),
		"a.txt": []byte("a"), "b.txt": []byte("b"), "c.txt": []byte("c")})
	p := mustRun(t, s, options()).Pictures
	if p.Count != 3 || p.Deep != 1 || p.Alpha != 1 || p.Elongated != 1 || p.Small != 1 || p.Grey != 1 || p.Untagged != 3 {
		t.Errorf("%+v", p)
	}
	if p.Width.Low != 20 || p.Width.Median != 64 || p.Width.High != 300 || p.Formats[0] != (Count{"png", 2, 2. / 3}) {
		t.Errorf("%+v, %+v", p.Width, p.Formats)
	}
	if len(p.Examples) != 3 || p.Examples[0].What != oddDeep || filepath.Base(p.Examples[0].Key) != "a.png" {
		t.Errorf("%+v", p.Examples)
	}
}

func TestSourcesOfAllKinds(t *testing.T) {
	for name, s := range map[string]datasets.Source{
		"one sample":        &fake{n: 1},
		"everything broken": &fake{n: 3, errors: map[int]error{0: io.ErrUnexpectedEOF, 1: io.EOF, 2: errors.New("read: gone")}},
		"all entries bad":   &fake{n: 2, bad: map[int]string{0: "x", 1: "y"}},
		"a panic": &fake{n: 3, before: func(i int) {
			if i == 1 {
				panic("a mistake of the source")
			}
		}},
		"nothing": &fake{},
	} {
		r := mustRun(t, s, options())
		unusable := map[string]int{"everything broken": 3, "all entries bad": 2, "a panic": 1}[name]
		if r.Samples.Unusable != unusable || (r.Refusal() != nil) != (unusable > 0) || len(r.Lines()) < 3 {
			t.Errorf("%s: %+v, %v", name, r.Samples, r.Refusal())
		}
		if err := r.WriteHTML(io.Discard); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// What was found until then is in the result.
func TestInterruptedChecksTellWhatTheyFound(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	refused := &datasets.DataError{Source: "fake", Reason: "it has changed"}
	for want, s := range map[error]*fake{
		context.Canceled: {n: 500, before: func(i int) { cancel() }},
		refused:          {n: 500, errors: map[int]error{7: refused}},
	} {
		in := t.Context()
		if want == context.Canceled {
			in = ctx
		}
		s.bad = map[int]string{3: "no caption"}
		r, err := Run(in, s, options())
		if !errors.Is(err, want) || r.Complete || r.Samples.Entries != 500 || r.Samples.Unusable != 1 || r.Samples.Exact {
			t.Errorf("%v: %v, %+v", want, err, r.Samples)
		}
		if text := strings.Join(r.Lines(), "\n"); !strings.Contains(text, "interrupted") || !strings.Contains(text, "no caption") {
			t.Errorf("%s", text)
		}
	}
}

// Names and captions are of strangers.
func TestPagesShowHostileTextsAsTexts(t *testing.T) {
	evil := "<script>alert(1)</script>\x1b[31m\u202e\n\"'"
	s := &fake{n: 30, captions: map[int][]string{}, bad: map[int]string{2: evil}}
	for i := range s.n {
		s.captions[i] = []string{evil + strings.Repeat(" x", 100*(i%2))}
	}
	r := mustRun(t, s, options())
	for i := range r.Shown {
		r.Shown[i].Key = evil
	}
	r.Data.Name, r.Data.Notes = evil, []string{evil}
	r.Doubles.Files.Examples = [][]string{{evil}}
	var b bytes.Buffer
	if err := r.WriteHTML(&b); err != nil {
		t.Fatal(err)
	}
	page := b.String()
	for _, bad := range []string{"<script", "\x1b", "\u202e", "http://", "https://", "ZgotmplZ"} {
		if strings.Contains(page, bad) {
			t.Errorf("the page has %q", bad)
		}
	}
	if n := strings.Count(page, "<img "); n != mostShown || strings.Count(page, "data:image/jpeg") != n {
		t.Errorf("%d pictures", n)
	}
	for _, line := range r.Lines() {
		if strings.ContainsAny(line, "\x1b\n\u202e") {
			t.Errorf("%q", line)
		}
	}
	if data, err := json.Marshal(r); err != nil || !json.Valid(data) {
		t.Errorf("%v", err)
	}
}

// Pictures that are read in sequence come in their order, whichever worker asks first.
func TestSequencesAreReadInOrder(t *testing.T) {
	var order []int
	s := &fake{n: 300}
	s.before = func(i int) { order = append(order, i) } // the reads exclude each other
	o := options()
	o.Workers, o.Sample, o.MaxSkip = 8, 100, 0.1
	c := newChecker(s, o)
	c.sequence = new(sync.Mutex)
	if err := c.run(t.Context()); err != nil {
		t.Fatal(err)
	}
	if len(order) != 100 || !slices.IsSorted(order) {
		t.Errorf("%v", order)
	}
	c.next = 0
	for i, k := range []int{2, 0, 1} {
		if one := c.take(t.Context(), k, func(k int) draw { return draw{sample: 10 * k} }); one.sample != 10*i {
			t.Errorf("worker %d reads sample %d", i, one.sample)
		}
	}
}
