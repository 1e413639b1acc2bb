package nn

import (
	"fmt"

	"clipgo/internal/torch"
)

// Block is a pre-norm residual block.
type Block struct {
	ln1, ln2       *LayerNorm
	attn           *Attention
	mlp            *MLP
	scale1, scale2 *LayerScale
}

// Forward keeps [B, L, D].
func (b *Block) Forward(x, mask *torch.Tensor) *torch.Tensor {
	x = x.Add(b.scale1.Forward(b.attn.Forward(b.ln1.Forward(x), mask)))
	return x.Add(b.scale2.Forward(b.mlp.Forward(b.ln2.Forward(x))))
}

// Shape says how big a transformer is, what it computes and how it starts.
type Shape struct {
	Width, Layers, Heads, MLPWidth int
	Activation                     Activation
	Eps                            float64  // of the norms; 0: DefaultEps
	LayerScale                     *float64 // first value; nil: none
	Naming                         Naming
	Start                          Start
}

func (s Shape) eps() float64 {
	if s.Eps == 0 {
		return DefaultEps
	}
	return s.Eps
}

// Start holds the first values of a block's matrices.
type Start struct {
	AttnIn, AttnOut, Up, Down               Init
	AttnBias, AttnOutBias, UpBias, DownBias Init
}

// Transformer is a stack of blocks.
type Transformer struct{ blocks []*Block }

// NewTransformer declares a stack at a path.
func NewTransformer(p Path, s Shape) *Transformer {
	t := &Transformer{}
	for i := range s.Layers {
		t.blocks = append(t.blocks, newBlock(p.At(s.Naming.parts().stack).At(fmt.Sprint(i)), s))
	}
	return t
}

func newBlock(p Path, s Shape) *Block {
	b, n := &Block{}, s.Naming.parts()
	b.ln1 = NewLayerNorm(p.At(n.norm1), s.Width, s.eps())
	attn := p.At("attn")
	b.attn = &Attention{
		inWeight: attn.Declare(n.attnWeight, s.Start.AttnIn, 3*s.Width, s.Width),
		inBias:   attn.Declare(n.attnBias, s.Start.AttnBias, 3*s.Width),
		out:      NewLinear(attn.At(n.attnOut), s.Width, s.Width, s.Start.AttnOut, s.Start.AttnOutBias),
		heads:    s.Heads,
	}
	b.scale1 = NewLayerScale(p.At(n.scale1), s.Width, s.LayerScale)
	b.ln2 = NewLayerNorm(p.At(n.norm2), s.Width, s.eps())
	b.mlp = newMLP(p.At("mlp"), s, n)
	b.scale2 = NewLayerScale(p.At(n.scale2), s.Width, s.LayerScale)
	return b
}

// Block is the i-th.
func (t *Transformer) Block(i int) *Block { return t.blocks[i] }

// Forward keeps [B, L, D]. Each block's intermediates are freed before the next one runs.
func (t *Transformer) Forward(x, mask *torch.Tensor, mode Mode) *torch.Tensor {
	for i, b := range t.blocks {
		mode.attend(i, b, x, mask)
		x = mode.Layer(func(in ...*torch.Tensor) *torch.Tensor { return b.Forward(in[0], mask) }, x)
		mode.see(i, x)
	}
	return x
}

// Mode says how a forward pass is made.
type Mode struct {
	DType torch.DType // what to compute in; 0 means float32
	// Recompute has the backward pass compute each block again, so that of a block no more than its input is kept till then.
	Recompute bool
	// DropKeys has one key for each picture, from which patch dropout draws; nil, as in evaluation, keeps all patches.
	DropKeys []uint64
	// See, where set, is shown the output of each layer by its name.
	See func(name string, x *torch.Tensor)
	// Attend, where set, is shown the attention weights [B, N, L, L] of each layer, float32.
	Attend func(layer int, weights *torch.Tensor)
}

// Layer is f, a block of a stack, of x and what else it reads. What it computes on the way is freed before the next one runs; its
// graph too, with Recompute.
func (m Mode) Layer(f func(in ...*torch.Tensor) *torch.Tensor, in ...*torch.Tensor) *torch.Tensor {
	if m.Recompute {
		return torch.Recomputed(f, in...)
	}
	return torch.Tidy(in[0], func(x *torch.Tensor) *torch.Tensor {
		inner := []*torch.Tensor{x}
		for _, other := range in[1:] {
			inner = append(inner, other.In(x.Scope()))
		}
		return f(inner...)
	})
}

// Type is what to compute in.
func (m Mode) Type() torch.DType {
	if m.DType == 0 {
		return torch.Float32
	}
	return m.DType
}

// Show hands a layer's output to See.
func (m Mode) Show(name string, x *torch.Tensor) {
	if m.See != nil {
		m.See(name, x)
	}
}

func (m Mode) see(layer int, x *torch.Tensor) {
	if m.See != nil {
		m.See(fmt.Sprintf("resblocks.%d", layer), x)
	}
}
