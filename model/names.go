package model

import (
	"fmt"

	"clipgo/internal/nn"
)

// Family names the kind of model.
func (c Config) Family() string {
	if c.Vision.TimmModelName != "" {
		return "SigLIP"
	}
	if c.Multimodal != nil {
		return "CoCa"
	}
	return "CLIP"
}

// Activation names the towers' activation, or both where they differ.
func (c Config) Activation() string {
	if c.QuickGELU {
		return "QuickGELU"
	}
	image, text := gelu(c.Vision.ActKwargs), gelu(c.Text.ActKwargs)
	if image == text {
		return image
	}
	return fmt.Sprintf("%s for pictures, %s for captions", image, text)
}

func gelu(k *nn.ActKwargs) string {
	if k.Activation() == nn.GELU {
		return "GELU"
	}
	return "GELU (tanh)"
}
