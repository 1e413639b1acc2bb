package describe

import (
	"cmp"
	"fmt"
	"slices"

	"clipgo/model"
)

// Config is one of the model configs that are built in.
type Config struct {
	Name       string `json:"name"`
	Parameters int64  `json:"parameters"`
	ImageSize  int    `json:"image_size"`
	Context    int    `json:"context_length"`
	EmbedDim   int    `json:"embed_dim"`
}

// Configs are the model configs, the smallest first.
func Configs() (out []Config, err error) {
	for _, name := range model.Configs() {
		c, err := model.NamedConfig(name)
		if err != nil {
			return nil, err
		}
		out = append(out, Config{name, model.Declare(c).ParameterCount(), c.Vision.ImageSize, c.Text.ContextLength, c.EmbedDim})
	}
	slices.SortStableFunc(out, func(a, b Config) int { return cmp.Compare(a.Parameters, b.Parameters) })
	return out, nil
}

// Lines are the config for people, one line.
func (c Config) Lines() []string {
	return []string{fmt.Sprintf("%-26s %10.2f M parameters   %d px   context %d   embed %d", c.Name, float64(c.Parameters)/1e6,
		c.ImageSize, c.Context, c.EmbedDim)}
}
