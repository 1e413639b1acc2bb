package quantized

import (
	"context"
	"iter"
	"math"
	"runtime"

	"clipgo/internal/parallel"
)

// Pair is a row of each side, and the approximate product of both.
type Pair struct {
	A, B int
	Score
}

// Join compares each row of a with each row of b, and gives to visit those pairs whose true product may be at least the floor of the row
// of a. A worker, of Workers in all, has a row of a to itself; its pairs come in the order of b. The floor is asked for before each panel
// of b, so that it may rise with what visit has seen. If a and b are the same rows, only pairs with A < B are compared when half is set.
func Join(ctx context.Context, a, b *Rows, half bool, floor func(row int) float64, visit func(worker int, p Pair)) error {
	j := &join{a: a, b: b, half: half && a == b, floor: floor, visit: visit}
	if b.kernel.tile != nil {
		j.panels = b.pack()
	}
	groups := (a.N + tileQueries - 1) / tileQueries
	const some = 8 // groups that share a panel while it is in the cache
	blocks := (groups + some - 1) / some
	parallel.Workers(Workers(), blocks, func(w int, mine iter.Seq[int]) {
		for block := range mine {
			if ctx.Err() != nil {
				return
			}
			j.rows(w, block*some*tileQueries, min((block+1)*some*tileQueries, a.N))
		}
	})
	return ctx.Err()
}

// Workers is how many goroutines a Join uses at most.
func Workers() int { return runtime.GOMAXPROCS(0) }

type join struct {
	a, b   *Rows
	half   bool
	panels []uint8
	floor  func(row int) float64
	visit  func(worker int, p Pair)
}

// query is the small form of a row of a as the kernels need it.
type query struct {
	row    int
	offset int32 // what the codes' offset adds to a product
	scale  float64
	norm   float64 // at most
	lost   float64
}

// rows compares some rows of a with all of b.
func (j *join) rows(worker, from, to int) {
	stride := j.a.stride
	words := make([]int8, (to-from+tileQueries-1)/tileQueries*tileQueries*stride)
	queries := make([]query, to-from)
	for i := range queries {
		queries[i] = j.query(from+i, words[i*stride:(i+1)*stride])
	}
	first := 0
	if j.half {
		first = from / panelRows * panelRows
	}
	var out [tileQueries * panelRows]int32
	for at := first; at < j.b.N; at += panelRows {
		largest := j.largest(at)
		for g := 0; g < len(queries); g += tileQueries {
			group := queries[g:min(g+tileQueries, len(queries))]
			j.products(&out, words[g*stride:(g+tileQueries)*stride], at, len(group))
			for i, q := range group {
				j.choose(worker, q, at, largest, out[i*panelRows:(i+1)*panelRows])
			}
		}
	}
}

func (j *join) query(row int, word []int8) query {
	sum := int32(0)
	for k, c := range j.a.codes[row*j.a.stride : (row+1)*j.a.stride] {
		word[k] = int8(int(c) - zero)
		sum += int32(word[k])
	}
	return query{row, zero * sum, float64(j.a.scale[row]), j.a.Longest, float64(j.a.lost[row])}
}

func (j *join) products(out *[tileQueries * panelRows]int32, words []int8, at, queries int) {
	stride := j.a.stride
	if j.panels != nil {
		j.b.kernel.tile(out, words, j.panels[at*stride:], stride)
		return
	}
	n := min(panelRows, j.b.N-at)
	for i := range queries {
		j.b.kernel.dot(out[i*panelRows:][:n], words[i*stride:(i+1)*stride], j.b.codes[at*stride:(at+n)*stride])
	}
}

// extreme are the largest scale and loss of a panel's rows.
type extreme struct{ scale, lost float64 }

func (j *join) largest(at int) (e extreme) {
	for row := at; row < min(at+panelRows, j.b.N); row++ {
		e.scale, e.lost = max(e.scale, float64(j.b.scale[row])), max(e.lost, float64(j.b.lost[row]))
	}
	return e
}

// choose visits the pairs of a query and a panel that may reach the floor. One comparison of whole numbers, made from the panel's largest
// values, decides for nearly all.
func (j *join) choose(worker int, q query, at int, e extreme, products []int32) {
	floor := j.floor(q.row)
	least := int32(math.MinInt32)
	rest := floor - (e.lost*q.norm+(j.b.Longest+e.lost)*q.lost)*(1+1e-9)
	if unit := q.scale * e.scale; rest > 0 && unit > 0 {
		least = int32(min(math.Floor(rest/unit*(1-1e-9))+float64(q.offset), math.MaxInt32))
	}
	for k, product := range products[:min(panelRows, j.b.N-at)] {
		if product < least {
			continue
		}
		row := at + k
		if j.half && row <= q.row {
			continue
		}
		s := Score{q.scale * float64(j.b.scale[row]) * float64(product-q.offset), j.b.bound(row, q.norm, q.lost)}
		if !(s.Value+s.Bound < floor) {
			j.visit(worker, Pair{q.row, row, s})
		}
	}
}
