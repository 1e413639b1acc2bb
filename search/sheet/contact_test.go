package sheet

import (
	"fmt"
	"image"
	"image/color"
	"image/jpeg"
	"image/png"
	"os"
	"path/filepath"
	"testing"

	"clipgo/search"
)

func TestAContactSheetHasThePictures(t *testing.T) {
	dir := t.TempDir()
	red := image.NewNRGBA(image.Rect(0, 0, 20, 20))
	for i := range red.Pix {
		red.Pix[i] = []uint8{250, 0, 0, 255}[i%4]
	}
	f, err := os.Create(filepath.Join(dir, "a picture with a name that is longer than its place.png"))
	if err != nil {
		t.Fatal(err)
	}
	if err := png.Encode(f, red); err != nil {
		t.Fatal(err)
	}
	f.Close()
	hits := []search.Hit{{Rank: 1, Score: .5, Path: f.Name()}, {Rank: 2, Path: filepath.Join(dir, "gone.png")}, {Rank: 3, Path: f.Name()}}
	out := filepath.Join(dir, "sheet.jpg")
	if err := WriteJPEG(out, hits); err != nil {
		t.Fatal(err)
	}
	data, err := os.Open(out)
	if err != nil {
		t.Fatal(err)
	}
	defer data.Close()
	sheet, err := jpeg.Decode(data)
	if err != nil {
		t.Fatal(err)
	}
	at := func(column, row int) color.Color {
		return sheet.At(gap+column*(cell+gap)+cell/2, gap+row*(cell+label+gap)+cell/2)
	}
	for place, want := range map[[2]int]bool{{0, 0}: true, {1, 0}: false, {0, 1}: true, {1, 1}: false} {
		r, g, _, _ := at(place[0], place[1]).RGBA()
		if red := r>>8 > 200 && g>>8 < 60; red != want {
			t.Errorf("place %v has %v", place, at(place[0], place[1]))
		}
	}
	dark := 0
	for x := range cell { // the text below the first picture
		for y := range label {
			if r, _, _, _ := sheet.At(gap+x, gap+cell+y).RGBA(); r>>8 < 128 {
				dark++
			}
		}
	}
	if dark < 100 {
		t.Errorf("%d dark pixels of text", dark)
	}
	if err := WriteJPEG(out, make([]search.Hit, Most+1)); err == nil {
		t.Error(fmt.Sprint(Most+1, " pictures are accepted"))
	}
}
