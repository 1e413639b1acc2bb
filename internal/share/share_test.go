package share

import (
	"slices"
	"strconv"
	"strings"
	"testing"

	"clipgo/internal/fault"
)

func TestEachKeyBelongsToOneShare(t *testing.T) {
	for _, n := range []int{1, 2, 3, 7} {
		counts := make([]int, n)
		for key := range 2000 {
			owners := 0
			for i := range n {
				if (Share{I: i + 1, N: n}).Has("/pictures/" + strconv.Itoa(key) + ".jpg") {
					owners++
					counts[i]++
				}
			}
			if owners != 1 {
				t.Fatalf("%d of %d shares have key %d", owners, n, key)
			}
		}
		if least := slices.Min(counts); least < 2000/n*8/10 {
			t.Errorf("%d shares have %v of 2000 keys", n, counts)
		}
	}
	if !(Share{}).Has("x") {
		t.Error("the zero share is not all of the work")
	}
}

func TestSharesAreParsed(t *testing.T) {
	for text, want := range map[string]Share{"": {}, "1/1": {1, 1}, "2/8": {2, 8}} {
		if got, err := Parse(text, vars("")); err != nil || got != want {
			t.Errorf("%q: %v, %v", text, got, err)
		}
	}
	for _, text := range []string{"0/4", "5/4", "1/0", "-1/4", "1", "1/4x", "a/b", "1/4/2", "/", "1/9999999", Auto} {
		_, err := Parse(text, vars(""))
		if fault.Of(err) != fault.Usage || !strings.Contains(err.Error(), strings.TrimSuffix(text, "/")) {
			t.Errorf("%q: %v", text, err)
		}
	}
}

func TestFoldersOfShares(t *testing.T) {
	if got := (Share{2, 16}).Folder("x"); got != "x/part-02-of-16" {
		t.Error(got)
	}
	if got := (Share{}).Folder("x"); got != "x" {
		t.Error(got)
	}
	got := Missing([]string{"x/part-02-of-12/", "x/part-01-of-12", "photos", "y/part-1-of-2", "y/part-2-of-2", "x/part-13-of-12"})
	if len(got) != 10 || got[0] != "x/part-03-of-12" || got[9] != "x/part-12-of-12" {
		t.Error(got)
	}
}
