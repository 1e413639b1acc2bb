package eval

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
)

func TestCustomNamesAreThoseOfTheDataSet(t *testing.T) {
	const sets = `{"clipart": ["x", ""], "wds/clipart": ["y", "z"], "other": ["q"]}`
	for _, c := range []struct{ file, want, fails string }{
		{file: sets, want: `["y" "z"]`},
		{file: `{"clipart": ["x"]}`, want: `["x"]`},
		{file: `["a", "b"]`, want: `["a" "b"]`},
		{file: "a\nb\n", want: `["a" "b"]`},
		{file: `{"other": ["q"]}`, fails: "no class names for wds/clipart or clipart"},
		{file: `{"clipart": "x"}`, fails: `the value of "clipart" is not a list of strings`},
		{file: `{"clipart": []}`, fails: "is not a list of strings"},
		{file: `{"clipart": ["a"], "clipart": ["b"]}`, fails: "occurs twice"},
		{file: `{}`, fails: "is empty"},
		{file: ``, fails: "there are none"},
		{file: `{"clipart": ["x"]`, fails: "begins like JSON"},
	} {
		names, err := ReadCustomNames(strings.NewReader(c.file))
		var got []string
		if err == nil {
			got, err = names.Of("wds/clipart", "clipart")
		}
		if c.fails != "" {
			if err == nil || !strings.Contains(err.Error(), c.fails) {
				t.Errorf("%s: %q, %v; want %s", c.file, got, err, c.fails)
			}
		} else if err != nil || fmt.Sprintf("%q", got) != c.want {
			t.Errorf("%s: %q, %v; want %s", c.file, got, err, c.want)
		}
	}
}

func TestCustomTemplatesAreThoseOfTheDataSet(t *testing.T) {
	classes := []string{"a cat", "a dog"}
	for _, c := range []struct{ file, want, fails string }{
		{file: `{"clipart": ["x {c}"], "wds/clipart": ["y {c}", "", "{}"]}`, want: `["y {c}" "" "{}"] [] false`},
		{file: `{"clipart": ["x {c}"]}`, want: `["x {c}"] [] false`},
		{file: `{"imagenet1k": ["itap of a {c}."]}`, want: `["itap of a {c}."] [] true`},
		{file: `["a {c}"]`, want: `["a {c}"] [] false`},
		{file: "a {}\n{c}\n", want: `["a {}" "{c}"] [] false`},
		{file: `{"clipart": {"a dog": ["d1", "d2"], "a cat": ["c"], "more": ["m"]}}`,
			want: `[] [{"a cat" ["c"]} {"a dog" ["d1" "d2"]}] false`},
		{file: `{"a dog": ["d1", "d2"], "a cat": ["c"]}`, want: `[] [{"a cat" ["c"]} {"a dog" ["d1" "d2"]}] false`},
		{file: `{"clipart": {"a cat": ["c"]}}`, fails: `clipart: no prompts for the class "a dog"`},
		{file: `{"clipart": {"a cat": ["c"], "a dog": []}}`, fails: `the value of "a dog" is not a list`},
		{file: `{"clipart": ["x {c}", "y"]}`, fails: `clipart: template 2, "y", has no {c}`},
		{file: `{"clipart": ["", " "]}`, fails: "no template has a {c}"},
		{file: `{"other": ["{c}"]}`, fails: "no templates for wds/clipart or clipart or imagenet1k, and no prompts"},
		{file: "a {}\nb\n", fails: "line 2"},
	} {
		custom, err := ReadCustomTemplates(strings.NewReader(c.file))
		got := ""
		if err == nil {
			var templates []string
			var prompts []ClassPrompts
			var fallback bool
			templates, prompts, fallback, err = custom.Of(classes, "wds/clipart", "clipart")
			got = fmt.Sprintf("%q %q %v", templates, prompts, fallback)
		}
		if c.fails != "" {
			if err == nil || !strings.Contains(err.Error(), c.fails) {
				t.Errorf("%s: %s, %v; want %s", c.file, got, err, c.fails)
			}
		} else if err != nil || got != c.want {
			t.Errorf("%s: %s, %v; want %s", c.file, got, err, c.want)
		}
	}
}

// Prompts of each class, in any number and in batches that end within a class, give what templates give.
func TestAClassifierOfPromptsByClass(t *testing.T) {
	classes := []string{"ab", "c", "dddd"}
	templates := Prompts{Classes: classes, Templates: []string{"{}", "x{}", "{}y"}}
	var lists []ClassPrompts
	for _, class := range classes {
		lists = append(lists, ClassPrompts{class, []string{class, "x" + class, class + "y"}})
	}
	byClass := Prompts{Classes: classes, ByClass: lists}
	uneven := Prompts{Classes: classes, ByClass: []ClassPrompts{lists[0], {"c", []string{"c"}}, lists[2]}}
	for _, p := range []*Prompts{&templates, &byClass, &uneven} {
		p.ContextLength, p.BatchSize, p.Fill = 8, 2, func(ids []int32, text string) int {
			clear(ids)
			for i, r := range text {
				ids[i] = r
			}
			return len(text)
		}
	}
	make := func(p Prompts) *Classifier {
		c, err := NewClassifier(context.Background(), counted{}, p)
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	want, got, some := make(templates), make(byClass), make(uneven)
	for i := range classes { // alone
		one := templates
		one.Classes = classes[i : i+1]
		if alone := make(one).Weights; !slices.Equal(alone, want.Weights[2*i:2*i+2]) {
			t.Errorf("%s: %v among others, %v alone", classes[i], want.Weights[2*i:2*i+2], alone)
		}
	}
	if !slices.Equal(got.Weights, want.Weights) {
		t.Errorf("%v, want %v", got.Weights, want.Weights)
	}
	if !slices.Equal(some.Weights[:2], want.Weights[:2]) || !slices.Equal(some.Weights[4:], want.Weights[4:]) || some.Weights[2] != 0 {
		t.Errorf("with one prompt for the second class: %v, want %v", some.Weights, want.Weights)
	}
	byClass.ByClass = lists[:2]
	if _, err := NewClassifier(context.Background(), counted{}, byClass); err == nil {
		t.Error("prompts of two classes are taken for three")
	}
}

// counted embeds a text as its number of x and y, and the number of other letters.
type counted struct{ Embedder }

func (counted) Dim() int { return 2 }

func (counted) EmbedTokens(_ context.Context, ids []int32, n int) ([]float32, error) {
	out := make([]float32, 2*n)
	for i, id := range ids {
		switch {
		case id == 'x' || id == 'y':
			out[2*(i/(len(ids)/n))]++
		case id != 0:
			out[2*(i/(len(ids)/n))+1]++
		}
	}
	return out, nil
}
