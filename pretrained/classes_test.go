package pretrained

import (
	"slices"
	"strings"
	"testing"

	"clipgo/datasets"
	"clipgo/internal/fault"
)

func TestClassesAreFoundAmongTheNamesGiven(t *testing.T) {
	if got := places([]string{"cat", "dog"}, []string{"dog", "owl", "cat"}); !slices.Equal(got, []int{2, 0}) {
		t.Errorf("%v, want [2 0]", got)
	}
	if got := places([]string{"cat", "dog"}, []string{"dog"}); got != nil {
		t.Errorf("%v, want none: the cat was not asked for", got)
	}
}

func TestNamesThatAreHardlyClasses(t *testing.T) {
	for _, c := range []struct {
		names       []string
		splits, ids bool
	}{
		{[]string{"train", "Val"}, true, false}, {[]string{"n01440764", "n02123045"}, false, true},
		{[]string{"class_07", "12"}, false, true},
		{[]string{"0", "1"}, false, false}, {[]string{"train", "bus"}, false, false}, {[]string{"cat 1", "dog"}, false, false},
	} {
		if s, i := LookLikeSplits(c.names), LookLikeIDs(c.names); s != c.splits || i != c.ids {
			t.Errorf("%q: splits %v, ids %v", c.names, s, i)
		}
	}
}

func TestBuiltinNamesAreGivenByTheirSet(t *testing.T) {
	for text, want := range map[string]int{"builtin:cifar10": 10, "builtin:imagenet1k": 1000, "builtin:wds/imagenet-r": 200} {
		c, err := ReadClasses(text)
		if err != nil || len(c.Names) != want || c.File != text {
			t.Errorf("%s: %d names of %q, %v", text, len(c.Names), c.File, err)
		}
	}
	_, err := ReadClasses("builtin:photos")
	if err == nil || fault.Of(err) != fault.Usage || !strings.Contains(err.Error(), "only of caltech101") {
		t.Errorf("%v", err)
	}
	// The names of a thousand folders, of which some are equal, fit the same names.
	whole, _ := ReadClasses("builtin:imagenet1k")
	src := classesOnly{info: datasets.Info{Classes: whole.Names}}
	if chosen, err := whole.Choose(t.Context(), src); err != nil || len(chosen.Numbers) != 1000 || chosen.Numbers[999] != 999 {
		t.Errorf("%d numbers, %v", len(chosen.Numbers), err)
	}
}

// classesOnly is a source that is its description alone.
type classesOnly struct {
	datasets.Source
	info datasets.Info
}

func (n classesOnly) Info() datasets.Info { return n.info }
