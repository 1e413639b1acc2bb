package benchmark

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"image"
	"image/color"
	"image/draw"
	"image/jpeg"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"clipgo/datasets"
	"clipgo/eval"
	"clipgo/internal/fault"
)

// cues writes a set in WinoGAViL's layout: lines, and pictures of one colour with the names a.jpg, b.jpg and so on.
func cues(t *testing.T, pictures int, lines ...string) string {
	t.Helper()
	dir := t.TempDir()
	if err := os.Mkdir(filepath.Join(dir, "images"), 0o700); err != nil {
		t.Fatal(err)
	}
	for i := range pictures {
		shade := color.RGBA{uint8(40 * i), uint8(250 - 20*i), uint8(90 * i), 255}
		writeColour(t, filepath.Join(dir, "images", string(rune('a'+i))+".jpg"), shade)
	}
	if err := os.WriteFile(filepath.Join(dir, "examples.jsonl"), []byte(strings.Join(lines, "\n")), 0o600); err != nil {
		t.Fatal(err)
	}
	return dir
}

func writeColour(t *testing.T, path string, c color.Color) {
	t.Helper()
	var b bytes.Buffer
	picture := image.NewRGBA(image.Rect(0, 0, 16, 16))
	draw.Draw(picture, picture.Bounds(), image.NewUniform(c), image.Point{}, draw.Src)
	if err := errors.Join(jpeg.Encode(&b, picture, nil), os.WriteFile(path, b.Bytes(), 0o600)); err != nil {
		t.Fatal(err)
	}
}

// The scores of cues are those of the definition, sample by sample, in DataComp's means, and the average takes that of 10 to 12 pictures.
func TestCuesAreScoredFromTheDefinition(t *testing.T) {
	_, s, m := openFixture(t)
	names := func(n int) string {
		var out []string
		for i := range n {
			out = append(out, fmt.Sprintf("%q", string(rune('a'+i))))
		}
		return strings.Join(out, ", ")
	}
	line := func(cue string, n int, right string) string {
		return fmt.Sprintf(`{"cue": %q, "candidates": [%s], "associations": [%s], "num_candidates": %d}`, cue, names(n), right, n)
	}
	dir := cues(t, 12, line("Olive", 5, `"a", "c"`), line("fire", 10, `"b", "e", "j"`), line("sea", 12, `"d"`),
		`{"cue": "gone", "candidates": ["a", "zz"], "associations": ["a"]}`)
	s.Settings.MaxSkip = 0.5
	m.Settings.MaxSkip = 0.5
	d, err := Open(dir, datasets.Options{})
	if err != nil || d.Name != "winogavil" {
		t.Fatalf("%+v, %v", d, err)
	}
	if names, err := d.Tasks(context.Background()); err != nil || len(names) != 1 || names[0] != Selection {
		t.Fatalf("%v, %v", names, err)
	}
	got, err := s.Measure(context.Background(), m, d, Selection)
	if err != nil {
		t.Fatal(err)
	}
	f := newFeatures(m, d, datasets.NeedCaptions)
	f.begin(s, Cell{})
	test, _, err := f.of(context.Background(), TestSplit)
	if err != nil {
		t.Fatal(err)
	}
	want, at := map[int]float64{}, 0
	for i, right := range []string{"ac", "bej", "d"} {
		n := []int{5, 10, 12}[i]
		var cosines []float64
		for picture := at; picture < at+n; picture++ {
			cosine := 0.0
			for j := range test.Dim {
				cosine += float64(test.Images[picture*test.Dim+j]) * float64(test.Texts[i*test.Dim+j])
			}
			cosines = append(cosines, cosine)
		}
		at += n
		want[n] = jaccardByCounting(cosines, right)
	}
	for key, v := range map[string]float64{
		"avg_jaccard_score": (want[5] + want[10] + want[12]) / 3, "jaccard_score_5": want[5], "jaccard_score_10": want[10],
		"jaccard_score_12": want[12], "jaccard_score_5-6": want[5], "jaccard_score_10-12": (want[10] + want[12]) / 2,
	} {
		value, _ := got.Result.Value(key)
		close6(t, key, value, v, 1e-12)
	}
	notes := fmt.Sprint(got.Details.Notes)
	if v, _ := got.Result.Value("jaccard_score_6"); !math.IsNaN(v.(float64)) || !strings.Contains(notes, "jaccard_score_6") {
		t.Errorf("jaccard_score_6 is %v, notes %v", v, got.Details.Notes)
	}
	if got.Details.Skipped != 1 || got.Details.Samples != 3 || test.Captions[0] != "An olive" || test.Captions[1] != "A fire" {
		t.Errorf("%d of %d skipped; %v", got.Details.Skipped, got.Details.Samples, test.Captions)
	}
	chance := (eval.JaccardChance(5, 2) + eval.JaccardChance(10, 3) + eval.JaccardChance(12, 1)) / 3
	close6(t, "chance", *got.Details.Chance, chance, 1e-12)
	e := Entry{got.Result, got.Details}
	close6(t, "the value that stands for it", e.Main(), (want[5]+want[10]+want[12])/3, 1e-12)
	for _, set := range dataComp {
		if v, ok := set.find([]Entry{e}); ok {
			close6(t, set.name, v, (want[10]+want[12])/2, 1e-12)
		}
	}
}

// jaccardByCounting takes the pictures that fewer than k have a higher cosine than. Right has the letters of the right ones.
func jaccardByCounting(cosines []float64, right string) float64 {
	common := 0.0
	for i, own := range cosines {
		higher := 0
		for _, other := range cosines {
			if other > own {
				higher++
			}
		}
		if higher < len(right) && strings.ContainsRune(right, rune('a'+i)) {
			common++
		}
	}
	return common / (2*float64(len(right)) - common)
}

// Lines that can't be meant are refused with their number.
func TestCuesThatCannotBeMeantAreRefused(t *testing.T) {
	_, s, m := openFixture(t)
	good := `{"cue": "x", "candidates": ["a", "b"], "associations": ["a"]}`
	for line, want := range map[string]string{
		`{"cue": "x", "candidates": ["a", "b"], "associations": ["c"]}`: `line 2: "c" belongs to the cue but is no candidate`,
		`{"cue": "x", "candidates": ["a", "b"], "associations": []}`:    "line 2: it has 2 candidates, of which 0 belong",
		`{"cue": " ", "candidates": ["a", "b"], "associations": ["a"]}`: "line 2: a caption is missing or empty",
		`{"cue": "x", "candidates": ["a", ""], "associations": ["a"]}`:  "line 2: it names no picture",
		`{"cue": 1}`: "line 2: ",
	} {
		d, err := Open(cues(t, 2, good, line), datasets.Options{})
		if err != nil {
			t.Fatal(err)
		}
		_, err = s.Measure(context.Background(), m, d, Selection)
		if fault.Of(err) != fault.Data || !strings.Contains(fmt.Sprint(err), want) {
			t.Errorf("%s: %v, want %s", line, err, want)
		}
	}
}
