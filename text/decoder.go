package text

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"

	"clipgo/internal/nn"
	"clipgo/internal/torch"
)

// DecoderConfig describes a multimodal decoder with the fields of open_clip's multimodal_cfg.
type DecoderConfig struct {
	ContextLength int      `json:"context_length"`
	VocabSize     int      `json:"vocab_size"`
	Width         int      `json:"width"`
	Heads         int      `json:"heads"`
	Layers        int      `json:"layers"`
	LSInitValue   *float64 `json:"ls_init_value,omitempty"` // LayerScale's initial value; nil: no LayerScale

	// Fields of open_clip's configs that its decoder ignores; kept for writing the config.
	MLPRatio        float64 `json:"mlp_ratio,omitempty"`
	DimHead         int     `json:"dim_head,omitempty"`
	NQueries        int     `json:"n_queries,omitempty"`
	AttnPoolerHeads int     `json:"attn_pooler_heads,omitempty"`
}

// DefaultDecoder is open_clip's MultimodalCfg.
func DefaultDecoder() DecoderConfig {
	return DecoderConfig{ContextLength: 77, VocabSize: 49408, Width: 512, Heads: 8, Layers: 12}
}

// UnmarshalJSON sets missing fields to open_clip's defaults.
func (c *DecoderConfig) UnmarshalJSON(data []byte) error {
	type plain DecoderConfig
	p := plain(DefaultDecoder())
	err := json.Unmarshal(data, &p)
	*c = DecoderConfig(p)
	return err
}

// Validate returns every problem, joined.
func (c DecoderConfig) Validate() error {
	return errors.Join(Config{ContextLength: c.ContextLength, VocabSize: c.VocabSize, Width: c.Width, Heads: c.Heads,
		Layers: c.Layers}.sizes("multimodal_cfg")...)
}

// Decoder predicts each next token of a caption from the tokens before it and the picture (CoCa; Yu et al., 2022). It has blocks of
// causal self-attention, each followed by a block of cross-attention to the image tokens.
type Decoder struct {
	config  DecoderConfig
	blocks  *nn.Transformer
	cross   []*nn.CrossBlock
	lnFinal *nn.LayerNorm
	project *nn.Param // text_projection [D, V], used as x matrix
}

// NewDecoder declares a decoder at a path, with open_clip's names and the text tower's initialization.
func NewDecoder(p nn.Path, c DecoderConfig, activation nn.Activation) *Decoder {
	d := &Decoder{config: c, project: p.Declare("text_projection", nn.Normal(1/math.Sqrt(float64(c.Width))), c.Width, c.VocabSize)}
	shape := Config{Width: c.Width, Layers: c.Layers, Heads: c.Heads, MLPRatio: 4, LSInitValue: c.LSInitValue}.shape(activation)
	d.blocks = nn.NewTransformer(p, shape)
	d.cross = nn.NewCrossBlocks(p.At("cross_attn"), shape)
	d.lnFinal = nn.NewLayerNorm(p.At("ln_final"), c.Width, nn.DefaultEps)
	return d
}

// Hidden maps the text tower's tokens [B, L, D] and a picture's tokens [B, M, D] to the final hidden states [B, L, D], from which the
// logits are computed.
func (d *Decoder) Hidden(words, picture *torch.Tensor, mode nn.Mode) *torch.Tensor {
	l := words.Shape()[1]
	mask := torch.CausalMask(words.Scope(), words.DType(), words.Device(), l)
	picture = picture.In(words.Scope())
	x := words
	for i, cross := range d.cross {
		x = mode.Layer(func(in ...*torch.Tensor) *torch.Tensor { return d.blocks.Block(i).Forward(in[0], mask) }, x)
		mode.Show(fmt.Sprintf("resblocks.%d", i), x)
		x = mode.Layer(func(in ...*torch.Tensor) *torch.Tensor { return cross.Forward(in[0], cross.Context(in[1])) }, x, picture)
		mode.Show(fmt.Sprintf("cross_attn.%d", i), x)
	}
	return d.lnFinal.Forward(x)
}

// Logits maps hidden states [..., D] to the logits of the next token [..., V].
func (d *Decoder) Logits(hidden *torch.Tensor) *torch.Tensor { return hidden.Matmul(d.Words(hidden)) }

// Words is the matrix [D, V] of Logits, in x's type and scope.
func (d *Decoder) Words(x *torch.Tensor) *torch.Tensor { return d.project.For(x) }
