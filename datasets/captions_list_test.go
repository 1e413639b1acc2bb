package datasets

import (
	"slices"
	"testing"
)

// The list in .json counts if it has the caption of .txt, or if there is none.
func TestAListOfCaptionsCountsBesideItsFirst(t *testing.T) {
	for members, want := range map[string][]string{
		`a.jpg=p a.txt=x a.json={"caption":"x","captions":["x","y"]}`: {"x", "y"},
		`a.jpg=p a.txt=z a.json={"caption":"x","captions":["x","y"]}`: {"z"},
		`a.jpg=p a.txt=x a.json={"captions":[{"text":"x"}]}`:          {"x"},
		`a.jpg=p a.txt=x a.json={"captions":`:                         {"x"},
		`a.jpg=p a.json={"caption":"x","captions":["x","y"]}`:         {"x", "y"},
		`a.jpg=p a.json={"caption":"x","captions":[]}`:                {"x"},
	} {
		s := openForTest(t, shardTree(t, map[string]string{"0.tar": members}), Options{Need: NeedCaptions})
		if got := entryOf(t, s, 0).Captions; !slices.Equal(got, want) {
			t.Errorf("%s: %q, want %q", members, got, want)
		}
	}
}
