package shapes

import (
	"slices"
	"strings"
	"testing"
)

// The attributes are read off the canonical captions, so that numbering and wording are tested with the design.
func attributes(t *testing.T, caption string) [4]string {
	t.Helper()
	words := strings.Fields(caption)
	if len(words) != 4 {
		t.Fatalf("caption %q", caption)
	}
	singular := map[string]string{"circles": "circle", "squares": "square", "triangles": "triangle", "stars": "star",
		"crosses": "cross", "rings": "ring"}
	if words[0] != "one" {
		words[3] = singular[words[3]]
	}
	return [4]string(words)
}

func TestNovelCombinationsLeaveEachPairOfValuesInTrain(t *testing.T) {
	classes := Classes()
	if len(classes) != 288 {
		t.Fatalf("%d combinations", len(classes))
	}
	all, trained := map[[4]string]bool{}, map[[4]string]bool{}
	novel := 0
	for i, caption := range classes {
		values := attributes(t, caption)
		if Combination(i).Novel() {
			novel++
		}
		for a := range values {
			for b := range a + 1 { // b == a is the single value
				var pair [4]string
				pair[a], pair[b] = values[a], values[b]
				all[pair] = true
				trained[pair] = trained[pair] || !Combination(i).Novel()
			}
		}
	}
	if novel != 24 {
		t.Errorf("%d of them are novel", novel)
	}
	if want := 8 + 6 + 2 + 3 + 8*6 + 8*2 + 8*3 + 6*2 + 6*3 + 2*3; len(all) != want {
		t.Errorf("%d values and pairs, not %d", len(all), want)
	}
	for pair := range all {
		if !trained[pair] {
			t.Errorf("%v never occurs in train", pair)
		}
	}
}

func TestCaptionsAreGrammatical(t *testing.T) {
	for canonical, want := range map[string][]string{
		"one small red circle": {"one small red circle", "a picture of one small red circle", "an image of one small red circle",
			"there is one small red circle", "a small red circle", "a picture of a small red circle"},
		"one large orange cross": {"one large orange cross", "a picture of one large orange cross",
			"an image of one large orange cross", "there is one large orange cross", "a large orange cross",
			"a picture of a large orange cross"},
		"two large blue stars": {"two large blue stars", "a picture of two large blue stars",
			"an image of two large blue stars", "there are two large blue stars"},
		"three small white crosses": {"three small white crosses", "a picture of three small white crosses",
			"an image of three small white crosses", "there are three small white crosses"},
		"three large black squares": {"three large black squares", "a picture of three large black squares",
			"an image of three large black squares", "there are three large black squares"},
	} {
		i := slices.Index(Classes(), canonical)
		if i < 0 {
			t.Errorf("no class is %q", canonical)
		} else if got := Combination(i).Captions(); !slices.Equal(got, want) {
			t.Errorf("%q: %q", canonical, got)
		}
	}
}

func TestNoTwoCombinationsShareACaption(t *testing.T) {
	owner := map[string]int{}
	for i := range Combinations {
		for _, caption := range Combination(i).Captions() {
			if other, taken := owner[caption]; taken {
				t.Errorf("%q is said of %d and %d", caption, other, i)
			}
			owner[caption] = i
		}
	}
}

// A prompt that is nobody's caption would ask the model for words that it has not read.
func TestPromptsAreCaptions(t *testing.T) {
	for i, class := range Classes() {
		for _, template := range Templates() {
			if prompt := strings.Replace(template, "{}", class, 1); !slices.Contains(Combination(i).Captions(), prompt) {
				t.Errorf("%q is not a caption", prompt)
			}
		}
	}
}
