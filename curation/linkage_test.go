package curation

import (
	"context"
	"errors"
	"fmt"
	"math"
	"reflect"
	"slices"
	"sync/atomic"
	"testing"

	"clipgo/internal/vec"
)

// TestALinkageHasTheGroupsOfEveryThreshold compares the groups of a linkage with those of all pairs.
func TestALinkageHasTheGroupsOfEveryThreshold(t *testing.T) {
	c := clustered(230, 48)
	copy(c.Features[48:96], c.Features[:48])
	var calls, wrong atomic.Int64
	l, err := c.Linkage(t.Context(), 0.8, func(share float64) {
		calls.Add(1)
		if share <= 0 || share > 1 {
			wrong.Add(1)
		}
	})
	if err != nil || len(l.Pairs) >= c.Len() || calls.Load() == 0 || wrong.Load() > 0 {
		t.Fatalf("%d pairs, %d calls of progress, %d wrong, %v", len(l.Pairs), calls.Load(), wrong.Load(), err)
	}
	groups := 0
	for _, threshold := range []float64{0.8, 0.85, 0.9, 0.92, 0.95, 0.99} {
		pairs, err := c.Similar(t.Context(), threshold, math.MaxInt)
		if err != nil {
			t.Fatal(err)
		}
		got, want := c.Duplicates(l.At(threshold)), c.Duplicates(pairs)
		if !reflect.DeepEqual(got, want) {
			t.Errorf("at %v: %v, want %v", threshold, got, want)
		}
		groups += len(want)
	}
	if groups < 30 {
		t.Errorf("%d groups in all prove little", groups)
	}
}

// TestALinkageOfPicturesThatAreAllAlike has more pairs than a goroutine gathers, so the floor rises while it works.
func TestALinkageOfPicturesThatAreAllAlike(t *testing.T) {
	c := clustered(1100, 48)
	l, err := c.Linkage(t.Context(), -1, nil)
	if err != nil || len(l.Pairs) != c.Len()-1 {
		t.Fatalf("%d pairs of %d pictures, %v", len(l.Pairs), c.Len(), err)
	}
	if all := c.Len() * (c.Len() - 1) / 2; all < 4*pendingPairs {
		t.Fatalf("%d pairs prove little", all)
	}
	for _, threshold := range []float64{0.3, 0.5, 0.7, 0.8, 0.9, 0.95} {
		pairs, err := c.Similar(t.Context(), threshold, math.MaxInt)
		if err != nil {
			t.Fatal(err)
		}
		if got, want := c.Duplicates(l.At(threshold)), c.Duplicates(pairs); !reflect.DeepEqual(got, want) {
			t.Errorf("at %v: %d groups, want %d", threshold, len(got), len(want))
		}
	}
}

// TestALinkageOfOneCrowd has many pictures that are very alike, and around them pairs that are less alike and have nothing to do with them:
// as long as not all are connected, the floor must not rise above such pairs.
func TestALinkageOfOneCrowd(t *testing.T) {
	const crowd, loose, dim = 900, 150, 160
	c := &Collection{Name: "test", Dim: dim}
	add := func(x []float64) {
		c.Items = append(c.Items, Item{Path: fmt.Sprint(len(c.Items))})
		c.Features = append(c.Features, vec.Direction(x)...)
	}
	pair := func(i int) { // of cosine 0.6, across all others
		for _, own := range []float64{0.6, 1} {
			x := make([]float64, dim)
			x[i] = own
			if own < 1 {
				x[i+loose/2] = 0.8
			}
			add(x)
		}
	}
	for i := range loose / 2 {
		if i == loose/4 {
			for j := range crowd {
				x := make([]float64, dim)
				x[dim-1] = 1 + float64(j)/crowd
				x[dim-2] = 0.05
				add(x)
			}
		}
		pair(i)
	}
	pairs, err := c.Similar(t.Context(), 0.5, math.MaxInt)
	if err != nil || len(pairs) < 2*pendingPairs {
		t.Fatalf("%d pairs, %v", len(pairs), err)
	}
	l, err := c.Linkage(t.Context(), 0.5, nil)
	if err != nil {
		t.Fatal(err)
	}
	if got, want := c.Duplicates(l.At(0.5)), c.Duplicates(pairs); len(want) != 1+loose/2 || !reflect.DeepEqual(got, want) {
		t.Errorf("%d groups, want %d", len(got), len(want))
	}
}

// TestPairsAreReducedInParts reduces a list in parts of any size to the same forest.
func TestPairsAreReducedInParts(t *testing.T) {
	c := clustered(120, 24)
	all, err := c.Similar(t.Context(), 0.5, math.MaxInt)
	if err != nil {
		t.Fatal(err)
	}
	want := c.spanning(slices.Clone(all))
	var got []Pair
	for part := range slices.Chunk(all, 37) {
		got = c.spanning(append(got, part...))
	}
	if !slices.Equal(got, want) || len(all) < 300 {
		t.Errorf("%d pairs of %d, want %d", len(got), len(all), len(want))
	}
}

func TestALinkageThatIsCancelledEnds(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if l, err := clustered(300, 48).Linkage(ctx, 0.5, nil); !errors.Is(err, context.Canceled) || l != nil {
		t.Errorf("%v, %v", l, err)
	}
}

func TestIdenticalFilesAreGroups(t *testing.T) {
	c := &Collection{Items: []Item{{Path: "a", Hash: "x"}, {Path: "b"}, {Path: "c", Hash: "y"},
		{Path: "d", Hash: "x", Size: 1}, {Path: "e"}}}
	got := c.Identical()
	if want := []Group{{[]int{0, 3}, 3}}; !reflect.DeepEqual(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
	if !c.OnlyIdentical(got[0]) || c.OnlyIdentical(Group{[]int{0, 1}, 0}) || c.OnlyIdentical(Group{[]int{1, 4}, 1}) {
		t.Error("only the first group has the same bytes")
	}
}

func TestLevelsCountGroupsThatAreNotIdentical(t *testing.T) {
	c := clustered(230, 48)
	for i := range c.Items {
		c.Items[i].Hash = string(rune('a' + i))
	}
	copy(c.Features[48:96], c.Features[:48])
	c.Items[1].Hash = c.Items[0].Hash
	l, err := c.Linkage(t.Context(), 0.8, nil)
	if err != nil {
		t.Fatal(err)
	}
	thresholds := []float64{0.8, 0.85, 0.9, 0.95, 0.9999}
	for i, got := range c.Levels(l, thresholds) {
		want := Level{Threshold: thresholds[i]}
		for _, g := range c.Duplicates(l.At(thresholds[i])) {
			if !c.OnlyIdentical(g) {
				want.Groups, want.Pictures = want.Groups+1, want.Pictures+len(g.Members)
			}
		}
		if got != want {
			t.Errorf("%+v, want %+v", got, want)
		}
	}
}

// Pairs that connect make the groups of all pairs, and are fewer than the pictures, also when all are alike.
func TestConnectedPairsMakeTheGroupsOfAll(t *testing.T) {
	c := clustered(700, 48)
	for _, threshold := range []float64{0.2, 0.5, 0.8, 0.9, 0.95} {
		all, err := c.Similar(t.Context(), threshold, math.MaxInt)
		if err != nil {
			t.Fatal(err)
		}
		got, err := c.Connected(t.Context(), threshold)
		if err != nil || len(got) >= c.Len() || len(all) < 2*len(got) && threshold < 0.9 {
			t.Fatalf("at %v: %d pairs of %d, %v", threshold, len(got), len(all), err)
		}
		if got, want := c.Duplicates(got), c.Duplicates(all); !reflect.DeepEqual(got, want) || len(want) == 0 {
			t.Errorf("at %v: %d groups, want %d", threshold, len(got), len(want))
		}
	}
}

// Where most pictures are alike, only the others are compared with all: some of them with the crowd, some with each other.
func TestConnectedPairsOfACrowd(t *testing.T) {
	c := clustered(300, 48)
	for i := range 100 { // every third of the others is more like the crowd's direction
		at := c.Feature(3 * i)
		copy(at, vec.Direction([]float64{47: float64(i % 4)})) // no direction at all for some
	}
	crowd := vec.Direction([]float64{0: 1, 47: 0.9})
	for range 500 {
		c.Items = append(c.Items, Item{Path: fmt.Sprint("crowd ", c.Len())})
		c.Features = append(c.Features, crowd...)
	}
	for _, threshold := range []float64{0.5, 0.7, 0.9, 0.999} {
		all, err := c.Similar(t.Context(), threshold, math.MaxInt)
		if err != nil {
			t.Fatal(err)
		}
		got, err := c.Connected(t.Context(), threshold)
		if err != nil || len(got) >= c.Len() {
			t.Fatalf("at %v: %d pairs of %d, %v", threshold, len(got), len(all), err)
		}
		if got, want := c.Duplicates(got), c.Duplicates(all); !reflect.DeepEqual(got, want) || len(want) < 2 {
			t.Errorf("at %v: %d groups, want %d", threshold, len(got), len(want))
		}
	}
}

func TestMorePairsThanAskedForAreAnError(t *testing.T) {
	c := clustered(700, 48)
	all, err := c.Similar(t.Context(), 0.8, math.MaxInt)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := c.Similar(t.Context(), 0.8, len(all)); err != nil || !slices.Equal(got, all) {
		t.Errorf("%d of %d pairs, %v", len(got), len(all), err)
	}
	if got, err := c.Similar(t.Context(), 0.8, len(all)-1); !errors.Is(err, ErrTooMany) || got != nil {
		t.Errorf("%d pairs, %v", len(got), err)
	}
}
