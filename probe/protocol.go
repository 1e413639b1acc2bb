package probe

import (
	"context"

	"clipgo/eval"
	"clipgo/internal/fault"
)

// Protocol is how a probe is trained and measured.
type Protocol struct {
	// Logistic chooses logistic regression instead of CLIP_benchmark's AdamW.
	Logistic  bool
	C         float64 // of logistic regression; 0: searched on the validation data, else 0.316, OpenAI's value for ImageNet
	Halving   bool    // search C by halving steps, with some 15 fits, instead of all 96 values
	AdamW     AdamW   // Seed and Decay are set by Measure
	Shots     int     // training samples per class; 0: all
	Seed      uint64
	Normalize bool // features of length 1
	// HeldOut is the share of the training data that takes the place of validation data, whether there is some or not; 0: none, except
	// that the search of C holds out a fifth where there is no validation data.
	HeldOut float64 `json:",omitempty"`
}

// Result is a measured probe. The first names are CLIP_benchmark's.
type Result struct {
	Top1               float64  `json:"lp_acc1"`
	Top5               *float64 `json:"lp_acc5"` // nil unless the largest label of the test set is at least 5, where CLIP_benchmark has NaN
	MeanPerClassRecall float64  `json:"lp_mean_per_class_recall"`
	Decay              *float64 `json:"weight_decay,omitempty"` // of AdamW
	Epochs             int      `json:"epochs,omitempty"`       // of AdamW
	Seed               uint64   `json:"seed"`
	Shots              int      `json:"fewshot_k"` // -1: all training samples
	Normalized         bool     `json:"normalized"`

	Solver     string  `json:"solver"` // adamw or logistic
	C          float64 `json:"C,omitempty"`
	Objective  float64 `json:"objective,omitempty"`
	Iterations int     `json:"iterations,omitempty"`
	Unfinished bool    `json:"unfinished,omitempty"` // logistic regression didn't reach its minimum
	// HeldOut is the number of training samples that were used as validation data. The final fit uses them, except a few-shot probe's.
	HeldOut int `json:"held_out,omitempty"`
	// NearestMean is the accuracy of the nearest class mean on the same samples, for comparison; a Study sets it.
	NearestMean float64 `json:"nearest_mean_acc1"`
	Train       int     `json:"train"` // samples of the final fit
	Test        int     `json:"test"`
	// Search are the values that were tried on the validation set, in order: the weight decay of AdamW, C of logistic regression.
	Search []Trial `json:"search,omitempty"`
	// Rows are the indices of the training samples that were drawn.
	Rows []int `json:"rows,omitempty"`

	Head *Head `json:"-"`
}

// Measure trains a probe for a number of classes and measures it. With validation data (Len 0: none) the strength of the regularization is
// searched there, and the final fit uses training and validation data, except that a few-shot probe is fitted on its own samples alone.
func (p Protocol) Measure(ctx context.Context, train, val, test Set, classes int) (*Result, error) {
	r := &Result{Seed: p.Seed, Shots: -1, Normalized: p.Normalize, Solver: "adamw", Test: test.Len()}
	for _, s := range []Set{train, test} {
		if err := s.check(classes); err != nil {
			return nil, err
		}
	}
	var kept []int // rows of the training set
	if p.HeldOut > 0 {
		n := int(p.HeldOut * float64(train.Len()))
		if n == 0 || n == train.Len() {
			return nil, fault.Dataf("a share of %v of %d training samples leaves no validation or no training samples", p.HeldOut,
				train.Len())
		}
		train, val, kept = split(train, n, p.Seed)
		r.HeldOut = n
	}
	if p.Shots > 0 {
		rows, err := FewShot(train.Labels, p.Shots, p.Seed)
		if err != nil {
			return nil, err
		}
		r.Shots, r.Rows, train = p.Shots, through(kept, rows), train.Select(rows)
	}
	if p.Normalize {
		train, val, test = train.Normalized(), val.Normalized(), test.Normalized()
	}
	final := train
	if val.Len() > 0 && p.Shots == 0 {
		final = train.Join(val)
	}
	r.Train = final.Len()
	fit := p.fitAdamW
	if p.Logistic {
		fit, r.Solver = p.fitLogistic, "logistic"
	}
	if err := fit(ctx, r, train, val, final, classes); err != nil {
		return nil, err
	}
	return r, r.measure(ctx, test)
}

func (p Protocol) fitAdamW(ctx context.Context, r *Result, train, val, final Set, classes int) (err error) {
	a := p.AdamW
	a.Seed = p.Seed
	if val.Len() > 0 {
		a.Decay, r.Search, err = SearchDecay(func(decay float64) (float64, error) {
			one := a
			one.Decay = decay
			h, err := one.Fit(ctx, train, classes)
			if err != nil {
				return 0, err
			}
			return h.Accuracy(ctx, val)
		})
		if err != nil {
			return err
		}
	}
	r.Decay, r.Epochs = &a.Decay, a.Epochs
	r.Head, err = a.Fit(ctx, final, classes)
	return err
}

// fitLogistic fits with the C of the best accuracy on the validation data; of equals the smallest. Without validation data a fifth of the
// training data takes its place, except for few-shot probes. The final fit is exact, in float64.
func (p Protocol) fitLogistic(ctx context.Context, r *Result, train, val, final Set, classes int) (err error) {
	l := Logistic{C: p.C}
	enough := val.Len() > 0
	if n := train.Len() / heldOut; !enough && p.C == 0 && p.Shots == 0 && n > 1 {
		train, val, _ = split(train, n, p.Seed)
		enough, r.HeldOut = true, n
	}
	switch {
	case p.C > 0:
	case !enough:
		l.C = openAIsC
	default:
		var best *Fitted
		if p.Halving {
			r.Search, best, err = halving(ctx, train, val, classes)
		} else {
			r.Search, best, err = sweep(ctx, train, val, classes, Regularizations())
		}
		if err != nil {
			return err
		}
		l.C, l.Start = best.C, &best.Head
	}
	f, err := l.Fit(ctx, final, classes)
	if err != nil {
		return err
	}
	r.Head, r.C, r.Objective, r.Iterations, r.Unfinished = &f.Head, l.C, f.Objective, f.Iterations, !f.Converged
	return nil
}

// measure fills in the metrics on the test set.
func (r *Result) measure(ctx context.Context, test Set) error {
	logits, err := r.Head.Logits(ctx, test.Features)
	if err != nil {
		return err
	}
	count := eval.NewAccuracy(r.Head.Classes)
	if err := count.Add(logits, test.Labels); err != nil {
		return fault.Dataf("the probe's logits: %v", err)
	}
	z := count.Result()
	r.Top1, r.MeanPerClassRecall = z.Top1, z.MeanPerClassRecall
	if test.Classes() > 5 {
		r.Top5 = z.Top5
	}
	return nil
}

// Described is the protocol without functions, for a fingerprint.
func (p Protocol) Described() Protocol {
	p.AdamW.Order, p.AdamW.Start = nil, nil
	return p
}
