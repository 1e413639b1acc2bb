package vision

import (
	"clipgo/internal/nn"
	"clipgo/internal/torch"
)

// Tower maps pictures to features.
type Tower interface {
	// Forward maps [B, 3, S, S] to [B, E], not normalized.
	Forward(images *torch.Tensor, mode nn.Mode) *torch.Tensor
}

// New declares the tower of a config at a path, with features of width E = embed. A tower of timm's has its own activation and ignores
// the argument, as in open_clip.
func New(p nn.Path, c Config, embed int, activation nn.Activation) Tower {
	if c.TimmModelName != "" {
		return NewSigLIP(p.At("trunk"), c)
	}
	return NewViT(p, c, embed, activation)
}

// patches cuts pictures [B, 3, S, S] into flattened patches [B, P, 3pp], row by row: a convolution with stride = kernel size is a matrix
// product over them. As in a convolution, pixels at the right and the bottom that fill no patch are ignored.
func (c Config) patches(images *torch.Tensor) *torch.Tensor {
	b, g, p := images.Shape()[0], c.grid(), c.PatchSize
	if side := g * p; side != c.ImageSize {
		images = images.Narrow(2, 0, side).Narrow(3, 0, side)
	}
	return images.Reshape(b, 3, g, p, g, p).Permute(0, 2, 4, 1, 3, 5).Reshape(b, g*g, 3*p*p)
}
