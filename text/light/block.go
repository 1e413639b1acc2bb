package light

import (
	"math"

	"clipgo/internal/nn"
	"clipgo/internal/torch"
	"clipgo/text"
)

// names looks parameters up below a prefix.
type names struct {
	weights Weights
	prefix  string
}

func (n names) norm(name string, eps float64) norm {
	return norm{n.weights.Values(n.prefix + name + ".weight"), n.weights.Values(n.prefix + name + ".bias"), eps}
}

func (n names) linear(weight, bias string, out, in int) torch.LightMatrix {
	m := torch.LightMatrix{Out: out, In: in, Form: n.weights.Form(n.prefix + weight), Bias: n.weights.Values(n.prefix + bias)}
	if m.Form == nil {
		m.Values = n.weights.Values(n.prefix + weight)
	}
	return m
}

// block is a pre-norm residual block, as nn.Block is.
type block struct {
	ln1, ln2               norm
	attnIn, attnOut        torch.LightMatrix
	up, down               torch.LightMatrix
	scale1, scale2         []float32 // of LayerScale; nil: none
	heads, width, mlpWidth int
	causal                 bool
	activation             torch.Elementwise
}

func newBlock(c text.Config, a nn.Activation, n names) block {
	d, mlp, eps := c.Width, int(float64(c.Width)*c.MLPRatio), c.NormKwargs.Epsilon()
	return block{
		ln1: n.norm("ln_1", eps), ln2: n.norm("ln_2", eps),
		attnIn:  n.linear("attn.in_proj_weight", "attn.in_proj_bias", 3*d, d),
		attnOut: n.linear("attn.out_proj.weight", "attn.out_proj.bias", d, d),
		up:      n.linear("mlp.c_fc.weight", "mlp.c_fc.bias", mlp, d),
		down:    n.linear("mlp.c_proj.weight", "mlp.c_proj.bias", d, mlp),
		scale1:  n.weights.Values(n.prefix + "ls_1.gamma"), scale2: n.weights.Values(n.prefix + "ls_2.gamma"),
		heads: c.Heads, width: d, mlpWidth: mlp, causal: c.Causal(), activation: elementwise(a),
	}
}

// scratch is the memory of a block's intermediates.
type scratch struct{ normed, qkv, mixed, hidden []float32 }

func newScratch(rows, width int, c text.Config) scratch {
	return scratch{make([]float32, rows*width), make([]float32, 3*rows*width), make([]float32, rows*width),
		make([]float32, rows*int(float64(width)*c.MLPRatio))}
}

// forward replaces x, rows of the block's width.
func (b *block) forward(g *group, x []float32, s scratch) {
	d := b.width
	b.ln1.rows(s.normed, x)
	b.attnIn.Linear(s.qkv, s.normed, torch.Identity, nil, g.threads)
	for c, start := range g.starts {
		end := start + g.length(c)
		torch.LightAttention(s.mixed[start*d:end*d], s.qkv[3*start*d:3*end*d], d, b.heads, b.causal, g.threads)
	}
	addLinear(&b.attnOut, x, s.mixed, b.scale1, s.normed, g.threads)
	b.ln2.rows(s.normed, x)
	b.up.Linear(s.hidden, s.normed, b.activation, nil, g.threads)
	addLinear(&b.down, x, s.hidden, b.scale2, s.normed, g.threads)
}

// addLinear is x += scale * w(in). room has x's size.
func addLinear(w *torch.LightMatrix, x, in, scale, room []float32, threads int) {
	if scale == nil {
		w.Linear(x, in, torch.Identity, x, threads)
		return
	}
	w.Linear(room, in, torch.Identity, nil, threads)
	for i, v := range room {
		x[i] += scale[i%len(scale)] * v
	}
}

// norm is LayerNorm.
type norm struct {
	weight, bias []float32
	eps          float64
}

func (n *norm) rows(to, x []float32) {
	d := len(n.weight)
	for i := 0; i < len(x); i += d {
		n.apply(to[i:i+d], x[i:i+d])
	}
}

// apply normalizes one row; to may be x.
func (n *norm) apply(to, x []float32) {
	var sum, squares float64
	for _, v := range x {
		sum += float64(v)
	}
	mean := sum / float64(len(x))
	for _, v := range x {
		squares += (float64(v) - mean) * (float64(v) - mean)
	}
	scale := 1 / math.Sqrt(squares/float64(len(x))+n.eps)
	for i, v := range x {
		to[i] = float32((float64(v)-mean)*scale)*n.weight[i] + n.bias[i]
	}
}

func add(to, x []float32) {
	for i, v := range x {
		to[i] += v
	}
}
