package preprocess

import "testing"

func TestAugmentationIsToldInWords(t *testing.T) {
	a := DefaultAugment()
	if got, want := a.String(), "crops of 0.9 to 1 of the area, 0.75 to 1.33 as wide as high"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
	a.HFlip, a.Rotate, a.ColorJitter, a.ColorJitterProb, a.GrayScaleProb = 0.5, 10, [4]float64{0.1, 0.2, 0.3, 0.05}, 0.8, 0.2
	want := "crops of 0.9 to 1 of the area, 0.75 to 1.33 as wide as high; mirrored with probability 0.5; turned by up to 10 degrees; " +
		"brightness, contrast, saturation and hue by up to 0.1, 0.2, 0.3 and 0.05 with probability 0.8; grey with probability 0.2"
	if got := a.String(); got != want {
		t.Errorf("%q, want %q", got, want)
	}
}

func TestWindowsBeyondThePictureAreToldAndBounded(t *testing.T) {
	a := DefaultAugment()
	a.Scale[1] = 2
	want := "windows of 0.9 to 2 of the area, 0.75 to 1.33 as wide as high, beyond the picture in the colour of its border"
	if got := a.String(); got != want {
		t.Errorf("%q, want %q", got, want)
	}
	if err := a.Validate(); err != nil {
		t.Error(err)
	}
	a.Scale[1] = 16.5
	if err := a.Validate(); err == nil || err.Error() != "aug_cfg.scale: [0.9 16.5] is not a range within (0, 16]" {
		t.Errorf("a window of 16.5 pictures: %v", err)
	}
}
