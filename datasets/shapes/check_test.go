package shapes

import "testing"

func TestEveryCaptionSaysWhatItsSceneIs(t *testing.T) {
	for i := range Combinations {
		c := Combination(i)
		for _, caption := range c.Captions() {
			if got := Read(caption); got != c.Said() {
				t.Errorf("%q: %+v, want %+v", caption, got, c.Said())
			}
		}
	}
}

func TestWhatACaptionLeavesOpenIsEmpty(t *testing.T) {
	for caption, want := range map[string]Said{
		"":                                   {},
		"a picture of":                       {},
		"an image of two small":              {Count: "two"},
		"three stars":                        {Shape: "star", Count: "three"},
		"two red and blue circles":           {Shape: "circle", Count: "two"},
		"one large red circle and a square":  {Color: "red", Count: "one"},
		"one two red circles":                {Color: "red", Shape: "circle"},
		"there are two large blue crosses .": {"blue", "cross", "two"},
		"A Small GREEN ring.":                {"green", "ring", "one"},
		"redder circular":                    {},
	} {
		if got := Read(caption); got != want {
			t.Errorf("%q: %+v, want %+v", caption, got, want)
		}
	}
}
