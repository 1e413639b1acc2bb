package curation

import (
	"context"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"clipgo/internal/vec"
)

// clustered are n pictures in groups of ten around directions, in a folder for each group, with their captions' features near them.
func clustered(n, dim int) *Collection {
	r := rand.New(rand.NewPCG(7, uint64(n)))
	c := &Collection{Name: "test", Dim: dim}
	center := make([]float64, dim)
	near := func(spread float64) []float32 {
		x := make([]float64, dim)
		for k := range x {
			x[k] = center[k] + spread*r.NormFloat64()
		}
		return vec.Direction(x)
	}
	for i := range n {
		if i%10 == 0 {
			for k := range center {
				center[k] = r.NormFloat64()
			}
		}
		path := fmt.Sprintf("/p/%d/%d.jpg", i/10, i)
		c.Items = append(c.Items, Item{Path: path, Caption: fmt.Sprint("caption ", i), Size: int64(i % 7)})
		c.Features = append(c.Features, near(0.3)...)
		c.Captions = append(c.Captions, near(0.6)...)
	}
	return c
}

func TestSimilarPairsAreThoseOfFloat64(t *testing.T) {
	const threshold = 0.9
	c := clustered(230, 48)
	got, err := c.Similar(t.Context(), threshold, math.MaxInt)
	if err != nil {
		t.Fatal(err)
	}
	var want []Pair
	for i := range c.Len() {
		for j := i + 1; j < c.Len(); j++ {
			if s := vec.Dot(c.Feature(i), c.Feature(j)); s >= threshold {
				want = append(want, Pair{i, j, s})
			}
		}
	}
	if !slices.Equal(got, want) || len(want) < 300 {
		t.Errorf("%d pairs, want %d", len(got), len(want))
	}
}

func TestNeighboursAreThoseOfFloat64(t *testing.T) {
	c := clustered(230, 48)
	copy(c.Features[48:96], c.Features[:48]) // equals: by row
	got, err := c.Neighbours(t.Context(), 12)
	if err != nil {
		t.Fatal(err)
	}
	for i := range c.Len() {
		scores := make([]float64, c.Len())
		for j := range scores {
			scores[j] = vec.Dot(c.Feature(i), c.Feature(j))
		}
		scores[i] = math.Inf(-1)
		for at, j := range descending(scores)[:12] {
			if got[i][at] != (Neighbour{j, scores[j]}) {
				t.Fatalf("neighbour %d of %d is %v, want %d %v", at, i, got[i][at], j, scores[j])
			}
		}
	}
	few := clustered(3, 48)
	if got, err := few.Neighbours(t.Context(), 12); err != nil || len(got[0]) != 2 {
		t.Errorf("of three pictures: %v, %v", got, err)
	}
}

func TestDuplicatesAreConnectedAndTheLargestFileStays(t *testing.T) {
	c := &Collection{Items: []Item{
		{Path: "a", Size: 5}, {Path: "b", Size: 9, MTime: 2}, {Path: "c", Size: 9, MTime: 1}, {Path: "d"},
		{Path: "e", Size: 1}, {Path: "f", Size: 1},
	}}
	got := c.Duplicates([]Pair{{0, 1, 1}, {1, 2, 1}, {4, 5, 1}})
	want := "[{[0 1 2] 2} {[4 5] 4}]"
	if fmt.Sprint(got) != want {
		t.Errorf("groups %v, want %s", got, want)
	}
}

func TestOutliersAreFarFromTheirNeighbours(t *testing.T) {
	c := clustered(100, 48)
	odd := 41
	x := make([]float64, 48)
	x[3] = 1
	copy(c.Features[odd*48:], vec.Direction(x))
	near, err := c.Neighbours(t.Context(), Outlying)
	if err != nil {
		t.Fatal(err)
	}
	scores := Outlyingness(near)
	if first := descending(scores)[0]; first != odd {
		t.Errorf("the first outlier is %d, want %d", first, odd)
	}
	if alone := Outlyingness([][]Neighbour{nil}); alone[0] != 1 {
		t.Errorf("a picture alone: %v", alone)
	}
}

func TestMisfiledPicturesHaveTheirNeighboursElsewhere(t *testing.T) {
	c := clustered(100, 48)
	c.Items[33].Path = "/p/7/33.jpg"
	near, err := c.Neighbours(t.Context(), 9)
	if err != nil {
		t.Fatal(err)
	}
	near[50] = []Neighbour{{51, 1}, {10, 1}} // a tie moves nothing
	got := c.Misfiled(near)
	if len(got) != 1 || got[0].Row != 33 || got[0].Folder != "/p/7" || got[0].Other != "/p/3" || got[0].Margin < 0.5 {
		t.Errorf("misfiled %+v", got)
	}
}

func TestACaptionOfAnotherPictureHasALowRank(t *testing.T) {
	c := clustered(100, 48)
	a, b := c.Captions[15*48:16*48], c.Captions[85*48:86*48]
	for k := range a {
		a[k], b[k] = b[k], a[k]
	}
	clear(c.Captions[3*48 : 4*48])
	stopped, stop := context.WithCancel(t.Context())
	stop()
	if _, err := c.PairScores(stopped); !errors.Is(err, context.Canceled) {
		t.Errorf("a request that has ended: %v", err)
	}
	scores, err := c.PairScores(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for i, s := range scores {
		switch {
		case i == 3 && s != (PairScore{}):
			t.Errorf("without a caption: %+v", s)
		case (i == 15 || i == 85) && s.Rank < 12:
			t.Errorf("wrong caption %d has rank %d of %d", i, s.Rank, s.Of)
		case i != 3 && i != 15 && i != 85 && (s.Rank > 12 || s.Of != 99):
			t.Errorf("right caption %d has rank %d of %d", i, s.Rank, s.Of)
		}
	}
}

func TestADiversePartHasOneOfEachGroup(t *testing.T) {
	c := clustered(100, 48)
	order, scores, err := c.Diverse(t.Context(), 10)
	if err != nil {
		t.Fatal(err)
	}
	groups := map[int]bool{}
	for _, i := range order {
		groups[i/10] = true
	}
	if len(groups) != 10 {
		t.Errorf("%v has pictures of %d groups", order, len(groups))
	}
	// against the definition
	for at := 1; at < len(order); at++ {
		next, least := -1, math.Inf(1)
		for i := range c.Len() {
			s := math.Inf(-1)
			for _, j := range order[:at] {
				s = max(s, vec.Dot(c.Feature(i), c.Feature(j)))
			}
			if s < least {
				next, least = i, s
			}
		}
		if order[at] != next || scores[at] != least {
			t.Errorf("choice %d is %d (%v), want %d (%v)", at, order[at], scores[at], next, least)
		}
	}
	if all, _, err := c.Diverse(t.Context(), 1000); err != nil || len(all) != 100 {
		t.Errorf("all: %d, %v", len(all), err)
	}
}

func TestDecisionsInEachForm(t *testing.T) {
	list := []Decision{{Path: "/a, b.jpg", Keep: true, Group: 2, Score: 0.987654321, Reason: "kept"},
		{Path: "/c\xff.jpg", Reason: "like /a"}}
	for _, name := range []string{"x.csv", "x.jsonl", "x.parquet", "x.txt", "X.CSV"} {
		file := filepath.Join(t.TempDir(), name)
		if err := Write(file, list); err != nil {
			t.Error(err)
		}
	}
	file := filepath.Join(t.TempDir(), "keep.csv")
	if err := Write(file, list); err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(file)
	want := "path,keep,group,score,reason\n\"/a, b.jpg\",1,2,0.987654,kept\nfile:///c%FF.jpg,0,0,0,like /a\n"
	if err != nil || string(data) != want {
		t.Errorf("%q, %v", data, err)
	}
	odd := []Decision{{Path: "/a\nb.jpg", Keep: true}}
	if err := Write(filepath.Join(t.TempDir(), "x.txt"), odd); err == nil {
		t.Error("a list of lines holds a name with a line break")
	}
	if err := Write("x.xml", list); err == nil || Known("x.xml") {
		t.Error("an unknown ending is accepted")
	}
}
