package curation

import (
	"context"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"clipgo/internal/vec"
)

func TestKMeansFindsTheGroups(t *testing.T) {
	c := clustered(100, 48)
	got, err := c.KMeans(t.Context(), 10, 1)
	if err != nil {
		t.Fatal(err)
	}
	for i, g := range got.Of {
		if first := got.Of[i/10*10]; g != first {
			t.Errorf("picture %d is in group %d, its like in %d", i, g, first)
		}
		for other, center := range got.Centers {
			if s := vec.Dot(c.Feature(i), center); s > got.Scores[i] && other != g {
				t.Errorf("picture %d is nearer to centre %d", i, other)
			}
		}
	}
	again, err := c.KMeans(t.Context(), 10, 1)
	if err != nil || fmt.Sprint(again) != fmt.Sprint(got) {
		t.Errorf("the same seed gives another result: %v", err)
	}
	same := clustered(20, 48)
	for i := range 20 {
		copy(same.Features[i*48:], same.Features[:48])
	}
	if k, err := same.KMeans(t.Context(), 5, 1); err != nil || len(k.Centers) != 5 {
		t.Errorf("equal pictures: %v, %v", k, err)
	}
}

func TestCommunitiesTakeWhatIsAlike(t *testing.T) {
	c := clustered(100, 48)
	pairs, err := c.Similar(t.Context(), 0.8, math.MaxInt)
	if err != nil {
		t.Fatal(err)
	}
	got := c.Communities(pairs, 3)
	if len(got.Centers) != 10 {
		t.Errorf("%d groups", len(got.Centers))
	}
	for i, g := range got.Of {
		if g != got.Of[i/10*10] || g < 0 {
			t.Errorf("picture %d is in group %d", i, g)
		}
	}
	// The first group takes what the second one would need.
	three := clustered(3, 48)
	shared := []Pair{{0, 1, .9}, {1, 2, .9}}
	if one := three.Communities(shared, 1); fmt.Sprint(one.Of) != "[0 0 0]" {
		t.Errorf("shared: %v", one.Of)
	}
	five := clustered(5, 48)
	chain := []Pair{{0, 1, .9}, {0, 2, .9}, {0, 3, .9}, {3, 4, .9}, {2, 3, .9}}
	if two := five.Communities(chain, 2); fmt.Sprint(two.Of) != "[0 0 0 0 -1]" {
		t.Errorf("left over: %v", two.Of)
	}
	if none := c.Communities(pairs, 50); len(none.Centers) != 0 || slices.Max(none.Of) != -1 {
		t.Errorf("groups of 50: %v", none.Of)
	}
}

func TestNamesAreWhatSetsAGroupApart(t *testing.T) {
	k := &Clusters{Centers: [][]float32{{1, 0, 0}, {0, 1, 0}}}
	got := k.Name([]string{"picture", "cat", "dog"}, []float32{.8, .8, 0, .6, 0, 0, 0, .6, 0}, 1)
	if fmt.Sprint(got) != "[[cat] [dog]]" {
		t.Errorf("names %v", got)
	}
}

// axes gives a word the direction of its first letter, from a to c, and a length of its own.
type axes struct{ calls int }

func (a *axes) EmbedTexts(_ context.Context, texts []string) (out []float32, _ error) {
	a.calls++
	for _, t := range texts {
		row := make([]float32, 3)
		row[strings.TrimPrefix(t, "a photo of ")[0]-'a'] = float32(len(t))
		out = append(out, row...)
	}
	return out, nil
}

func TestGroupsAreNamedByAVocabulary(t *testing.T) {
	k, texts := &Clusters{Centers: [][]float32{{1, 0, 0}, {0, 0.8, 0.6}}}, &axes{}
	words := append(slices.Repeat([]string{"c"}, 98), "apple", "bee")
	got, err := k.NameBy(t.Context(), words, texts, 1)
	if err != nil || fmt.Sprint(got) != "[[apple] [bee]]" || texts.calls != 2 {
		t.Errorf("%v, %v, %d calls", got, err, texts.calls)
	}
	if _, err := (&Clusters{Centers: [][]float32{{1, 0}}}).NameBy(t.Context(), words, texts, 1); err == nil {
		t.Error("features of another length were taken")
	}
	if got, err := k.NameBy(t.Context(), nil, texts, 1); err != nil || len(got) != 2 || got[0] != nil {
		t.Errorf("no words: %v, %v", got, err)
	}
}
