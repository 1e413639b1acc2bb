package curation

import (
	"cmp"
	"context"
	"math"
	"slices"
	"sync"
	"sync/atomic"

	"clipgo/internal/components"
	"clipgo/internal/quantized"
	"clipgo/internal/vec"
)

// Linkage says which pictures belong together at every threshold from Floor on, in memory for one pair a picture at most. Its pairs are a
// maximum spanning forest of the pairs of Similar: those above a threshold connect the same pictures as all pairs above it.
type Linkage struct {
	Floor float64
	Pairs []Pair // by falling score
}

// At are pairs that connect the pictures whose similarity is at least a threshold, which is not below Floor.
func (l *Linkage) At(threshold float64) []Pair {
	n, _ := slices.BinarySearchFunc(l.Pairs, threshold, func(p Pair, t float64) int {
		if p.Score >= t {
			return -1
		}
		return 1
	})
	return l.Pairs[:n]
}

// pendingPairs is the number of pairs that a goroutine gathers before it reduces them.
const pendingPairs = 1 << 17

// Linkage compares all pictures with each other, as Similar does. progress is the share that is done, from 0 to 1, and may be nil; several
// goroutines call it.
func (c *Collection) Linkage(ctx context.Context, floor float64, progress func(share float64)) (*Linkage, error) {
	codes := quantized.New(c.Features, c.Dim)
	found := make([][]Pair, quantized.Workers())
	l := &Linkage{Floor: floor}
	var mu sync.Mutex
	var least atomic.Uint64 // of pairs that can still count, as bits of a float64
	least.Store(math.Float64bits(floor))
	take := func(w int) {
		mu.Lock()
		defer mu.Unlock()
		l.Pairs = c.spanning(append(l.Pairs, found[w]...))
		found[w] = found[w][:0]
		if n := len(l.Pairs); n > 0 && n == c.Len()-1 { // all are connected, so a pair below the last one connects nothing
			least.Store(math.Float64bits(l.Pairs[n-1].Score))
		}
	}
	limit := func(int) float64 { return math.Float64frombits(least.Load()) }
	if progress != nil {
		limit = c.counted(limit, progress)
	}
	err := quantized.Join(ctx, codes, codes, true, limit, func(w int, p quantized.Pair) {
		v := vec.Dot(c.Feature(p.A), c.Feature(p.B))
		if v >= limit(-1) && ctx.Err() == nil {
			if found[w] = append(found[w], Pair{p.A, p.B, v}); len(found[w]) >= pendingPairs {
				take(w)
			}
		}
	})
	if err != nil {
		return nil, err
	}
	for w := range found {
		take(w)
	}
	return l, nil
}

// counted is the floor of a Join, which asks for it before each panel of rows. One row of 64 is counted: it has about as many panels as its
// neighbours.
func (c *Collection) counted(limit func(row int) float64, progress func(share float64)) func(row int) float64 {
	const every, panel = 64, 64
	var done atomic.Int64
	all := 0
	for row := 0; row < c.Len(); row += every {
		all += (c.Len()-row)/panel + 1
	}
	return func(row int) float64 {
		if row >= 0 && row%every == 0 {
			progress(min(float64(done.Add(1))/float64(all), 1))
		}
		return limit(row)
	}
}

// spanning keeps the pairs that connect what pairs of higher scores don't, by falling score; equals by their pictures.
func (c *Collection) spanning(pairs []Pair) []Pair {
	slices.SortFunc(pairs, func(a, b Pair) int {
		return cmp.Or(cmp.Compare(b.Score, a.Score), cmp.Compare(a.A, b.A), cmp.Compare(a.B, b.B))
	})
	sets := components.New(c.Len())
	return slices.DeleteFunc(pairs, func(p Pair) bool {
		if sets.First(p.A) == sets.First(p.B) {
			return true
		}
		sets.Link(p.A, p.B)
		return false
	})
}

// Identical are the groups of pictures whose files have the same content, as Duplicates orders them.
func (c *Collection) Identical() []Group {
	var pairs []Pair
	first := map[string]int{}
	for i, item := range c.Items {
		if item.Hash == "" {
			continue
		}
		if at, ok := first[item.Hash]; ok {
			pairs = append(pairs, Pair{at, i, 1})
		} else {
			first[item.Hash] = i
		}
	}
	return c.Duplicates(pairs)
}

// OnlyIdentical reports whether all pictures of a group are known to have the same content.
func (c *Collection) OnlyIdentical(g Group) bool {
	hash := c.Items[g.Keeper].Hash
	return hash != "" && !slices.ContainsFunc(g.Members, func(i int) bool { return c.Items[i].Hash != hash })
}

// Level counts the groups at a threshold in which not all pictures have the same content.
type Level struct {
	Threshold float64 `json:"threshold"`
	Groups    int     `json:"groups"`
	Pictures  int     `json:"pictures"`
}

// Levels counts groups at several thresholds, which rise.
func (c *Collection) Levels(l *Linkage, thresholds []float64) []Level {
	out := make([]Level, len(thresholds))
	sets, members, same := components.New(c.Len()), make([]int, c.Len()), make([]bool, c.Len())
	for i := range members {
		members[i], same[i] = 1, c.Items[i].Hash != ""
	}
	var now Level
	count := func(set, sign int) {
		if members[set] > 1 && !same[set] {
			now.Groups, now.Pictures = now.Groups+sign, now.Pictures+sign*members[set]
		}
	}
	at := 0
	for i, threshold := range slices.Backward(thresholds) {
		for ; at < len(l.Pairs) && l.Pairs[at].Score >= threshold; at++ {
			a, b := sets.First(l.Pairs[at].A), sets.First(l.Pairs[at].B)
			count(a, -1)
			count(b, -1)
			n, equal := members[a]+members[b], same[a] && same[b] && c.Items[a].Hash == c.Items[b].Hash
			sets.Link(a, b)
			first := sets.First(a)
			members[first], same[first] = n, equal
			count(first, 1)
		}
		now.Threshold = threshold
		out[i] = now
	}
	return out
}
