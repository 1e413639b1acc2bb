package losses

import (
	"math/rand/v2"
	"slices"
)

// BERT's rule (Devlin et al., 2019, section 3.1): 15 % of the tokens are chosen; of those 80 % become [MASK], 10 % a random token,
// and the rest stays unchanged.
const (
	ChosenShare = 0.15
	MaskShare   = 0.8
	RandomShare = 0.1
)

// Masked holds masked captions: the model's input and its targets. Positions index IDs.
type Masked struct {
	IDs     []int32 // the captions, with the random tokens inserted
	Hidden  []int   // positions, ascending, that the model must read as [MASK]
	Chosen  []int   // positions, ascending, that the loss counts: hidden, random and unchanged ones
	Targets []int64 // the original token at each chosen position
}

// Captions are the input of Mask: rows of L ids each.
type Captions struct {
	IDs     []int32
	L       int
	Lengths []int    // number of ids of each caption before the padding
	Keys    []uint64 // random key of each caption, a function of (seed, epoch, sample): a resumed run draws the same masks
}

// Vocabulary describes the ids that may be masked or drawn.
type Vocabulary struct {
	Size    int     // ids are [0, Size)
	Special []int32 // special tokens such as start and end: neither chosen nor drawn
}

// Mask applies BERT's rule. The result for a caption depends only on its key and its ids. A caption may have no chosen position.
func Mask(c Captions, v Vocabulary) Masked {
	const purpose = 0x6d61736b // "mask": separates these draws from other uses of the key
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

// choose decides what the model reads at a chosen position: [MASK], a random token or the original one.
func (m *Masked) choose(at int, rng *rand.Rand, v Vocabulary) {
	m.Chosen, m.Targets = append(m.Chosen, at), append(m.Targets, int64(m.IDs[at]))
	switch u := rng.Float64(); {
	case u < MaskShare:
		m.Hidden = append(m.Hidden, at)
	case u < MaskShare+RandomShare:
		m.IDs[at] = v.word(rng)
	}
}

// word draws a random token that isn't special.
func (v Vocabulary) word(rng *rand.Rand) int32 {
	for {
		if id := int32(rng.IntN(v.Size)); !slices.Contains(v.Special, id) {
			return id
		}
	}
}
