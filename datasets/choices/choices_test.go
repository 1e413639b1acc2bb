package choices

import (
	"bytes"
	"context"
	"errors"
	"image"
	"image/color"
	"image/png"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"clipgo/datasets"
	"clipgo/internal/golden"
)

// lay writes files below a new folder; a name with .png gets a picture of 4 x 3 pixels whose red is x and whose green is y.
func lay(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range files {
		if filepath.Ext(name) == ".png" {
			im := image.NewRGBA(image.Rect(0, 0, 4, 3))
			for i := range 12 {
				im.Set(i%4, i/4, color.RGBA{uint8(i % 4), uint8(i / 4), 9, 255})
			}
			var b bytes.Buffer
			if err := png.Encode(&b, im); err != nil {
				t.Fatal(err)
			}
			text = b.String()
		}
		path := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// The samples come in the order of the file, with the right caption first; a number that is missing is no fault.
func TestSugarCrepeIsReadInTheOrderOfItsFile(t *testing.T) {
	dir := lay(t, map[string]string{
		"add_att.json": `{"3": {"filename": "b.png", "caption": "right 3", "negative_caption": "wrong 3"},
			"1": {"filename": "a.png", "caption": "right 1", "negative_caption": "wrong 1"}}`,
		"swap_obj.json":   `{"0": {"filename": "a.png", "caption": "r", "negative_caption": "w"}}`,
		"other.json":      `{"images": []}`,
		"val2017/a.png":   "",
		"val2017/sub.txt": "no",
	})
	places := Find(dir)
	if len(places) != 2 || places[0].Name != "sugar_crepe/add_att" || places[1].Name != "sugar_crepe/swap_obj" {
		t.Fatalf("%v", places)
	}
	s, err := Open(context.Background(), places[0].Path)
	if err != nil {
		t.Fatal(err)
	}
	first, _ := s.Entry(context.Background(), 0)
	second, _ := s.Entry(context.Background(), 1)
	if s.Len() != 2 || s.Pictures != 1 || strings.Join(first.Captions, "|") != "right 3|wrong 3" || second.Captions[0] != "right 1" {
		t.Errorf("%+v, %+v", first, second)
	}
	if first.Bad == "" || second.Bad != "" {
		t.Errorf("the picture that isn't there: %q; the other: %q", first.Bad, second.Bad)
	}
	if p, err := s.Picture(context.Background(), 1); err != nil || len(p.File) == 0 {
		t.Errorf("%d bytes, %v", len(p.File), err)
	}
	if _, err := s.Picture(context.Background(), 0); err == nil {
		t.Error("a picture that isn't there")
	}
}

// Of ARO only the box counts, and what is outside of the picture is black.
func TestAROShowsTheBoxAlone(t *testing.T) {
	dir := lay(t, map[string]string{
		"visual_genome_relation.json": `[{"image_path": "a.png", "true_caption": "yes", "false_caption": "no", "relation_name": "on",
			"bbox_x": 1, "bbox_y": 2, "bbox_w": 5, "bbox_h": 2}]`,
		"visual_genome_attribution.json": `[{"image_path": "a.png", "true_caption": "yes", "false_caption": "no",
			"attributes": ["red", "big"], "bbox_x": 0, "bbox_y": 0, "bbox_w": 4, "bbox_h": 3}]`,
		"images/a.png": "",
	})
	places := Find(dir)
	if len(places) != 2 || places[0].Name != "aro/vg_attribution" || places[1].Name != "aro/vg_relation" {
		t.Fatalf("%v", places)
	}
	s, err := Open(context.Background(), places[1].Path)
	if err != nil {
		t.Fatal(err)
	}
	p, err := s.Picture(context.Background(), 0)
	if err != nil || p.Width != 5 || p.Height != 2 {
		t.Fatalf("%d x %d, %v", p.Width, p.Height, err)
	}
	want := []uint8{1, 2, 9, 2, 2, 9, 3, 2, 9, 0, 0, 0, 0, 0, 0}
	if !bytes.Equal(p.RGB[:15], want) || !bytes.Equal(p.RGB[15:], make([]uint8, 15)) {
		t.Errorf("%v, want %v and a black row", p.RGB, want)
	}
	other, err := Open(context.Background(), places[0].Path)
	if err != nil || other.Kinds[0] != "red_big" || s.Kinds[0] != "on" {
		t.Errorf("%v, %v, %v", other.Kinds, s.Kinds, err)
	}
	if other.Info().Fingerprint == s.Info().Fingerprint {
		t.Error("two sets have one fingerprint")
	}
}

// A damaged file is refused with its place.
func TestDamagedSetsAreRefused(t *testing.T) {
	for _, c := range []struct{ file, text, want string }{
		{"add_att.json", `{"0": {"filename": "a", "negative_caption": "w", "caption": 3}}`, "sample 0: caption: it is a number"},
		{"add_att.json", `{"7": {"filename": "a", "negative_caption": "w"}}`, "sample 7: a caption is missing"},
		{"add_att.json", `{"7": {"caption": "a", "negative_caption": "w"}}`, "sample 7: it names no picture"},
		{"add_att.json", `{"7": {"filename": "a", "caption": "a", "negative_caption": "w"}`, "ends within the object"},
		{"add_att.json", `["negative_caption"]`, "isn't an object"},
		{"examples.jsonl", "\n" + `{"image_0": "a", "image_1": "", "caption_0": "x", "caption_1": "y"}`, "line 2: it names no picture"},
		{"examples.jsonl", `{"caption_0": `, "line 1: "},
		{"examples.jsonl", `{"image_0": "../../a", "image_1": "b", "caption_0": "x", "caption_1": "y"}`,
			`line 1: the picture "../../a.png" is not below images`},
		{"add_att.json", `{"7": {"filename": "/a.jpg", "caption": "a", "negative_caption": "w"}}`,
			`sample 7: the picture "/a.jpg" is not below val2017`},
		{"visual_genome_relation.json", `[{"image_path": "a", "true_caption": "y", "false_caption": "n"}]`, "sample 0: its box is 0 x 0"},
		{"visual_genome_relation.json", `[{"false_caption"`, "not JSON"},
	} {
		places := Find(lay(t, map[string]string{c.file: c.text}))
		if len(places) != 1 {
			t.Fatalf("%s: %v", c.file, places)
		}
		_, err := Open(context.Background(), places[0].Path)
		wrong, ok := errors.AsType[*datasets.DataError](err)
		if !ok && !strings.Contains(c.want, "not JSON") || err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v (%v), want %s", c.text, err, wrong, c.want)
		}
	}
	for _, place := range []string{t.TempDir(), "absent", lay(t, map[string]string{"a.json": "{}"})} {
		if p := Find(place); p != nil {
			t.Errorf("%s: %v", place, p)
		}
	}
}

// All sets of the fixtures are found, and every picture is there.
func TestGoldenBenchmarkChoicesAreFound(t *testing.T) {
	data := filepath.Join(golden.Dir(t, "benchmark"), "data")
	found := 0
	for _, dir := range []string{"sugar_crepe", "winoground"} {
		for _, p := range Find(filepath.Join(data, dir)) {
			s, err := Open(context.Background(), p.Path)
			if err != nil {
				t.Fatal(err)
			}
			for i := range s.Len() {
				if e, err := s.Entry(context.Background(), i); err != nil || e.Bad != "" {
					t.Errorf("%s: %s: %s, %v", p.Name, e.Key, e.Bad, err)
				}
			}
			found++
		}
	}
	if found < 2 {
		t.Errorf("%d sets", found)
	}
}
