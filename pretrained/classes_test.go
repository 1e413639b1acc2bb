package pretrained

import (
	"slices"
	"testing"
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
