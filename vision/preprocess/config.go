// Package preprocess turns image files into a model's input pixels: decoding, resizing as Pillow does, cropping, and the augmentation
// of training. It is pure Go and has no tensors.
package preprocess

import (
	"errors"
	"fmt"
)

// Config describes how a picture becomes a square of pixels, with the fields of open_clip's preprocess_cfg. RGB, Orientation, Draft
// and Background are clipgo's own.
type Config struct {
	Size          int         `json:"size"` // pixels of a side
	Mode          string      `json:"mode"` // RGB
	Mean          [3]float64  `json:"mean"` // of values in [0, 1]
	Std           [3]float64  `json:"std"`
	Interpolation string      `json:"interpolation"` // bicubic or bilinear
	ResizeMode    string      `json:"resize_mode"`   // shortest, longest or squash
	FillColor     int         `json:"fill_color"`    // value of the padding, for longest
	RGB           RGBOrder    `json:"rgb,omitempty"`
	Orientation   Orientation `json:"orientation,omitempty"`
	// Draft lets libjpeg-turbo scale a JPEG down by 2, 4 or 8 while decoding, as long as it stays larger than the size to which it
	// is resized.
	Draft bool `json:"draft,omitempty"`
	// Background is what transparent pixels are drawn on, before anything else.
	Background Background `json:"background,omitempty"`
}

// RGBOrder selects when a picture is converted to RGB.
type RGBOrder string

// RGBFirst converts before resizing, as open_clip's WebDataset training and transformers do; RGBLast after it, as
// open_clip's preprocess(Image.open(f)) does.
const (
	RGBFirst RGBOrder = "first"
	RGBLast  RGBOrder = "last"
)

// Orientation selects how the EXIF orientation of a picture is treated.
type Orientation string

// OrientationIgnore leaves pixels as they are stored, as open_clip's training does; OrientationApply turns the picture upright.
const (
	OrientationIgnore Orientation = "ignore"
	OrientationApply  Orientation = "apply"
)

// Default is OpenAI's: 224 pixels, bicubic, shortest side and centre crop.
func Default() Config {
	return Config{
		Size: 224, Mode: "RGB",
		Mean:          [3]float64{0.48145466, 0.4578275, 0.40821073},
		Std:           [3]float64{0.26862954, 0.26130258, 0.27577711},
		Interpolation: "bicubic", ResizeMode: "shortest", RGB: RGBFirst, Orientation: OrientationIgnore,
	}
}

// Validate returns every problem, joined.
func (c Config) Validate() error {
	var errs []error
	if c.Size < 1 || c.Size > 4096 {
		errs = append(errs, fmt.Errorf("size: %d is not between 1 and 4096", c.Size))
	}
	if c.Mode != "RGB" {
		errs = append(errs, fmt.Errorf("mode: %q is not RGB", c.Mode))
	}
	for i, s := range c.Std {
		if !(s > 0) {
			errs = append(errs, fmt.Errorf("std: %g of channel %d is not positive", s, i))
		}
	}
	errs = append(errs,
		oneOf("interpolation", c.Interpolation, "bicubic", "bilinear"),
		oneOf("resize_mode", c.ResizeMode, "shortest", "longest", "squash"),
		oneOf("rgb", string(c.RGB), string(RGBFirst), string(RGBLast)),
		oneOf("orientation", string(c.Orientation), string(OrientationIgnore), string(OrientationApply)))
	if c.FillColor < 0 || c.FillColor > 255 {
		errs = append(errs, fmt.Errorf("fill_color: %d is not between 0 and 255", c.FillColor))
	}
	if _, err := c.Background.color(); err != nil {
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}

func oneOf(key, value string, allowed ...string) error {
	for _, a := range allowed {
		if value == a {
			return nil
		}
	}
	return fmt.Errorf("%s: %q is none of %v", key, value, allowed)
}

// Summary is the preparation in a few words, for people.
func (c Config) Summary() string {
	text := fmt.Sprintf("%d px, %s, %s, mean %.4g, std %.4g", c.Size, c.ResizeMode, c.Interpolation, c.Mean, c.Std)
	if c.Draft {
		text += ", draft"
	}
	return text
}
