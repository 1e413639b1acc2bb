// Package timm lists the image towers that open_clip takes from timm by name: SigLIP's.
package timm

// Tower is a vision transformer with attention pooling and no class token.
type Tower struct {
	Name string
	Size
	PatchSize, ImageSize int
	GELU                 string // approximation, as in act_kwargs: none or tanh
}

// Size holds a width and the sizes that belong to it.
type Size struct {
	Width, Layers, Heads int
	MLPRatio             float64
}

var (
	base     = Size{768, 12, 12, 4}
	large    = Size{1024, 24, 16, 4}
	so400m   = Size{1152, 27, 16, 3.7362}
	giantopt = Size{1536, 40, 16, 4}
)

// towers are those of timm 1.0.31. Some have exact GELU and some its tanh approximation; the name implies which.
var towers = []Tower{
	{"vit_base_patch32_siglip_256", base, 32, 256, "tanh"},
	{"vit_base_patch16_siglip_224", base, 16, 224, "none"},
	{"vit_base_patch16_siglip_256", base, 16, 256, "none"},
	{"vit_base_patch16_siglip_384", base, 16, 384, "none"},
	{"vit_base_patch16_siglip_512", base, 16, 512, "none"},
	{"vit_large_patch16_siglip_256", large, 16, 256, "none"},
	{"vit_large_patch16_siglip_384", large, 16, 384, "none"},
	{"vit_large_patch16_siglip_512", large, 16, 512, "tanh"},
	{"vit_so400m_patch14_siglip_224", so400m, 14, 224, "none"},
	{"vit_so400m_patch14_siglip_378", so400m, 14, 378, "none"},
	{"vit_so400m_patch14_siglip_384", so400m, 14, 384, "none"}, // uses 27 patches a side, 378 pixels
	{"vit_so400m_patch16_siglip_256", so400m, 16, 256, "tanh"},
	{"vit_so400m_patch16_siglip_384", so400m, 16, 384, "tanh"},
	{"vit_so400m_patch16_siglip_512", so400m, 16, 512, "tanh"},
	{"vit_giantopt_patch16_siglip_256", giantopt, 16, 256, "tanh"},
	{"vit_giantopt_patch16_siglip_384", giantopt, 16, 384, "tanh"},
}

// Named finds a tower by timm's name.
func Named(name string) (Tower, bool) {
	for _, t := range towers {
		if t.Name == name {
			return t, true
		}
	}
	return Tower{}, false
}

// Like finds a tower with t's parameters and image size; its GELU may differ.
func Like(t Tower) (Tower, bool) {
	for _, known := range towers {
		if known.ImageSize == t.ImageSize && known.SameShape(t) {
			return known, true
		}
	}
	return Tower{}, false
}

// SameShape reports whether two towers have the same layers; their numbers of positions may differ.
func (t Tower) SameShape(u Tower) bool {
	return t.PatchSize == u.PatchSize && t.Width == u.Width && t.Layers == u.Layers && t.Heads == u.Heads && t.MLPWidth() == u.MLPWidth()
}

// MLPWidth is the hidden width of a block's MLP.
func (s Size) MLPWidth() int { return int(float64(s.Width) * s.MLPRatio) }
