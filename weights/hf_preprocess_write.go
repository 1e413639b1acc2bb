package weights

import (
	"bytes"
	"encoding/json"
	"fmt"
)

// processorOut is preprocessor_config.json.
type processorOut struct {
	Type          string    `json:"image_processor_type"`
	Class         string    `json:"processor_class"`
	DoConvertRGB  bool      `json:"do_convert_rgb"`
	DoResize      bool      `json:"do_resize"`
	Size          any       `json:"size"`
	Resample      int       `json:"resample"`
	DoCenterCrop  bool      `json:"do_center_crop"`
	CropSize      any       `json:"crop_size,omitempty"`
	DoRescale     bool      `json:"do_rescale"`
	RescaleFactor decimal   `json:"rescale_factor"`
	DoNormalize   bool      `json:"do_normalize"`
	Mean          []decimal `json:"image_mean"`
	Std           []decimal `json:"image_std"`
}

// decimal is a number that Python reads as a float, which transformers' configs distinguish from an int: 0 is written as 0.0.
type decimal float64

// MarshalJSON writes the shortest decimal that has the same float64 value.
func (d decimal) MarshalJSON() ([]byte, error) {
	data, err := json.Marshal(float64(d))
	if err == nil && !bytes.ContainsAny(data, ".e") {
		data = append(data, ".0"...)
	}
	return data, err
}

func decimals(values []float64) []decimal {
	out := make([]decimal, len(values))
	for i, v := range values {
		out[i] = decimal(v)
	}
	return out
}

// square and shortest are transformers' two forms of a size.
type square struct {
	Height int `json:"height"`
	Width  int `json:"width"`
}

type shortest struct {
	Edge int `json:"shortest_edge"`
}

// exportProcessor converts preprocess_cfg to transformers' preprocessor config.
func exportProcessor(preprocess json.RawMessage) (processorOut, error) {
	var p preprocessConfig
	if err := json.Unmarshal(preprocess, &p); err != nil {
		return processorOut{}, fmt.Errorf("preprocess_cfg: %w", err)
	}
	out := processorOut{
		DoConvertRGB: true, DoResize: true, Resample: map[string]int{"bilinear": 2, "bicubic": 3}[p.Interpolation],
		DoRescale: true, RescaleFactor: 1. / 255, DoNormalize: true, Mean: decimals(p.Mean), Std: decimals(p.Std),
	}
	switch p.ResizeMode {
	case "shortest":
		out.Size, out.DoCenterCrop, out.CropSize = shortest{p.Size}, true, square{p.Size, p.Size}
	case "squash":
		out.Size = square{p.Size, p.Size}
	default:
		return out, fmt.Errorf("transformers' image processor has no preprocess_cfg.resize_mode %s", p.ResizeMode)
	}
	return out, nil
}
