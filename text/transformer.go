package text

import (
	"math"

	"clipgo/internal/nn"
	"clipgo/internal/torch"
)

// Transformer is CLIP's text tower: causal attention, read at the end-of-text token.
type Transformer struct {
	config    Config
	tokens    *nn.Param // token_embedding.weight [V, D]
	positions *nn.Param // positional_embedding [L, D]
	blocks    *nn.Transformer
	lnFinal   *nn.LayerNorm
	project   *nn.Param // text_projection [D, E], used as x projection
}

// Head holds the tower's parameters that stand at the top of open_clip's state dict, before the image tower's.
type Head struct{ positions, project *nn.Param }

// NewHead declares them. They come first so that parameters keep open_clip's order, which its optimizer states follow.
func NewHead(p nn.Path, c Config, embed int) Head {
	return Head{
		positions: p.Declare("positional_embedding", nn.Normal(0.01), c.ContextLength, c.Width),
		project:   p.Declare("text_projection", nn.Normal(1/math.Sqrt(float64(c.Width))), c.Width, embed),
	}
}

// New declares the rest of a tower at a path, under open_clip's names and with its first values.
func New(p nn.Path, c Config, h Head, activation nn.Activation) *Transformer {
	w := float64(c.Width)
	mlp := int(w * c.MLPRatio)
	residual := math.Pow(w, -0.5) * math.Pow(2*float64(c.Layers), -0.5)
	t := &Transformer{config: c, positions: h.positions, project: h.project}
	t.blocks = nn.NewTransformer(p.At("transformer"), nn.Shape{
		Width: c.Width, Layers: c.Layers, Heads: c.Heads, MLPWidth: mlp, Activation: activation, LayerScale: c.LSInitValue,
		Start: nn.Start{
			AttnIn: nn.Normal(math.Pow(w, -0.5)), AttnBias: nn.Constant(0), AttnOut: nn.Normal(residual), AttnOutBias: nn.Constant(0),
			Up: nn.Normal(math.Pow(2*w, -0.5)), UpBias: nn.FanIn(c.Width), Down: nn.Normal(residual), DownBias: nn.FanIn(mlp),
		},
	})
	t.tokens = p.At("token_embedding").Declare("weight", nn.Normal(0.02), c.VocabSize, c.Width)
	t.lnFinal = nn.NewLayerNorm(p.At("ln_final"), c.Width)
	return t
}

// Forward maps captions to features [B, E], not normalized.
//
// ids are B captions of L tokens each, row-major, L up to the context length. Under causal attention what follows the
// end of text changes nothing, so a batch may be cut to its longest caption.
func (t *Transformer) Forward(s *torch.Scope, ids []int32, batch int, mode nn.Mode) *torch.Tensor {
	l := len(ids) / batch
	device := t.tokens.Tensor().Device()
	idsBL := torch.From(s, widen(ids), batch, l).OnDevice(device)
	xBLD := t.tokens.Tensor().Embedding(idsBL).Add(t.positions.Tensor().In(s).Narrow(0, 0, l)).To(mode.Type())
	mask := torch.From(s, causal(l), l, l).OnDevice(device).To(mode.Type())
	xBLD = t.blocks.Forward(xBLD, mask, mode)
	ends := torch.From(s, endsOfText(ids, batch), batch).OnDevice(device)
	x := t.lnFinal.Forward(xBLD.Reshape(batch*l, t.config.Width).Rows(ends))
	mode.Show("ln_final", x)
	return x.Matmul(t.project.For(x))
}

func widen(ids []int32) []int64 {
	out := make([]int64, len(ids))
	for i, id := range ids {
		out[i] = int64(id)
	}
	return out
}

// causal is 0 on and below the diagonal of [l, l], minus infinity above it.
func causal(l int) []float32 {
	mask := make([]float32, l*l)
	for i := range l {
		for j := i + 1; j < l; j++ {
			mask[i*l+j] = float32(math.Inf(-1))
		}
	}
	return mask
}

// endsOfText gives each caption's row, among all rows, of its end-of-text token: the first of the largest id, as
// open_clip and OpenAI define it.
func endsOfText(ids []int32, batch int) []int64 {
	l := len(ids) / batch
	ends := make([]int64, batch)
	for b := range ends {
		best := b * l
		for i := best; i < (b+1)*l; i++ {
			if ids[i] > ids[best] {
				best = i
			}
		}
		ends[b] = int64(best)
	}
	return ends
}
