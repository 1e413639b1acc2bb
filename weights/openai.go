package weights

import (
	"encoding/json"
	"fmt"
	"math"
	"strings"

	"clipgo/internal/safetensors"
)

// openAI adds what OpenAI's own archive doesn't contain: the config, inferred from the shapes, with QuickGELU.
func (c *Checkpoint) openAI() error {
	if _, ok := c.Tensor("visual.layer1.0.conv1.weight"); ok {
		return refuse(c.File, "its image tower is a ResNet, which is not supported; a vision transformer is")
	}
	m, err := infer(c.Set)
	if err != nil {
		return &Error{c.File, err}
	}
	m.QuickGELU = true
	c.Layout = OpenAI
	if c.Model, err = json.Marshal(m); err != nil {
		return err
	}
	if c.Preprocess, err = json.Marshal(clipPreprocess(m.Vision.ImageSize)); err != nil {
		return err
	}
	c.note("QuickGELU, since these are OpenAI's weights; %d px in patches of %d, heads of 64 and the rest from the shapes",
		m.Vision.ImageSize, m.Vision.PatchSize)
	return nil
}

// infer infers an architecture from the shapes of its weights, as OpenAI's own loader does. Heads have width 64.
func infer(s Set) (modelConfig, error) {
	var m modelConfig
	sh := shapes{set: s}
	conv := sh.of("visual.conv1.weight", 4)
	grid := sh.of("visual.positional_embedding", 2)
	projection := sh.of("text_projection", 2)
	positions := sh.of("positional_embedding", 2)
	tokens := sh.of("token_embedding.weight", 2)
	seen := sh.of("visual.transformer.resblocks.0.mlp.c_fc.weight", 2)
	said := sh.of("transformer.resblocks.0.mlp.c_fc.weight", 2)
	if sh.err != nil {
		return m, sh.err
	}
	side := int(math.Sqrt(float64(grid[0] - 1)))
	if int64(side*side) != grid[0]-1 {
		return m, fmt.Errorf("visual.positional_embedding: %d places are not a square and one", grid[0])
	}
	m.EmbedDim = int(projection[1])
	m.Vision = visionConfig{
		ImageSize: side * int(conv[3]), PatchSize: int(conv[3]), Layers: layers(s, "visual.transformer.resblocks."),
		Width: int(conv[0]), HeadWidth: 64, MLPRatio: mlpRatio(int(seen[1]), int(seen[0])),
	}
	m.Text = textConfig{
		ContextLength: int(positions[0]), VocabSize: int(tokens[0]), Width: int(tokens[1]), Heads: int(tokens[1] / 64),
		Layers: layers(s, "transformer.resblocks."), MLPRatio: mlpRatio(int(said[1]), int(said[0])),
	}
	for what, width := range map[string]int{"image": m.Vision.Width, "text": m.Text.Width} {
		if width%64 != 0 {
			return m, fmt.Errorf("the %s tower's width of %d is not a multiple of 64, so the number of its heads is unknown: a model "+
				"config has to say it", what, width)
		}
	}
	return m, nil
}

// shapes records the first name that is missing or has the wrong number of dimensions.
type shapes struct {
	set Set
	err error
}

func (s *shapes) of(name string, dims int) []int64 {
	t, ok := s.set.Tensor(name)
	if ok && len(t.Shape) == dims && positive(t) {
		return t.Shape
	}
	if s.err == nil {
		s.err = fmt.Errorf("%s is missing or has another number of dimensions than %d: not the weights of a CLIP with a vision transformer",
			name, dims)
	}
	return make([]int64, dims)
}

func positive(t safetensors.Tensor) bool {
	for _, d := range t.Shape {
		if d <= 0 || d > math.MaxInt32 {
			return false
		}
	}
	return true
}

// layers is one more than the largest layer number after a prefix.
func layers(s Set, prefix string) int {
	most := 0
	for _, name := range s.Names() {
		rest, ok := strings.CutPrefix(name, prefix)
		if !ok {
			continue
		}
		number, _, _ := strings.Cut(rest, ".")
		var n int
		if _, err := fmt.Sscanf(number, "%d", &n); err == nil {
			most = max(most, n+1)
		}
	}
	return most
}
