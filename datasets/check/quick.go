package check

import (
	"context"
	"errors"
	"fmt"
	"math"
	"time"

	"clipgo/datasets"
	"clipgo/report"
)

// Look is a quick look at a source, at the start of a training.
type Look struct {
	Warnings []string // what is notable, a sentence each
	Refusal  error    // why a training would end because of MaxSkip, of which there is no doubt; nil if it wouldn't, or isn't known
}

// The numbers of samples of a quick look, and the probability of a wrong refusal.
const (
	quickEntries, quickPictures = 2000, 32

	doubt = 1e-5
)

// Quick reads some entries and decodes a few pictures, both random; the pictures only where the source reads parts, and for at most budget
// (0: no limit). It ends with ctx, or with a *datasets.DataError of the source.
func Quick(ctx context.Context, s datasets.Source, o Options, budget time.Duration) (Look, error) {
	c := newChecker(s, o)
	c.Progress = nil
	drawn := newShuffle(s.Len(), o.Seed).take(quickEntries, func(int) bool { return true })
	if err := c.readSome(ctx, drawn); err != nil {
		return Look{}, err
	}
	var good []int
	for _, i := range drawn {
		if c.good(i) && len(good) < quickPictures {
			good = append(good, i)
		}
	}
	if datasets.ReadsParts(s) {
		if err := c.decodeWithin(ctx, budget, good); err != nil {
			return Look{}, err
		}
	}
	l := Look{Refusal: c.refusal()}
	if k := c.counts; l.Refusal == nil && k.known() > 0 {
		l.warn("%s can't be used%s", c.unusable(), examples(c.problems.list()))
	}
	c.captionWarnings(ctx, &l)
	return l, nil
}

func (l *Look) warn(format string, args ...any) {
	l.Warnings = append(l.Warnings, fmt.Sprintf(format, args...))
}

// decodeWithin decodes pictures until the budget is spent. Those that are decoded then don't count.
func (c *checker) decodeWithin(ctx context.Context, budget time.Duration, samples []int) error {
	inner, cancel := ctx, func() {}
	if budget > 0 {
		inner, cancel = context.WithTimeout(ctx, budget)
	}
	defer cancel()
	err := c.decode(inner, len(samples), func(k int) draw { return draw{samples[k], mayShow} })
	if ctx.Err() == nil && errors.Is(err, context.DeadlineExceeded) {
		return nil
	}
	return err
}

// refusal is the error of a training that would end, if so many of the samples looked at can't be used that chance hardly explains it.
func (c *checker) refusal() error {
	k := c.counts
	limit := c.MaxSkip
	switch {
	case k.entries == k.present && datasets.TooMany(k.known(), k.present, limit):
	case k.entries < k.present && tail(k.badEntries, k.entries, limit) < doubt:
	case tail(k.badDecoded, k.decoded, limit) < doubt:
	default:
		return nil
	}
	return &datasets.DataError{Source: c.source.Info().Name, Reason: fmt.Sprintf("looked at before the first step: %s can't be used, "+
		"more than max_skip %.4g allows%s", c.unusable(), limit, examples(c.problems.list()))}
}

// unusable are the numbers of what was looked at and can't be used.
func (c *checker) unusable() string {
	k := c.counts
	return fmt.Sprintf("%s of %s entries and %s of %s pictures", report.Grouped(k.badEntries),
		report.Grouped(k.entries), report.Grouped(k.badDecoded), report.Grouped(k.decoded))
}

// tail is the probability that k or more of n samples are unusable, if a share p of all is.
func tail(k, n int, p float64) float64 {
	switch {
	case k == 0 || p >= 1:
		return 1
	case p <= 0:
		return 0
	}
	choose := func(n, k int) float64 {
		a, _ := math.Lgamma(float64(n + 1))
		b, _ := math.Lgamma(float64(k + 1))
		c, _ := math.Lgamma(float64(n - k + 1))
		return a - b - c
	}
	sum := 0.0
	for i := k; i <= n; i++ {
		sum += math.Exp(choose(n, i) + float64(i)*math.Log(p) + float64(n-i)*math.Log1p(-p))
	}
	return sum
}

// captionWarnings say what is notable of the captions.
func (c *checker) captionWarnings(ctx context.Context, l *Look) {
	t := c.texts.public(ctx, c.source)
	if t.CutShare >= muchCut {
		l.warn("%s of the captions looked at are longer than %d tokens and lose their end", percent(t.CutShare), t.Context)
	}
	if t.Repeats >= muchRepeated && !classCaptions(c.source.Info()) {
		l.warn("%s of %s captions looked at are the same as that of another sample, such as %.80q", percent(t.Repeats),
			report.Grouped(t.Count), t.Frequent[0].Caption)
	}
}
