package eval

import (
	"math"
	"slices"
	"strings"
	"testing"
)

func TestTemplatesAreReadInEveryFormThatPublishedListsHave(t *testing.T) {
	want := []string{"a photo of a {}.", `a bad "photo" of the {}'s`}
	for name, text := range map[string]string{
		"lines":     "a photo of a {}.\na bad \"photo\" of the {}'s\n",
		"Windows":   "\ufeffa photo of a {}.\r\n\r\na bad \"photo\" of the {}'s\r\n",
		"JSON":      `["a photo of a {}.", "a bad \"photo\" of the {}'s"]`,
		"JSON, BOM": "\ufeff[\"a photo of a {}.\",\n\"a bad \\\"photo\\\" of the {}'s\"]\n",
		"lambda":    "lambda c: f\"a photo of a {c}.\",\nlambda c: f'a bad \"photo\" of the {c}\\'s',\n",
		"lambda list": "templates = [\n  lambda name : 'a photo of a {}.'.format(name),\n" +
			"  # worse\n  lambda x: f'a bad \"photo\" of the {x}\\'s'\n]\n",
		"Python list": "[\n    'a photo of a {}.',\n    'a bad \"photo\" of the {}\\'s',\n]",
	} {
		got, err := ReadTemplates(strings.NewReader(text))
		if err != nil || !slices.Equal(got, want) {
			t.Errorf("%s: %q, %v; want %q", name, got, err, want)
		}
	}
	got, err := ReadTemplates(strings.NewReader("{} on a table\n{c}\n"))
	if err != nil || !slices.Equal(got, []string{"{} on a table", "{c}"}) {
		t.Errorf("lines that begin with the class name: %q, %v", got, err)
	}
}

// A list in a form that isn't understood is an error: its text would be taken for a template or a name, and give a result.
func TestListsOfOtherFormsAreRefused(t *testing.T) {
	for text, want := range map[string]string{
		`{"imagenet1k": ["a {c}"]}`:           "not a list of strings",
		`[["a {}"], ["b {}"]]`:                "not a list of strings",
		`[1, 2]`:                              "not a list of strings",
		`["a {}", "b {}`:                      "no {}|JSON|Python",
		`["a {}", "b {}",]`:                   "not valid JSON",
		`['a {}', 'b {}']`:                    "Python",
		"templates = ['a {}', 'b {}']":        "Python",
		"lambda c: f'a {c.lower()}'":          "{c.lower()} is Python",
		"lambda c: f'a {c}' if c else 'b {}'": "Python",
		"\xff\xfea\x00 \x00{\x00}\x00":        "UTF-16",
		"a {}\x00":                            "no text",
		"lambda c: f'a photo of {c}'\nnot a literal {} here": "line 2",
	} {
		for kind, read := range map[string]func() error{
			"templates": func() error { _, err := ReadTemplates(strings.NewReader(text)); return err },
			"names":     func() error { _, err := ReadNames(strings.NewReader(text)); return err },
		} {
			err := read()
			if kind == "names" && strings.Contains(want, "|") {
				continue
			}
			said := func(w string) bool { return strings.Contains(err.Error(), w) }
			if err == nil || !slices.ContainsFunc(strings.Split(want, "|"), said) {
				t.Errorf("%s of %q: %v, want %q", kind, text, err, want)
			}
		}
	}
}

func TestNamesAreReadAsLinesOrJSON(t *testing.T) {
	want := []string{"red circle", "", "blue square"}
	for _, text := range []string{"\ufeffred circle\r\n\r\nblue square\r\n\r\n", `["red circle", " ", "blue square"]`} {
		if got, err := ReadNames(strings.NewReader(text)); err != nil || !slices.Equal(got, want) {
			t.Errorf("%q: %q, %v", text, got, err)
		}
	}
}

func TestEachClassHasItsRecallAndWhatItIsTakenFor(t *testing.T) {
	a := NewAccuracy(4)
	row := func(class int) []float32 { v := make([]float32, 4); v[class] = 1; return v }
	for _, x := range [][2]int{{0, 0}, {0, 2}, {0, 2}, {0, 1}, {1, 1}, {2, 3}, {2, 1}} {
		if err := a.Add(row(x[1]), []int{x[0]}); err != nil {
			t.Fatal(err)
		}
	}
	got := a.ByClass([]string{"a", "b", "c", "d"})
	if *got[0].Recall != 0.25 || got[0].Confused != "c" || got[0].ConfusedN != 2 || got[0].N != 4 {
		t.Errorf("a: %+v", got[0])
	}
	if *got[1].Recall != 1 || got[1].Confused != "" {
		t.Errorf("b: %+v", got[1])
	}
	if got[2].Confused != "b" || got[2].ConfusedN != 1 { // equally often: the first
		t.Errorf("c: %+v", got[2])
	}
	if got[3].Recall != nil || got[3].N != 0 {
		t.Errorf("d: %+v", got[3])
	}
}

func TestALabelHasItsCosine(t *testing.T) {
	c := &Classifier{Classes: []string{"a"}, Dim: 2, Weights: []float32{1, 0}}
	got, err := c.Rank([]float32{0.6, 0.8}, 5)
	if err != nil || got[0].Score != 1 || math.Abs(got[0].Cosine-0.6) > 1e-6 {
		t.Errorf("%+v, %v; want a share of 1 and a cosine of 0.6", got, err)
	}
}
