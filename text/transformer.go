package text

import (
	"math"

	"clipgo/internal/nn"
	"clipgo/internal/torch"
)

// Transformer is the text tower. CLIP's has causal attention and its feature is read at the end-of-text token. SigLIP's is bidirectional
// and its feature is read at the last position, even if that is padding.
type Transformer struct {
	config    Config
	tokens    *nn.Param // token_embedding.weight [V, D]
	positions *nn.Param // positional_embedding [L, D], [L+1, D] with a class token
	class     *nn.Param // cls_emb [D]; nil where the config has none
	blocks    *nn.Transformer
	lnFinal   *nn.LayerNorm
	project   projection
}

// projection maps [B, D] to [B, E] by a matrix or a linear layer with bias, or is the identity.
type projection struct {
	matrix *nn.Param // text_projection [D, E], used as x matrix
	layer  *nn.Linear
}

func (p projection) forward(x *torch.Tensor) *torch.Tensor {
	switch {
	case p.matrix != nil:
		return x.Matmul(p.matrix.For(x))
	case p.layer != nil:
		return p.layer.Forward(x)
	default:
		return x
	}
}

// Head holds the tower's own parameters, which come before those of its modules in open_clip's state dict.
type Head struct{ class, positions, project *nn.Param }

// NewHead declares a Head. It is declared first, so that parameters keep open_clip's order, on which optimizer states depend.
func NewHead(p nn.Path, c Config, embed int) Head {
	h, rows := Head{}, c.ContextLength
	if c.EmbedCls {
		h.class = p.Declare("cls_emb", nn.Normal(0.01), c.Width)
		rows++
	}
	h.positions = p.Declare("positional_embedding", nn.Normal(0.01), rows, c.Width)
	if c.ProjType != "none" && !c.ProjBias {
		h.project = p.Declare("text_projection", nn.Normal(1/math.Sqrt(float64(c.Width))), c.Width, embed)
	}
	return h
}

// Layout holds settings of a tower that are not in its config.
type Layout struct {
	Embed      int // width E of the features
	Activation nn.Activation
	Custom     bool // a separate text module (custom_text), whose parts open_clip lists in another order
}

// New declares the rest of a tower at a path, with open_clip's names and initialization.
func New(p nn.Path, c Config, h Head, l Layout) *Transformer {
	t := &Transformer{config: c, class: h.class, positions: h.positions, project: projection{matrix: h.project}}
	embedding := func() {
		t.tokens = p.At("token_embedding").DeclareTable("weight", nn.Normal(0.02), c.VocabSize, c.Width)
	}
	if l.Custom {
		embedding()
	}
	t.blocks = nn.NewTransformer(p.At("transformer"), c.shape(l.Activation))
	if !l.Custom {
		embedding()
	}
	t.lnFinal = nn.NewLayerNorm(p.At("ln_final"), c.Width, c.NormKwargs.Epsilon())
	if c.ProjType != "none" && c.ProjBias {
		t.project.layer = nn.NewLinear(p.At("text_projection"), c.Width, l.Embed, nn.Normal(1/math.Sqrt(float64(c.Width))), nn.Constant(0))
	}
	return t
}

func (c Config) shape(activation nn.Activation) nn.Shape {
	w := float64(c.Width)
	mlp := int(w * c.MLPRatio)
	residual := math.Pow(w, -0.5) * math.Pow(2*float64(c.Layers), -0.5)
	return nn.Shape{
		Width: c.Width, Layers: c.Layers, Heads: c.Heads, MLPWidth: mlp,
		Activation: activation, Eps: c.NormKwargs.Epsilon(), LayerScale: c.LSInitValue,
		Start: nn.Start{
			AttnIn: nn.Normal(math.Pow(w, -0.5)), AttnBias: nn.Constant(0), AttnOut: nn.Normal(residual), AttnOutBias: nn.Constant(0),
			Up: nn.Normal(math.Pow(2*w, -0.5)), UpBias: nn.FanIn(c.Width), Down: nn.Normal(residual), DownBias: nn.FanIn(mlp),
		},
	}
}

// Forward maps captions to features [B, E], not normalized.
//
// ids are B captions of L tokens each, row-major, with L up to the context length. If the config is Trimmable, the batch may be
// trimmed to its longest caption.
func (t *Transformer) Forward(s *torch.Scope, ids []int32, batch int, mode nn.Mode) *torch.Tensor {
	if t.class != nil {
		features, _ := t.ForwardTokens(s, ids, batch, mode)
		return features
	}
	l := len(ids) / batch
	device := t.tokens.Tensor().Device()
	idsBL := torch.From(s, torch.Int64s(ids), batch, l).OnDevice(device)
	xBLD := t.tokens.In(s).Embedding(idsBL).Add(t.positions.In(s).Narrow(0, 0, l)).To(mode.Type())
	var mask *torch.Tensor
	if t.config.Causal() {
		mask = torch.CausalMask(s, mode.Type(), device, l)
	}
	rows := t.config.readAt(ids, batch)
	read := nn.Read{Row: torch.From(s, rows, batch).OnDevice(device)}
	if mask != nil {
		read.Mask = torch.From(s, causalRows(rows, l), batch, l).OnDevice(device).To(mode.Type())
	}
	x := t.lnFinal.Forward(t.blocks.ForwardRead(xBLD, mask, read, mode))
	mode.Show("ln_final", x)
	return t.project.forward(x)
}

// readAt returns the row of [B*L, D] at which each caption's feature is read.
func (c Config) readAt(ids []int32, batch int) []int64 {
	l := len(ids) / batch
	rows := make([]int64, batch)
	for b := range rows {
		rows[b] = int64(b*l + c.FeatureAt(ids[b*l:(b+1)*l]))
	}
	return rows
}

// causalRows is the causal mask [B, L] of the token of each caption that is at a row of [B*L].
func causalRows(rows []int64, l int) []float32 {
	mask := make([]float32, len(rows)*l)
	for b, row := range rows {
		for j := int(row)%l + 1; j < l; j++ {
			mask[b*l+j] = float32(math.Inf(-1))
		}
	}
	return mask
}
