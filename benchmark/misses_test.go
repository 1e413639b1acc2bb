package benchmark

import (
	"strings"
	"testing"

	"clipgo/datasets"
	"clipgo/eval"
	"clipgo/pretrained"
)

// A caption that found another picture is kept with both pictures, those with the highest cosines first.
func TestCaptionsThatFoundWrongPicturesAreKept(t *testing.T) {
	f := &pretrained.Features{
		Index:   []int{4, 5, 6},
		Entries: []datasets.Entry{{Key: "a"}, {Key: "b"}, {Key: "c"}},
		Features: eval.Features{
			Dim: 2, Images: []float32{1, 0, 0, 2, -1, 0}, Texts: []float32{0, 1, 3, 0, 0.8, 0.6},
			Captions: []string{"of a", "of a too", "of c"}, TextImage: []int{0, 0, 2},
		},
	}
	o := &outcome{hits: "010"}
	o.miss(f)
	if len(o.wrong) != 2 {
		t.Fatalf("%+v", o.wrong)
	}
	first, second := o.wrong[0], o.wrong[1]
	if first.Label != "of a" || first.Sample != "b" || first.Index != 5 || first.Confidence != 1 || first.Answer.Sample != "a" ||
		first.Answer.Index != 4 || first.Answer.Cosine != 0 {
		t.Errorf("first %+v, %+v", first, first.Answer)
	}
	if second.Label != "of c" || second.Sample != "a" || second.Answer.Sample != "c" || second.Confidence <= second.Answer.Cosine {
		t.Errorf("second %+v, %+v", second, second.Answer)
	}
	o = &outcome{hits: "111"}
	if o.miss(f); len(o.wrong) != 0 {
		t.Errorf("%+v", o.wrong)
	}
}

// A caption's line names the picture that it found and the right one; a picture's line the classes.
func TestLinesOfMistakesNameBothAnswers(t *testing.T) {
	lines := strings.Join(mistakeLines([]Mistake{
		{Sample: "found.jpg", Label: "a cat", Confidence: 0.5, Answer: &Answer{Sample: "right.jpg"}},
		{Sample: "p.jpg", Label: "cat", Predicted: "dog", Confidence: 0.25},
	}), "\n")
	for _, want := range []string{"a cat: found found.jpg, the right one is right.jpg", "25.00 %  p.jpg: cat, taken for dog"} {
		if !strings.Contains(lines, want) {
			t.Errorf("no %q in\n%s", want, lines)
		}
	}
}
