package model

// FLOPs counts the multiplications and additions, as two operations, of one forward pass of a picture and a caption
// of the given number of tokens. As is usual, it counts all tokens of the last block, though of most only keys and values are computed.
func (c Config) FLOPs(tokens int) float64 {
	text := stackFLOPs(c.Text.Layers, c.Text.Width, tokens, c.Text.MLPRatio)
	if c.Text.ProjType != "none" {
		text += 2 * float64(c.EmbedDim*c.Text.Width)
	}
	return c.ImageFLOPs() + text
}

// ImageFLOPs is the picture's part of FLOPs.
func (c Config) ImageFLOPs() float64 {
	v := c.Vision
	patches, pixels := (v.ImageSize/v.PatchSize)*(v.ImageSize/v.PatchSize), 3*v.PatchSize*v.PatchSize
	project := 2 * float64(patches*pixels*v.Width)
	if v.TimmModelName != "" {
		return stackFLOPs(v.Layers, v.Width, patches, v.MLPRatio) + project + poolFLOPs(v.Width, patches, v.MLPRatio)
	}
	if v.AttentionalPool {
		queries, _ := v.Pooler()
		return stackFLOPs(v.Layers, v.Width, patches+1, v.MLPRatio) + project + readFLOPs(queries, patches+1, v.Width, c.EmbedDim)
	}
	return stackFLOPs(v.Layers, v.Width, patches+1, v.MLPRatio) + project + 2*float64(c.EmbedDim*v.Width)
}

// readFLOPs is attentional pooling: keys and values of all tokens, each query's answer, and the projection of the first.
func readFLOPs(queries, tokens, width, embed int) float64 {
	q, t, w, e := float64(queries), float64(tokens), float64(width), float64(embed)
	return 4*t*w*e + 4*q*t*e + 2*q*e*e + 2*e*e
}

func stackFLOPs(layers, width, tokens int, ratio float64) float64 {
	w, t := float64(width), float64(tokens)
	return float64(layers) * t * ((8+4*ratio)*w*w + 4*t*w)
}

// poolFLOPs is attention pooling: keys and values of all tokens, all else of one.
func poolFLOPs(width, tokens int, ratio float64) float64 {
	w, t := float64(width), float64(tokens)
	return t*(4*w*w+4*w) + (4+4*ratio)*w*w
}
