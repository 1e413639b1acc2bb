package datasets

import "math/bits"

// Order is the order of the samples in each epoch of a Loader.
type Order int

// The orders.
const (
	Sequential Order = iota // for evaluation: the source's order, the first caption of each sample, unusable samples left out
	Shuffled                // for training: a random order for each epoch, a random caption, unusable samples replaced
)

// Purposes make the random numbers of one sample independent of each other.
const (
	orderKey uint64 = iota + 1
	pixelsKey
	dropKey
	captionKey
	poolKey
	replaceKey
	bufferKey
	partKey
	divisionKey
)

// tries is the number of samples that are tried in place of an unusable one before its slot stays empty. If half of all samples are
// unusable, one in 65,536 of their slots stays empty.
const tries = 16

// replacement is the sample to try in place of an unusable one. It is drawn from n samples, those from number from on, and depends on the
// arguments alone, so every process finds the same replacement for the same unusable sample.
func replacement(seed uint64, from, n int, unusable place, try int) place {
	salt := scramble(mix(seed, unusable.epoch, uint64(unusable.index), replaceKey) ^ uint64(try))
	index, _ := bits.Mul64(salt, uint64(n)) // in [0, n)
	return place{unusable.epoch, from + int(index), scramble(salt)}
}

// mix is a hash of its arguments, used as a random number.
func mix(seed, epoch, index, purpose uint64) uint64 {
	return scramble(scramble(scramble(scramble(purpose)^seed)^epoch) ^ index)
}

// scramble is a bijection of 64 bits: a step of SplitMix64.
func scramble(x uint64) uint64 {
	x += 0x9e3779b97f4a7c15
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}

const feistelRounds = 6

// permutation is a keyed bijection of [0, n) in constant memory: a Feistel network on the next even number of bits, applied repeatedly
// until the result is below n (less than four times on average).
type permutation struct {
	n      uint64
	half   int // bits
	rounds [feistelRounds]uint64
}

// newPermutation is the order of an epoch of n samples, n > 0.
func newPermutation(n int, seed, epoch uint64) permutation {
	p := permutation{n: uint64(n), half: max(1, (bits.Len64(uint64(n-1))+1)/2)}
	for r := range p.rounds {
		p.rounds[r] = mix(seed, epoch, uint64(r), orderKey)
	}
	return p
}

// at is the number at position i, i < n.
func (p *permutation) at(i uint64) uint64 {
	i = p.network(i)
	for i >= p.n {
		i = p.network(i)
	}
	return i
}

func (p *permutation) network(x uint64) uint64 {
	left, right := x>>p.half, x&(1<<p.half-1)
	for _, k := range p.rounds {
		left, right = right, left^scramble(right^k)>>(64-p.half)
	}
	return left<<p.half | right
}
