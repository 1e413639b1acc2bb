package losses

import (
	"math/rand/v2"
	"slices"
)

// BERT's rule (Devlin et al., 2019, section 3.1): so much of the tokens is chosen; of the chosen ones, so much becomes [MASK],
// so much another token at random, and the rest stays as it is.
const (
	ChosenShare = 0.15
	MaskShare   = 0.8
	RandomShare = 0.1
)

// Masked is what became of captions: what the model reads, and what it must restore.
type Masked struct {
	IDs     []int32 // the captions, with random tokens in their places
	Hidden  []int   // places in IDs, ascending, that the model must not read: they are [MASK]
	Chosen  []int   // places, ascending, that count: the hidden, the random and the unchanged ones
	Targets []int64 // the token of each chosen place
}

// Captions are what Mask works on: rows of L ids each.
type Captions struct {
	IDs     []int32
	L       int
	Lengths []int    // of each caption: its ids before the padding
	Keys    []uint64 // of each: a function of (seed, epoch, sample), so that masks need no state and a resumed run draws the same
}

// Vocabulary says which ids are words.
type Vocabulary struct {
	Size    int     // ids are [0, Size)
	Special []int32 // those that are no words, as start and end: neither chosen nor drawn
}

// Mask applies the rule. What happens to a caption depends on its key and its ids alone. A caption may have none chosen.
func Mask(c Captions, v Vocabulary) Masked {
	const purpose = 0x6d61736b // "mask": apart from what else is drawn from the key
	m := Masked{IDs: slices.Clone(c.IDs)}
	for i, key := range c.Keys {
		rng := rand.New(rand.NewPCG(key, purpose))
		for at := i * c.L; at < i*c.L+c.Lengths[i]; at++ {
			if !slices.Contains(v.Special, c.IDs[at]) && rng.Float64() < ChosenShare {
				m.choose(at, rng, v)
			}
		}
	}
	return m
}

// choose decides what a chosen place shows.
func (m *Masked) choose(at int, rng *rand.Rand, v Vocabulary) {
	m.Chosen, m.Targets = append(m.Chosen, at), append(m.Targets, int64(m.IDs[at]))
	switch u := rng.Float64(); {
	case u < MaskShare:
		m.Hidden = append(m.Hidden, at)
	case u < MaskShare+RandomShare:
		m.IDs[at] = v.word(rng)
	}
}

// word is one at random.
func (v Vocabulary) word(rng *rand.Rand) int32 {
	for {
		if id := int32(rng.IntN(v.Size)); !slices.Contains(v.Special, id) {
			return id
		}
	}
}
