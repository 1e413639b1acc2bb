package eval

import "math"

// Entropy accumulates the normalized entropy of attention by layer and head: -sum p log p / log n for a query's weights p over the n
// tokens that it may attend to. 0 means one token, 1 a uniform distribution. Queries with n = 1 don't count.
type Entropy struct {
	sums   [][]float64
	counts [][]float64
}

// Maps are the attention weights of one layer, [Batch, Heads, Length, Length], a row for each query.
type Maps struct {
	Layer, Batch, Heads, Length int
	Weights                     []float32
	Used                        []int // number of each input's first queries that count; nil: all
	Causal                      bool  // query i attends to the tokens up to i
}

// Add adds a layer's attention weights.
func (e *Entropy) Add(m Maps) {
	for len(e.sums) <= m.Layer {
		e.sums, e.counts = append(e.sums, make([]float64, m.Heads)), append(e.counts, make([]float64, m.Heads))
	}
	for b := range m.Batch {
		queries := m.Length
		if m.Used != nil {
			queries = m.Used[b]
		}
		for head := range m.Heads {
			for q := range queries {
				e.row(m, head, q, m.Weights[((b*m.Heads+head)*m.Length+q)*m.Length:][:m.Length])
			}
		}
	}
}

func (e *Entropy) row(m Maps, head, query int, weights []float32) {
	visible := m.Length
	if m.Causal {
		visible = query + 1
	}
	if visible < 2 {
		return
	}
	var h float64
	for _, w := range weights[:visible] {
		if p := float64(w); p > 0 {
			h -= p * math.Log(p)
		}
	}
	e.sums[m.Layer][head] += h / math.Log(float64(visible))
	e.counts[m.Layer][head]++
}

// Mean is the result by layer and head; nil before the first Add.
func (e *Entropy) Mean() [][]float64 {
	var out [][]float64
	for layer, sums := range e.sums {
		row := make([]float64, len(sums))
		for head, sum := range sums {
			if n := e.counts[layer][head]; n > 0 {
				row[head] = sum / n
			}
		}
		out = append(out, row)
	}
	return out
}
