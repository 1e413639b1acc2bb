package mapfile

import (
	"encoding/csv"
	"encoding/json"
	"errors"
	"image"
	"image/color"
	"image/png"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/parquet-go/parquet-go"

	"clipgo/curation"
)

func example() *Map {
	c := &curation.Collection{Name: "a </script> name", Dim: 2, Features: []float32{1, 0, 0, 1, .6, .8}}
	c.Items = []curation.Item{{Path: "/p/a.jpg", Caption: "</script><b>, \"quoted\"\n"}, {Path: "/p/b\xff.jpg"}, {Path: "U+1F600 face"}}
	near := [][]curation.Neighbour{{{Row: 2, Score: .6}}, {{Row: 2, Score: .8}}, nil}
	return &Map{Collection: c, Place: []float64{0, 1, 2, 3, -4.00004, 5}, Near: near,
		Groups: []curation.Decision{{Group: 1, Reason: "cats"}, {Group: 1}, {}}}
}

func TestEachTableHasTheMap(t *testing.T) {
	dir := t.TempDir()
	m := example()
	for _, name := range []string{"m.csv", "m.jsonl", "m.parquet", "m.html"} {
		if err := m.Write(filepath.Join(dir, name)); err != nil || !Known(name) {
			t.Fatal(name, err)
		}
	}
	if err := m.Write(filepath.Join(dir, "m.txt")); err == nil || Known("m.txt") {
		t.Error("an unknown ending is accepted")
	}
	data, err := os.ReadFile(filepath.Join(dir, "m.csv"))
	if err != nil {
		t.Fatal(err)
	}
	rows, err := csv.NewReader(strings.NewReader(string(data))).ReadAll()
	if err != nil || len(rows) != 4 || rows[3][2] != "-4.00004" || rows[1][1] != m.Collection.Items[0].Caption {
		t.Errorf("%q, %v", rows, err)
	}
	back, err := parquet.ReadFile[row](filepath.Join(dir, "m.parquet"))
	if err != nil || len(back) != 3 {
		t.Fatal(back, err)
	}
	near := back[0].Neighbors
	if back[1].Y != 3 || back[0].Group != 1 || len(near.IDs) != 1 || near.IDs[0] != 2 || math.Abs(near.Distances[0]-.4) > 1e-9 {
		t.Errorf("%+v", back)
	}
	if back[1].Path != "file:///p/b%FF.jpg" {
		t.Errorf("a path that isn't UTF-8: %q", back[1].Path)
	}
}

func TestThePageHoldsNothingForeign(t *testing.T) {
	file := filepath.Join(t.TempDir(), "m.html")
	if err := example().Write(file); err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	page := string(data)
	if n := strings.Count(page, "</script>"); n != 2 {
		t.Errorf("%d ends of scripts", n)
	}
	for _, foreign := range []string{"http://", "https://", "<b>"} {
		if strings.Contains(page, foreign) {
			t.Errorf("the page has %s", foreign)
		}
	}
	_, rest, _ := strings.Cut(page, `id="content">`)
	text, _, _ := strings.Cut(rest, "</script>")
	var c content
	if err := json.Unmarshal([]byte(text), &c); err != nil {
		t.Fatal(err)
	}
	if len(c.X) != 3 || c.Groups[1] != "cats" || c.Links[0] != "file:///p/a.jpg" || c.Links[2] != "" || c.X[2] != -4 {
		t.Errorf("%+v", c)
	}
}

func TestAProjectorsFilesFitTogether(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "projector")
	thumb := func(path string, side int) (image.Image, error) {
		if path != "/p/a.jpg" {
			return nil, errors.New("no file")
		}
		return image.NewUniform(color.RGBA{9, 8, 7, 255}), nil
	}
	if err := WriteProjector(dir, example().Collection, thumb); err != nil {
		t.Fatal(err)
	}
	f, err := os.Open(filepath.Join(dir, "sprite.png"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	sprite, err := png.Decode(f)
	if err != nil || sprite.Bounds().Dx() != 128 {
		t.Fatal(sprite.Bounds(), err)
	}
	if r, _, _, _ := sprite.At(63, 63).RGBA(); r>>8 != 9 {
		t.Errorf("the first picture is %d", r>>8)
	}
	if r, _, _, _ := sprite.At(64, 0).RGBA(); r>>8 != 255 {
		t.Errorf("the second picture is %d", r>>8)
	}
	tensors, err := os.ReadFile(filepath.Join(dir, "tensors.bytes"))
	if err != nil || len(tensors) != 24 {
		t.Errorf("%d bytes of features, %v", len(tensors), err)
	}
	words, err := os.ReadFile(filepath.Join(dir, "metadata.tsv"))
	if err != nil || strings.Count(string(words), "\n") != 4 {
		t.Errorf("metadata %q, %v", words, err)
	}
	if err := WriteProjector(dir, example().Collection, thumb); err == nil {
		t.Error("a folder that exists is written into")
	}
}
