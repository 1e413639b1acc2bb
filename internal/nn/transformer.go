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

// Forward maps [B, L, D] to [B, L, D]. mask is added to the attention scores; nil: none.
func (b *Block) Forward(x, mask *torch.Tensor) *torch.Tensor {
	x = b.attn.out.forwardAdd(b.attn.mix(b.ln1.Forward(x), mask), x, b.scale1)
	return b.mlp.down.forwardAdd(b.mlp.hidden(b.ln2.Forward(x)), x, b.scale2)
}

// Shape holds the sizes of a transformer, its variants and its initialization.
type Shape struct {
	Width, Layers, Heads, MLPWidth int
	Activation                     Activation
	Eps                            float64  // of the norms; 0: DefaultEps
	LayerScale                     *float64 // initial value; nil: no LayerScale
	Naming                         Naming
	Start                          Start
}

func (s Shape) eps() float64 {
	if s.Eps == 0 {
		return DefaultEps
	}
	return s.Eps
}

// Start holds the initializations of a block's matrices.
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
	b.attn.inWeight.maps = 3
	for _, l := range []*Linear{b.attn.out, b.mlp.up, b.mlp.down} {
		l.weight.maps = 1
	}
	return b
}

// Block returns the i-th block.
func (t *Transformer) Block(i int) *Block { return t.blocks[i] }

// Forward maps [B, L, D] to [B, L, D]. Each block's intermediates are freed before the next block runs.
func (t *Transformer) Forward(x, mask *torch.Tensor, mode Mode) *torch.Tensor {
	for i, b := range t.blocks {
		mode.attend(i, b, x, mask)
		x = mode.Layer(func(in ...*torch.Tensor) *torch.Tensor { return b.Forward(in[0], mask) }, x)
		mode.see(i, x)
	}
	return x
}

// Mode holds the settings of a forward pass.
type Mode struct {
	DType torch.DType // the type to compute in; 0 means float32
	// Recompute enables gradient checkpointing: only each block's input is kept, and the backward pass recomputes the block.
	Recompute bool
	// DropKeys has a random key for each picture, which seeds patch dropout; nil, as in evaluation, keeps all patches.
	DropKeys []uint64
	// See, if set, receives the output of each layer by its name.
	See func(name string, x *torch.Tensor)
	// Attend, if set, receives the attention weights of each layer, float32 [B, N, L, L].
	Attend func(layer int, weights *torch.Tensor)
}

// Layer runs f, a block of a stack, on its operands, and frees its intermediates before the next block runs. With Recompute the
// block's graph is freed too.
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

// Type is the type to compute in.
func (m Mode) Type() torch.DType {
	if m.DType == 0 {
		return torch.Float32
	}
	return m.DType
}

// Show passes a layer's output to See.
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
