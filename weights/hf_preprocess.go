package weights

import (
	"encoding/json"
	"fmt"
	"math"
	"slices"
)

// hfProcessor is preprocessor_config.json, in its old form (numbers for sizes) and its new one (objects).
type hfProcessor struct {
	Type          string    `json:"image_processor_type"`
	Extractor     string    `json:"feature_extractor_type"` // the old word
	DoResize      *bool     `json:"do_resize"`
	Size          hfSize    `json:"size"`
	Resample      *int      `json:"resample"` // Pillow's numbers
	DoCenterCrop  *bool     `json:"do_center_crop"`
	CropSize      hfSize    `json:"crop_size"`
	DoRescale     *bool     `json:"do_rescale"`
	RescaleFactor *float64  `json:"rescale_factor"`
	DoNormalize   *bool     `json:"do_normalize"`
	Mean          []float64 `json:"image_mean"`
	Std           []float64 `json:"image_std"`
}

// hfSize is a number, {"shortest_edge": n} or {"height": n, "width": n}.
type hfSize struct {
	Shortest, Height, Width int
}

func (s *hfSize) UnmarshalJSON(data []byte) error {
	if json.Unmarshal(data, &s.Shortest) == nil {
		return nil
	}
	var o struct {
		Shortest int `json:"shortest_edge"`
		Height   int `json:"height"`
		Width    int `json:"width"`
	}
	if err := json.Unmarshal(data, &o); err != nil {
		return fmt.Errorf("a size is a number, shortest_edge, or height and width: %s", data)
	}
	*s = hfSize(o)
	return nil
}

// preprocessConfig is open_clip's preprocess_cfg.
type preprocessConfig struct {
	Size          int       `json:"size"`
	Mode          string    `json:"mode"`
	Mean          []float64 `json:"mean"`
	Std           []float64 `json:"std"`
	Interpolation string    `json:"interpolation"`
	ResizeMode    string    `json:"resize_mode"`
}

// yes reads a switch whose default is true.
func yes(b *bool) bool { return b == nil || *b }

// common converts the fields that all families' processors share to preprocess_cfg. The family supplies size and resize mode.
func (p hfProcessor) common() (preprocessConfig, error) {
	out := preprocessConfig{Mode: "RGB", Mean: p.Mean, Std: p.Std, Interpolation: "bicubic"}
	if p.Resample != nil {
		name, ok := map[int]string{2: "bilinear", 3: "bicubic"}[*p.Resample]
		if !ok {
			return out, fmt.Errorf("resample: %d is not supported; 2 (bilinear) and 3 (bicubic) are", *p.Resample)
		}
		out.Interpolation = name
	}
	if !yes(p.DoResize) || !yes(p.DoRescale) {
		return out, fmt.Errorf("do_resize and do_rescale: a model without them is not supported")
	}
	if p.RescaleFactor != nil && math.Abs(*p.RescaleFactor*255-1) > 1e-6 {
		return out, fmt.Errorf("rescale_factor: %g is not 1/255", *p.RescaleFactor)
	}
	if !yes(p.DoNormalize) {
		out.Mean, out.Std = []float64{0, 0, 0}, []float64{1, 1, 1}
	}
	if len(out.Mean) != 3 || len(out.Std) != 3 {
		return out, fmt.Errorf("image_mean and image_std: %v and %v, not a value for each of 3 channels", out.Mean, out.Std)
	}
	return out, nil
}

// family refuses the processor of another family of models.
func (p hfProcessor) family(known ...string) error {
	for _, name := range []string{p.Type, p.Extractor} {
		if name != "" && !slices.Contains(known, name) {
			return fmt.Errorf("%s does not prepare pictures for this family of models (%s does)", name, known[0])
		}
	}
	return nil
}

// hfCLIPPreprocess converts CLIPImageProcessor's config to preprocess_cfg for the model's image size.
func hfCLIPPreprocess(p hfProcessor, size int) (json.RawMessage, error) {
	if err := p.family("CLIPImageProcessor", "CLIPImageProcessorFast", "CLIPImageProcessorPil", "CLIPFeatureExtractor"); err != nil {
		return nil, err
	}
	openAI := clipPreprocess(size)
	if p.Mean == nil {
		p.Mean = openAI.Mean
	}
	if p.Std == nil {
		p.Std = openAI.Std
	}
	out, err := p.common()
	if err != nil {
		return nil, err
	}
	out.Size, out.ResizeMode, err = p.clipSize()
	if err == nil && out.Size != size {
		err = fmt.Errorf("it makes pictures of %d pixels, the model takes %d", out.Size, size)
	}
	if err != nil {
		return nil, err
	}
	return json.Marshal(out)
}

// clipSize reads how a picture becomes a square: by resizing its shortest side and cropping the centre, or by squashing.
func (p hfProcessor) clipSize() (size int, mode string, err error) {
	s, crop := p.Size, p.CropSize
	if s == (hfSize{}) {
		s.Shortest = 224
	}
	if crop == (hfSize{}) {
		crop.Shortest = 224
	}
	if crop.Shortest != 0 {
		crop.Height, crop.Width = crop.Shortest, crop.Shortest
	}
	switch {
	case crop.Height != crop.Width && yes(p.DoCenterCrop), s.Height != s.Width:
		return 0, "", fmt.Errorf("it makes pictures that are not square")
	case s.Shortest == 0 && (!yes(p.DoCenterCrop) || crop.Height == s.Height):
		return s.Height, "squash", nil
	case !yes(p.DoCenterCrop):
		return 0, "", fmt.Errorf("do_center_crop is false and size has a shortest_edge: its pictures are not square")
	case s.Shortest != crop.Height:
		return 0, "", fmt.Errorf("it resizes to %d and crops to %d; only equal sizes are supported", max(s.Shortest, s.Height), crop.Height)
	}
	return crop.Height, "shortest", nil
}

// clipPreprocess is OpenAI's.
func clipPreprocess(size int) preprocessConfig {
	return preprocessConfig{
		Size: size, Mode: "RGB", Mean: []float64{0.48145466, 0.4578275, 0.40821073}, Std: []float64{0.26862954, 0.26130258, 0.27577711},
		Interpolation: "bicubic", ResizeMode: "shortest",
	}
}
