package check

import (
	"context"
	"fmt"
	"math"
	"strings"

	"clipgo/datasets"
	"clipgo/report"
)

// result describes what was found.
func (c *checker) result(ctx context.Context, complete bool) *Result {
	k := c.counts
	r := &Result{Data: c.describe(), Complete: complete, Unusable: c.problems.list(), Settings: c.Settings, Shown: c.shown,
		model: c.Model, size: c.Preprocess.Size}
	r.Samples = Samples{Present: k.present, Usable: k.present - k.known(), Unusable: k.known(), Exact: k.exact(), Entries: k.entries,
		Headers: k.headers, Decoded: k.decoded, Share: k.share(confident)}
	r.Verdict = k.verdict(c.MaxSkip)
	r.Captions = c.texts.public(ctx, c.source)
	r.Pictures = c.pictures.result()
	r.Doubles = Doubles{Files: c.equal(ctx, c.files), Pixels: c.equal(ctx, c.pixels)}
	r.Speed = c.speed()
	r.Findings = r.findings(classCaptions(c.source.Info()))
	return r
}

// verdict compares the share of unusable samples with the limit.
func (c counts) verdict(limit float64) Verdict {
	v := Verdict{Ends: EndsNot, MaxSkip: limit}
	share := c.share(confident)
	known := fmt.Sprintf("%s of %s samples can't be used", report.Grouped(c.known()), report.Grouped(c.present))
	estimate := fmt.Sprintf("an estimated %s of the samples can't be used (95 %% interval %s to %s)", percent(share.Value),
		percent(share.Low), percent(share.High))
	allowed := fmt.Sprintf("a training accepts %s", percent(limit))
	switch {
	case datasets.TooMany(c.known(), c.present, limit):
		v.Ends, v.Reason = EndsSurely, known+"; "+allowed
	case c.exact():
		v.Reason = known + "; " + allowed
	case share.Low > limit:
		v.Ends, v.Reason = EndsSurely, estimate+"; "+allowed
	case share.High > limit && limit < 1:
		v.Ends, v.Reason = EndsMaybe, estimate+"; "+allowed
	default:
		v.Reason = estimate + "; " + allowed
	}
	return v
}

// Refusal is the error of a training that would end; nil if it wouldn't.
func (r *Result) Refusal() error {
	if r.Verdict.Ends != EndsSurely {
		return nil
	}
	return &datasets.DataError{Source: r.Data.Name, Reason: "a training would end: " + r.Verdict.Reason + examples(r.Unusable)}
}

// examples are the most frequent reasons for which samples can't be used, with an example of each.
func examples(unusable []Problem) string {
	const most = 2
	var out []string
	for _, p := range unusable[:min(len(unusable), most)] {
		e := p.Examples[0]
		out = append(out, fmt.Sprintf("%s: %s", e.Key, e.Reason))
	}
	if len(out) == 0 {
		return ""
	}
	return "; for example " + strings.Join(out, "; ")
}

// speed is how long the data takes.
func (c *checker) speed() Speed {
	const hour = 3600
	s := Speed{Workers: max(c.Workers, 1)}
	if c.seconds > 0 && c.counts.decoded > 0 {
		s.PicturesPerSecond = float64(c.counts.decoded) / c.seconds
		s.EpochHours = float64(c.counts.present) / s.PicturesPerSecond / hour
		s.Hours = s.EpochHours * c.Epochs
	}
	if c.BatchSize > 0 && c.Epochs > 0 {
		s.Steps = int64(math.Ceil(c.Epochs * float64(c.counts.present) / float64(c.BatchSize)))
	}
	return s
}
