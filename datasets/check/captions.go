package check

import (
	"cmp"
	"context"
	"hash/maphash"
	"math"
	"slices"

	"clipgo/datasets"
)

// Captions describes the captions. All numbers are of captions, not samples, but for Without.
type Captions struct {
	Count   int `json:"count"`
	Without int `json:"samples_without"` // samples without a caption that can be used without one
	Blank   int `json:"blank"`           // captions of which no token is left
	Context int `json:"context_length"`
	// Tokens counts those of each caption, with start and end, before it is cut. Lengths from 256 on count as 256.
	Tokens    Spread   `json:"tokens"`
	Lengths   []Length `json:"lengths"`
	Cut       int      `json:"cut"` // longer than the context
	CutShare  float64  `json:"cut_share"`
	Distinct  int      `json:"distinct"`
	Repeated  int      `json:"repeated"` // captions of a sample that another sample has too
	Repeats   float64  `json:"repeated_share"`
	Frequent  []Repeat `json:"most_frequent"`
	Scripts   []Count  `json:"scripts"`
	Truncated []Repeat `json:"cut_examples"`
	// Equal is the expected share of the pairs of a batch that another pair of the batch has the same caption as. Such pairs are wrong
	// answers for each other.
	Equal float64 `json:"equal_in_batch"`
}

// Length counts captions by their number of tokens.
type Length struct {
	From  int `json:"from"`
	To    int `json:"to"`
	Count int `json:"count"`
}

// Repeat is a caption that several samples have, or one that is cut.
type Repeat struct {
	Caption string `json:"caption"`
	Count   int    `json:"count,omitempty"`
	Tokens  int    `json:"tokens,omitempty"`
	Key     string `json:"key,omitempty"`

	at int
}

// longest is the number of tokens up to which a caption's length is counted.
const longest = 256

// textTally counts what one worker sees of the captions.
type textTally struct {
	options *Options
	seed    maphash.Seed
	ids     [longest]int32

	samples, without, blank, cut int // samples: with captions
	tokens                       spread
	lengths                      [longest + 1]int
	scripts                      map[string]int
	hashes                       []mark
	examples                     []Repeat // of captions that are cut
}

// mark is the hash of a text or a picture, and the sample that has it.
type mark struct {
	hash uint64
	at   uint32
	part bool // only of the beginning of a file
}

func newTextTally(o *Options, seed maphash.Seed) *textTally {
	return &textTally{options: o, seed: seed, scripts: map[string]int{}}
}

// add counts the captions of a sample.
func (t *textTally) add(i int, e datasets.Entry) {
	if len(e.Captions) == 0 {
		t.without++
	} else {
		t.samples++
	}
	for _, caption := range e.Captions {
		t.hashes = append(t.hashes, mark{hash: maphash.String(t.seed, caption), at: uint32(i)})
		t.scripts[familyOf(caption)]++
		if t.options.Tokens != nil {
			t.measure(i, e.Key, caption)
		}
	}
}

// measure counts a caption's tokens. A caption that is cut is tokenized again for its full length.
func (t *textTally) measure(i int, key, caption string) {
	n, cut := t.options.Tokens(t.ids[:min(t.options.ContextLength, longest)], caption)
	if cut {
		t.cut++
		n, _ = t.options.Tokens(t.ids[:], caption)
		if len(t.examples) < mostExamples {
			t.examples = append(t.examples, Repeat{Caption: short(caption), Tokens: n, Key: key, at: i})
		}
	}
	const startAndEnd = 2
	if n <= startAndEnd {
		t.blank++
	}
	t.tokens.add(int64(n))
	t.lengths[min(n, longest)]++
}

func (t *textTally) join(o *textTally) {
	t.samples, t.without, t.blank, t.cut = t.samples+o.samples, t.without+o.without, t.blank+o.blank, t.cut+o.cut
	t.tokens.join(&o.tokens)
	for i, n := range o.lengths {
		t.lengths[i] += n
	}
	for name, n := range o.scripts {
		t.scripts[name] += n
	}
	t.hashes = append(t.hashes, o.hashes...)
	t.examples = append(t.examples, o.examples...)
}

// public describes the captions.
func (t *textTally) public(ctx context.Context, s datasets.Source) Captions {
	c := Captions{Count: len(t.hashes), Without: t.without, Blank: t.blank, Context: t.options.ContextLength, Tokens: t.tokens.public(),
		Cut: t.cut, Scripts: shares(t.scripts, len(t.hashes)), Lengths: []Length{}, Frequent: []Repeat{}}
	if c.Count == 0 {
		return c
	}
	c.CutShare = float64(t.cut) / float64(c.Count)
	c.Lengths = t.ranges()
	slices.SortFunc(t.examples, func(a, b Repeat) int { return cmp.Compare(a.at, b.at) })
	c.Truncated = t.examples[:min(len(t.examples), mostExamples)]
	groups := t.repeats(&c)
	for _, g := range groups {
		if caption, ok := t.find(ctx, s, g); ok {
			c.Frequent = append(c.Frequent, Repeat{Caption: caption, Count: g.n})
		}
	}
	return c
}

// ranges counts the captions by lengths of 8 tokens, up to the context, and those above.
func (t *textTally) ranges() (out []Length) {
	const width = 8
	context := min(t.options.ContextLength, longest)
	for from := 1; from <= longest; {
		to := min(from+width-1, longest)
		switch {
		case from <= context:
			to = min(to, context)
		default:
			to = longest
		}
		n := 0
		for i := from; i <= to; i++ {
			n += t.lengths[i]
		}
		out = append(out, Length{from, to, n})
		from = to + 1
	}
	return out
}

// group is a text that several samples have.
type group struct {
	mark
	n int
}

// mostFrequent is the number of captions that are shown.
const mostFrequent = 8

// repeats counts the captions that several samples have, and returns the most frequent ones.
func (t *textTally) repeats(c *Captions) (top []group) {
	slices.SortFunc(t.hashes, compareMarks)
	t.hashes = slices.Compact(t.hashes) // a sample may have a caption twice
	batch := float64(max(t.options.BatchSize, 1))
	each := float64(len(t.hashes)) / float64(max(t.samples, 1)) // captions of a sample, of which a batch has one
	alone := 0.0
	for g := range groups(t.hashes) {
		c.Distinct++
		others := float64(len(g)-1) / each / float64(max(t.samples-1, 1))
		alone += float64(len(g)) * math.Pow(1-min(others, 1), batch-1)
		if len(g) == 1 {
			continue
		}
		c.Repeated += len(g)
		top = append(top, group{g[0], len(g)})
		if len(top) > 64*mostFrequent {
			top = mostOf(top)
		}
	}
	c.Repeats = float64(c.Repeated) / float64(len(t.hashes))
	c.Equal = max(1-alone/float64(len(t.hashes)), 0)
	return mostOf(top)
}

func mostOf(all []group) []group {
	slices.SortFunc(all, func(a, b group) int { return cmp.Or(cmp.Compare(b.n, a.n), cmp.Compare(a.at, b.at)) })
	return all[:min(len(all), mostFrequent)]
}

func compareMarks(a, b mark) int { return cmp.Or(cmp.Compare(a.hash, b.hash), cmp.Compare(a.at, b.at)) }

// groups iterates over the runs of equal hashes of sorted marks.
func groups(marks []mark) func(yield func([]mark) bool) {
	return func(yield func([]mark) bool) {
		for from := 0; from < len(marks); {
			to := from + 1
			for to < len(marks) && marks[to].hash == marks[from].hash {
				to++
			}
			if !yield(marks[from:to]) {
				return
			}
			from = to
		}
	}
}

// find is the caption of a group.
func (t *textTally) find(ctx context.Context, s datasets.Source, g group) (string, bool) {
	e, err := s.Entry(context.WithoutCancel(ctx), int(g.at))
	if err != nil {
		return "", false
	}
	for _, caption := range e.Captions {
		if maphash.String(t.seed, caption) == g.hash {
			return short(caption), true
		}
	}
	return "", false
}

// short is a caption as a page shows it.
func short(caption string) string {
	const most = 400
	runes := []rune(caption)
	if len(runes) <= most {
		return caption
	}
	return string(runes[:most]) + "..."
}

// shares are counts by name with their shares of all, the largest first.
func shares(counts map[string]int, all int) []Count {
	out := []Count{}
	for name, n := range counts {
		out = append(out, Count{name, n, float64(n) / float64(max(all, 1))})
	}
	slices.SortFunc(out, func(a, b Count) int { return cmp.Or(cmp.Compare(b.Count, a.Count), cmp.Compare(a.Name, b.Name)) })
	return out
}
