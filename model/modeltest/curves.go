package modeltest

import (
	"slices"
	"testing"

	"clipgo/training"
)

// Described checks that an objective describes numbers that a pass of it has, each once.
func Described(t testing.TB, o training.Described, pass training.Parts) {
	t.Helper()
	seen := map[string]bool{}
	for _, c := range o.Curves() {
		if !slices.ContainsFunc(pass.Extra, func(n training.Named) bool { return n.Name == c.Key }) || seen[c.Key] || c.Chart == "" {
			t.Errorf("%+v describes none of the numbers %v, or one again", c, pass.Extra)
		}
		seen[c.Key] = true
	}
	if len(seen) == 0 {
		t.Error("nothing is described")
	}
}
