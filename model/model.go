package model

import (
	"context"
	"fmt"
	"math"
	"strings"

	"clipgo/internal/nn"
	"clipgo/internal/torch"
	"clipgo/text"
	"clipgo/text/light"
	"clipgo/vision"
	"clipgo/vision/preprocess"
)

// maxLogitScale is ln 100: CLIP never multiplies similarities by more than 100 (CLIP paper, section 2.5).
var maxLogitScale = math.Log(100)

// Model is CLIP: two towers that project into one space, and the scale of their similarities.
type Model struct {
	Config     Config
	Preprocess preprocess.Config // how pictures become the pixels that this model was trained on
	// Recompute has training keep only the input of each block and recompute the block in the backward pass (gradient
	// checkpointing): less memory, a third more time, the same numbers.
	Recompute bool

	params      *nn.Params
	image       vision.Tower
	text        *text.Transformer
	decoder     *text.Decoder // nil where the config has none
	logitScale  *nn.Param     // natural logarithm of the scale, []
	logitBias   *nn.Param     // []; nil where the config has none
	device      torch.Device
	dtype       torch.DType
	int8        bool         // see UseInt8
	owned       Int8         // forms that are freed with the model
	words       *light.Tower // see OpenWords; nil: libtorch computes
	wordThreads int
	mapped      *mapped // the mapped files that hold the parameters; nil: the model has memory of its own
}

// Declare lays out a model without memory for its parameters: enough to count them. It needs no libtorch.
func Declare(c Config) *Model {
	m := &Model{Config: c, Preprocess: c.Preprocess(), params: nn.NewParams(), device: torch.CPU, dtype: torch.Float32}
	root := m.params.Root()
	if c.Multimodal != nil {
		m.declareCoCa(root)
		return m
	}
	words := text.Layout{Embed: c.EmbedDim, Activation: c.activation(c.Text.ActKwargs), Custom: c.CustomText}
	var head text.Head
	if !c.CustomText {
		head = text.NewHead(root, c.Text, c.EmbedDim)
	}
	m.declareScale(root)
	m.image = vision.New(root.At("visual"), c.Vision, c.EmbedDim, c.activation(c.Vision.ActKwargs))
	if c.CustomText {
		root = root.At("text")
		head = text.NewHead(root, c.Text, c.EmbedDim)
	}
	m.text = text.New(root, c.Text, head, words)
	return m
}

// declareCoCa lays out a model with a decoder, in open_clip's order.
func (m *Model) declareCoCa(root nn.Path) {
	c, words := m.Config, root.At("text")
	m.declareScale(root)
	m.text = text.New(words, c.Text, text.NewHead(words, c.Text, c.EmbedDim),
		text.Layout{Embed: c.EmbedDim, Activation: c.activation(c.Text.ActKwargs), Custom: true})
	m.image = vision.New(root.At("visual"), c.Vision, c.EmbedDim, c.activation(c.Vision.ActKwargs))
	m.decoder = text.NewDecoder(root.At("text_decoder"), *c.Multimodal, c.activation(nil))
}

func (m *Model) declareScale(root nn.Path) {
	m.logitScale = root.Declare("logit_scale", nn.Constant(m.Config.initLogitScale()))
	if m.Config.InitLogitBias != nil {
		m.logitBias = root.Declare("logit_bias", nn.Constant(*m.Config.InitLogitBias))
	}
}

// like declares a model of another config that works as m does: preprocessing, device, type, Recompute. It has no parameters' memory yet.
func (m *Model) like(c Config) *Model {
	out := Declare(c)
	out.Preprocess, out.Recompute, out.device, out.dtype = m.Preprocess, m.Recompute, m.device, m.dtype
	return out
}

// Placement says where and in what type a model computes.
type Placement struct {
	Device torch.Device
	DType  torch.DType // Float32 or BFloat16, with float32 parameters in either; Float64 throughout for proofs
}

// On is the CPU in float32.
func On() Placement { return Placement{Device: torch.CPU, DType: torch.Float32} }

// New builds a model with fresh parameters, which depend on the seed alone. Its owner calls Free.
func New(ctx context.Context, c Config, seed uint64, at Placement) (*Model, error) {
	m := Declare(c)
	m.device, m.dtype = at.Device, at.DType
	if at.DType == torch.Float64 {
		m.params.DType = torch.Float64
	}
	if err := m.afford(); err != nil {
		return nil, err
	}
	err := torch.Do(ctx, func(*torch.Scope) error {
		m.params.Fill(seed, at.Device)
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("make parameters: %w", err)
	}
	return m, nil
}

// Free gives the parameters' memory back.
func (m *Model) Free() {
	m.params.Free()
	m.owned.Free()
	if m.mapped != nil {
		m.mapped.release()
	}
}

// Params lists the parameters in open_clip's order.
func (m *Model) Params() []*nn.Param { return m.params.All() }

// ParameterCount is the number of trained values, the scale included.
func (m *Model) ParameterCount() int64 { return m.params.Count() }

// VisionParameterCount is the number of them in the image tower.
func (m *Model) VisionParameterCount() int64 { return m.countBelow("visual.") }

// DecoderParameterCount is the number of them in the decoder.
func (m *Model) DecoderParameterCount() int64 { return m.countBelow("text_decoder.") }

func (m *Model) countBelow(prefix string) int64 {
	var n int64
	for _, p := range m.params.All() {
		if strings.HasPrefix(p.Name, prefix) {
			n += int64(p.Len())
		}
	}
	return n
}

// Dim is the width E of the common space.
func (m *Model) Dim() int { return m.Config.EmbedDim }

// Device is where the model computes.
func (m *Model) Device() torch.Device { return m.device }

// DType is what the model computes in: Float32 or BFloat16.
func (m *Model) DType() torch.DType { return m.dtype }

// Image is the image tower. Its features are not normalized.
func (m *Model) Image() vision.Tower { return m.image }

// Text is the text tower. Its features are not normalized.
func (m *Model) Text() *text.Transformer { return m.text }

// Mode is how this model makes a forward pass.
func (m *Model) Mode() nn.Mode { return nn.Mode{DType: m.dtype, Recompute: m.Recompute} }

// EncodeImages maps pixels, uint8 [n, S, S, 3], to unit features, float32 [n, E].
func (m *Model) EncodeImages(s *torch.Scope, pixels []uint8, n int, mode nn.Mode) *torch.Tensor {
	return unit(m.rawImages(s, pixels, n, mode))
}

// rawImages are the features as the tower computes them.
func (m *Model) rawImages(s *torch.Scope, pixels []uint8, n int, mode nn.Mode) *torch.Tensor {
	return m.image.Forward(torch.Pixels(s, pixels, n, m.Preprocess.Mean, m.Preprocess.Std, m.device), mode)
}

// EncodeTokens maps n captions of L token ids each to unit features, float32 [n, E].
func (m *Model) EncodeTokens(s *torch.Scope, ids []int32, n int, mode nn.Mode) *torch.Tensor {
	return unit(m.text.Forward(s, ids, n, mode))
}

// unit makes features of what a tower has computed: in float32, or the float64 of a proof.
func unit(x *torch.Tensor) *torch.Tensor {
	if x.DType() == torch.Float64 {
		return x.Unit()
	}
	return x.To(torch.Float32).Unit()
}

// Scale is exp(logit_scale), [], in scope s.
func (m *Model) Scale(s *torch.Scope) *torch.Tensor { return m.logitScale.In(s).Exp() }

// Bias is logit_bias, [], in scope s; nil where the model has none.
func (m *Model) Bias(s *torch.Scope) *torch.Tensor {
	if m.logitBias == nil {
		return nil
	}
	return m.logitBias.Tensor().In(s)
}

// ClampScale limits logit_scale to [0, ln 100] (CLIP paper, section 2.5). A locked scale stays as it is.
func (m *Model) ClampScale() {
	if m.logitScale.Trained() {
		m.logitScale.Tensor().ClampInPlace(0, maxLogitScale)
	}
}
