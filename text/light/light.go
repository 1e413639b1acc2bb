// Package light computes the features of texts without libtorch, for use alone and not for training: a query of words then costs neither
// the time nor the memory of loading it. Products in 8 bits are libtch.so's own kernels, so that the features are those of the text
// tower in 8 bits but for the rounding of what is float32 in both.
package light

import (
	"math"
	"strconv"

	"clipgo/internal/nn"
	"clipgo/internal/torch"
	"clipgo/text"
)

// Weights are what a tower reads, by the names of open_clip's text tower ("transformer.resblocks.0.ln_1.weight").
type Weights interface {
	// Values are those of a parameter, row-major; nil where the model has none of that name. They stay valid as long as the tower.
	Values(name string) []float32
	// Row is one row of a parameter, so that a table of a vocabulary need not be read as a whole.
	Row(name string, i int) []float32
	// Form is the 8-bit form of a matrix; nil where it is in float32.
	Form(name string) *torch.Int8
}

// Tower is a text tower. Several goroutines may use it.
type Tower struct {
	config    text.Config
	weights   Weights
	prefix    string
	positions []float32
	blocks    []block
	lnFinal   norm
	matrix    []float32          // text_projection [D, E], used as x matrix; nil: layer, or no projection
	layer     *torch.LightMatrix // [E, D]
	embed     int
}

// Supports reports whether a tower of this config can be computed here. One with a class token after the text (CoCa) can't.
func Supports(c text.Config) bool { return !c.EmbedCls }

// New prepares a tower whose config Supports accepts. Names are looked up below prefix, which is "" or "text.".
func New(c text.Config, l text.Layout, prefix string, w Weights) *Tower {
	t := &Tower{config: c, weights: w, prefix: prefix, embed: l.Embed, positions: w.Values(prefix + "positional_embedding")}
	eps := c.NormKwargs.Epsilon()
	for i := range c.Layers {
		t.blocks = append(t.blocks, newBlock(c, l.Activation, names{w, prefix + "transformer.resblocks." + strconv.Itoa(i) + "."}))
	}
	top := names{w, prefix}
	t.lnFinal = top.norm("ln_final", eps)
	switch {
	case c.ProjType == "none":
	case c.ProjBias:
		m := top.linear("text_projection.weight", "text_projection.bias", l.Embed, c.Width)
		t.layer = &m
	default:
		t.matrix = w.Values(prefix + "text_projection")
	}
	return t
}

// rowsAtOnce is about the number of tokens that go through the tower together: fewer read the weights more often, more don't stay in the
// core's cache.
const rowsAtOnce = 96

// Embed maps n captions of L ids each, row-major, to unit features [n, E], on so many threads. A caption's features have the same bits
// alone, among others and on any number of threads.
func (t *Tower) Embed(ids []int32, n, threads int) []float32 {
	out := make([]float32, n*t.embed)
	l := len(ids) / max(n, 1)
	for from := 0; from < n; {
		g := group{threads: threads}
		to := from
		for ; to < n && (to == from || len(g.ids) < rowsAtOnce); to++ {
			g.add(t.kept(ids[to*l : (to+1)*l]))
		}
		t.forward(&g, out[from*t.embed:to*t.embed])
		from = to
	}
	return out
}

// kept is a caption without what its features don't depend on, and the position at which they are read. With causal attention that is
// all behind this position.
func (t *Tower) kept(ids []int32) ([]int32, int) {
	end := t.config.FeatureAt(ids)
	if t.config.Causal() {
		ids = ids[:end+1]
	}
	return ids, end
}

// group is captions that are computed together: their tokens one behind the other, without padding.
type group struct {
	threads int
	ids     []int32
	starts  []int // of each caption in ids
	ends    []int // the index in ids at which each caption's feature is read
}

func (g *group) add(ids []int32, end int) {
	g.starts, g.ends = append(g.starts, len(g.ids)), append(g.ends, len(g.ids)+end)
	g.ids = append(g.ids, ids...)
}

// length is the number of tokens of caption i.
func (g *group) length(i int) int {
	if i+1 < len(g.starts) {
		return g.starts[i+1] - g.starts[i]
	}
	return len(g.ids) - g.starts[i]
}

// forward computes the captions of a group into rows of out.
func (t *Tower) forward(g *group, out []float32) {
	d := t.config.Width
	x := make([]float32, len(g.ids)*d)
	for c, start := range g.starts {
		for i := range g.length(c) {
			row := x[(start+i)*d:][:d]
			copy(row, t.weights.Row(t.prefix+"token_embedding.weight", int(g.ids[start+i])))
			add(row, t.positions[i*d:][:d])
		}
	}
	s := newScratch(len(g.ids), d, t.config)
	for i := range t.blocks {
		t.blocks[i].forward(g, x, s)
	}
	for c, end := range g.ends {
		row := x[end*d:][:d]
		t.lnFinal.apply(row, row)
		t.project(out[c*t.embed:][:t.embed], row)
	}
}

// project maps a row [D] to a unit feature [E].
func (t *Tower) project(to, row []float32) {
	switch {
	case t.matrix != nil:
		for i, v := range row {
			for j, w := range t.matrix[i*t.embed:][:t.embed] {
				to[j] += v * w
			}
		}
	case t.layer != nil:
		t.layer.Linear(to, row, torch.Identity, nil, 1)
	default:
		copy(to, row)
	}
	sum := 0.0
	for _, v := range to {
		sum += float64(v) * float64(v)
	}
	scale := float32(1 / max(math.Sqrt(sum), 1e-12))
	for i := range to {
		to[i] *= scale
	}
}

// elementwise is an activation as a function of a product.
func elementwise(a nn.Activation) torch.Elementwise {
	switch a {
	case nn.GELU:
		return torch.ApplyGELU
	case nn.GELUTanh:
		return torch.ApplyGELUTanh
	default:
		return torch.ApplyQuickGELU
	}
}
