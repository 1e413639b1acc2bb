package losses

import "math/rand/v2"

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

// Vocabulary says which tokens of a caption may be chosen and which may stand in at random.
type Vocabulary struct {
	Size int // random tokens are drawn from [0, Size)
	// Words gives the stretch of a caption's ids that holds its own tokens: no start, no end, no padding.
	Words func(caption []int32) (from, to int)
}

// Mask applies the rule to captions of l ids each. What happens to a caption depends on its key and its words alone; the key is
// a function of (seed, epoch, sample), so that masks need no state and a resumed run draws the same. A caption
// of at least one word may have none chosen.
func Mask(ids []int32, l int, keys []uint64, v Vocabulary) Masked {
	const purpose = 0x6d61736b // "mask": apart from what else is drawn from the key
	m := Masked{IDs: append([]int32(nil), ids...)}
	for c, key := range keys {
		row := c * l
		from, to := v.Words(ids[row : row+l])
		rng := rand.New(rand.NewPCG(key, purpose))
		for i := row + from; i < row+to; i++ {
			if rng.Float64() < ChosenShare {
				m.choose(i, rng, v.Size)
			}
		}
	}
	return m
}

// choose decides what a chosen place shows.
func (m *Masked) choose(i int, rng *rand.Rand, size int) {
	m.Chosen, m.Targets = append(m.Chosen, i), append(m.Targets, int64(m.IDs[i]))
	switch u := rng.Float64(); {
	case u < MaskShare:
		m.Hidden = append(m.Hidden, i)
	case u < MaskShare+RandomShare:
		m.IDs[i] = int32(rng.IntN(size))
	}
}
