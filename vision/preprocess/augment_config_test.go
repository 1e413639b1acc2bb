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
