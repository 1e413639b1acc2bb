package preprocess

import (
	"errors"
	"fmt"
	"strings"
)

// Augment describes the augmentation of training, with the fields of open_clip's aug_cfg. HFlip and Rotate are clipgo's own.
type Augment struct {
	Scale           [2]float64 `json:"scale"`             // share of the picture's area that a crop keeps; above 1, the picture is smaller
	Ratio           [2]float64 `json:"ratio"`             // width / height of a crop
	ColorJitter     [4]float64 `json:"color_jitter"`      // brightness, contrast, saturation, hue
	ColorJitterProb float64    `json:"color_jitter_prob"` // probability of any jitter
	GrayScaleProb   float64    `json:"gray_scale_prob"`
	HFlip           float64    `json:"hflip"`  // probability
	Rotate          float64    `json:"rotate"` // maximal angle in degrees, in both directions
}

// maxScale is the largest window in pictures: it shows the picture at a quarter of the side.
const maxScale = 16

// DefaultAugment is open_clip's: a random crop of 90 to 100 % of the area.
func DefaultAugment() Augment {
	return Augment{Scale: [2]float64{0.9, 1}, Ratio: [2]float64{3. / 4, 4. / 3}}
}

// String describes the augmentation in words.
func (a Augment) String() string {
	out := []string{fmt.Sprintf("crops of %.3g to %.3g of the area, %.3g to %.3g as wide as high", a.Scale[0], a.Scale[1], a.Ratio[0],
		a.Ratio[1])}
	if a.Scale[1] > 1 {
		out[0] = "windows" + strings.TrimPrefix(out[0], "crops") + ", beyond the picture in the colour of its border"
	}
	add := func(on bool, format string, args ...any) {
		if on {
			out = append(out, fmt.Sprintf(format, args...))
		}
	}
	j := a.ColorJitter
	add(a.HFlip > 0, "mirrored with probability %.3g", a.HFlip)
	add(a.Rotate > 0, "turned by up to %.3g degrees", a.Rotate)
	add(a.ColorJitterProb > 0, "brightness, contrast, saturation and hue by up to %.3g, %.3g, %.3g and %.3g with probability %.3g", j[0],
		j[1], j[2], j[3], a.ColorJitterProb)
	add(a.GrayScaleProb > 0, "grey with probability %.3g", a.GrayScaleProb)
	return strings.Join(out, "; ")
}

// Validate returns every problem, joined.
func (a Augment) Validate() error {
	var errs []error
	if !(a.Scale[0] > 0 && a.Scale[0] <= a.Scale[1] && a.Scale[1] <= maxScale) {
		errs = append(errs, fmt.Errorf("aug_cfg.scale: %v is not a range within (0, %d]", a.Scale, maxScale))
	}
	if !(a.Ratio[0] > 0 && a.Ratio[0] <= a.Ratio[1]) {
		errs = append(errs, fmt.Errorf("aug_cfg.ratio: %v is not a range of positive numbers", a.Ratio))
	}
	for i, v := range a.ColorJitter {
		if !(v >= 0) || i == 3 && v > 0.5 {
			errs = append(errs, fmt.Errorf("aug_cfg.color_jitter: %g is out of range", v))
		}
	}
	for _, p := range []struct {
		name  string
		value float64
	}{{"color_jitter_prob", a.ColorJitterProb}, {"gray_scale_prob", a.GrayScaleProb}, {"hflip", a.HFlip}} {
		if !(p.value >= 0 && p.value <= 1) {
			errs = append(errs, fmt.Errorf("aug_cfg.%s: %g is not a probability", p.name, p.value))
		}
	}
	if !(a.Rotate >= 0 && a.Rotate <= 180) {
		errs = append(errs, fmt.Errorf("aug_cfg.rotate: %g is not between 0 and 180 degrees", a.Rotate))
	}
	return errors.Join(errs...)
}
