package losses

import "fmt"

// Smoothing is label smoothing: a share e of a target's probability is spread over the classes, so that a model is not trained to be more
// confident than its data (Szegedy et al., 2016, section 7).
type Smoothing struct {
	// Share is e; 0: none.
	Share float64 `json:"label_smoothing" flag:"label-smoothing" arg:"x" help:"share of the target spread over the wrong captions; of objective coca over the wrong tokens too (default 0)"`
	Form  Form    `json:"label_smoothing_form" flag:"label-smoothing-form" arg:"name" help:"others: over the wrong ones; classes: over all, as PyTorch does (default others)"`
}

// Form selects the classes over which the share is spread.
type Form string

// The two conventions. With K classes, e over the others equals e K/(K-1) over all of them.
const (
	Others  Form = "others"  // 1-e on the target class, e/(K-1) on each other class
	Classes Form = "classes" // e/K on every class, as PyTorch does
)

// Validate checks the fields.
func (s Smoothing) Validate() error {
	if !(s.Share >= 0 && s.Share < 1) {
		return fmt.Errorf("label_smoothing: %g is not in [0, 1)", s.Share)
	}
	if s.Form != Others && s.Form != Classes {
		return fmt.Errorf("label_smoothing_form: %q is neither %s nor %s", s.Form, Others, Classes)
	}
	return nil
}

// OverAll converts the share to PyTorch's convention, Classes, for k classes. Others has no share with a single class.
func (s Smoothing) OverAll(k int) float64 {
	if s.Form == Classes || s.Share == 0 {
		return s.Share
	}
	if k == 1 {
		return 0
	}
	return min(1, s.Share*float64(k)/float64(k-1))
}

// Shares returns the target probability of each positive class and of each other class. right of the k classes are positive and share
// the mass equally. Without other classes there is no smoothing.
func (s Smoothing) Shares(right, k int) (each, other float64) {
	e := s.Share
	switch {
	case right == k:
		return 1 / float64(k), 0
	case s.Form == Classes:
		return (1-e)/float64(right) + e/float64(k), e / float64(k)
	default:
		return (1 - e) / float64(right), e / float64(k-right)
	}
}
