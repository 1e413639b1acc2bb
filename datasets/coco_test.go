package datasets

import (
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

func TestCOCOsCaptionsAreRead(t *testing.T) {
	const file = "\ufeff" + `{"info":{},"images":[{"id":9,"file_name":"b.jpg"},{"id":"x","file_name":"a.jpg"},{"id":3,"file_name":"c.jpg"}],
		"annotations":[{"image_id":"x","id":1,"caption":"one"},{"image_id":9,"caption":"two"},{"image_id":9,"caption":"three"},
		{"image_id":4,"caption":"lost"},{"image_id":3,"bbox":[1]}]}`
	for name, folder := range map[string]string{
		"captions.json": "", "d/captions.json": "d/images", "annotations/captions_val2017.json": "val2017",
		"data/annotations/captions_val2017.json": "data/images/val2017",
	} {
		files := map[string]string{name: file}
		for _, picture := range []string{"a", "b", "c"} {
			files[filepath.Join(folder, picture+".jpg")] = picture
		}
		root := tree(t, files)
		s := openForTest(t, filepath.Join(root, name), Options{Need: NeedCaptions})
		if got := rowsLine(t, s); got != "1:b.jpg|two|three; 2:a.jpg|one; 3!no caption" {
			t.Errorf("%s: %s", name, got)
		}
		if p, err := s.Picture(t.Context(), 0); err != nil || string(p.File) != "b" {
			t.Errorf("%s: picture %q, %v", name, p.File, err)
		}
		notes := s.Info().Notes
		if want := "read 3 images and 4 captions in COCO's layout, pictures from " + filepath.Join(root, folder); notes[0] != want ||
			!slices.Contains(notes, "1 captions are of images that the file does not list") {
			t.Errorf("%s: notes %q", name, notes)
		}
	}
}

func TestJSONDataIsKnownByItsBeginning(t *testing.T) {
	for content, want := range map[string]bool{
		"[]": true, "\ufeff \n[{": true, `{"images":[`: true, `{"info":{}, "annotations": []}`: true, "{\"a\":1}\n{\"a\"": true,
		`{"embed_dim":512}`: false, "": false, "{\n\"embed_dim\":\n{}}": false, "x": false,
	} {
		root := tree(t, map[string]string{"t.json": content})
		if got := IsJSONData(filepath.Join(root, "t.json")); got != want {
			t.Errorf("%q: %t", content, got)
		}
	}
	if IsJSONData(strings.Repeat("x", 9)) {
		t.Error("a file that doesn't exist is data")
	}
}
