package datasets

import (
	"fmt"
	"math"
	"slices"

	"clipgo/datasets/mixture"
)

// span is the range of a part's samples in its source.
type span struct{ from, n int }

// spans are the parts of a source; a source that is no mixture is its only part.
func spans(s Source) []span {
	parts := s.Info().Parts
	if len(parts) == 0 {
		return []span{{0, s.Len()}}
	}
	out, from := make([]span, len(parts)), 0
	for i, p := range parts {
		out[i] = span{from, p.Samples}
		from += p.Samples
	}
	return out
}

// partOf is the part that a sample belongs to.
func partOf(parts []span, index int) int {
	at, found := slices.BinarySearchFunc(parts, index, func(p span, index int) int { return p.from - index })
	if !found {
		at--
	}
	return at
}

// dealt is the order of a mixture with factors.
type dealt struct {
	parts    []span
	schedule *mixture.Schedule
	orders   []permutation // of the current pass over each part
	passes   []uint64      // number of that pass
}

func newDealt(l *Loader) *dealt {
	d := &dealt{parts: spans(l.Source)}
	weights := make([]float64, len(d.parts))
	for i, p := range d.parts {
		weights[i] = l.Factors[i] * float64(p.n)
	}
	d.schedule = mixture.New(weights, func(division int) uint64 { return mix(l.Seed, 0, uint64(division), divisionKey) })
	d.orders, d.passes = make([]permutation, len(d.parts)), make([]uint64, len(d.parts))
	return d
}

// weighted is the place of a slot of a mixture with factors: the parts are dealt out by weight, and each is passed through again and
// again in permutations of its own, so that a part's sample comes again only after all of its samples came.
func (w *walk) weighted(slot int64) place {
	if w.dealt == nil {
		w.dealt = newDealt(w.loader)
	}
	d := w.dealt
	part, before := d.schedule.At(uint64(slot))
	p := d.parts[part]
	pass, offset := before/uint64(p.n), before%uint64(p.n)
	if d.orders[part].n == 0 || d.passes[part] != pass {
		d.passes[part], d.orders[part] = pass, newPermutation(p.n, mix(w.loader.Seed, 0, uint64(part), partKey), pass)
	}
	return place{epoch: pass, index: p.from + int(d.orders[part].at(offset))}
}

// replacement is the sample to try in place of an unusable one: any of the source or, with factors, of the same part, so that the parts
// keep their shares.
func (l *Loader) replacement(unusable place, try int) place {
	all := span{0, l.Source.Len()}
	if len(l.Factors) > 0 {
		parts := spans(l.Source)
		all = parts[partOf(parts, unusable.index)]
	}
	return replacement(l.Seed, all.from, all.n, unusable, try)
}

// sourceOf is the name of the source that a slot's own sample is from.
func (l *Loader) sourceOf(s Slot) string {
	info := l.Source.Info()
	if len(info.Parts) == 0 {
		return info.Name
	}
	return info.Parts[s.Part].Name
}

// checkFactors refuses factors that don't fit the source.
func (l *Loader) checkFactors() error {
	if len(l.Factors) == 0 {
		return nil
	}
	parts := spans(l.Source)
	if len(parts) != len(l.Factors) || l.Order == Sequential {
		return fmt.Errorf("loader: %d factors for %d sources in order %d", len(l.Factors), len(parts), l.Order)
	}
	if _, ok := streamOf(l.Source); ok {
		return &DataError{Source: l.Source.Info().Name,
			Reason: "data that can only be read in sequence can't have factors; unpack it, or leave them out"}
	}
	for i, p := range parts {
		if !(l.Factors[i] > 0) || math.IsInf(l.Factors[i], 0) {
			return fmt.Errorf("loader: factor %g is not a positive number", l.Factors[i])
		}
		if p.n == 0 {
			return &DataError{Source: l.Source.Info().Parts[i].Name, Reason: "there are no samples"}
		}
	}
	return nil
}
