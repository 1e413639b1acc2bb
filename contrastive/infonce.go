package contrastive

import (
	"fmt"

	"clipgo/internal/torch"
)

// InfoNCE is CLIP's symmetric cross-entropy over the batch (CLIP paper, figure 3): each picture must find its caption
// among all captions of the batch, and each caption its picture.
type InfoNCE struct {
	LabelSmoothing float64       `json:"label_smoothing"`
	Form           SmoothingForm `json:"label_smoothing_form"`
}

// SmoothingForm says over which classes label smoothing spreads its share e.
type SmoothingForm string

// The two conventions. With K classes, e over the others equals e K/(K-1) over all of them.
const (
	SmoothOthers  SmoothingForm = "others"  // e/(K-1) on each wrong class, 1-e on the right one
	SmoothClasses SmoothingForm = "classes" // e/K on every class, as PyTorch does
)

// Validate checks the fields.
func (l InfoNCE) Validate() error {
	if l.LabelSmoothing < 0 || l.LabelSmoothing >= 1 {
		return fmt.Errorf("label_smoothing: %g is not in [0, 1)", l.LabelSmoothing)
	}
	if l.Form != SmoothOthers && l.Form != SmoothClasses {
		return fmt.Errorf("label_smoothing_form: %q is neither %s nor %s", l.Form, SmoothOthers, SmoothClasses)
	}
	return nil
}

// Forward is the mean of both directions.
func (l InfoNCE) Forward(in Contrast) *torch.Tensor {
	perImage := in.logits()
	k := perImage.Shape()[0]
	match := torch.Arange(perImage.Scope(), k, perImage.Device())
	e := l.overAllClasses(k)
	return perImage.CrossEntropy(match, e).Add(perImage.Transpose(0, 1).CrossEntropy(match, e)).Scale(0.5)
}

// overAllClasses converts the smoothing to the convention of CrossEntropy.
func (l InfoNCE) overAllClasses(k int) float64 {
	if l.Form == SmoothClasses || k == 1 {
		return l.LabelSmoothing
	}
	return min(1, l.LabelSmoothing*float64(k)/float64(k-1))
}
