package preprocess

// groups are an axis's weights for kernels that multiply 16-bit numbers: taps come in groups of four, and a weight is
// split in two, 2048*high + low. The last group of an output may be padded with weights of 0.
type groups struct {
	made    bool
	spans   []span
	weights []int16 // of a group: high of taps 0 and 1, low of them, high of taps 2 and 3, low of them
	end     int     // upper bound of the inputs that padding reads
}

// span is an output's first input and its number of groups.
type span struct{ first, groups int32 }

const (
	groupSize = 4
	lowBits   = 11
)

// group fills the groups from the weights. It returns false if a weight is too large, which no filter's is in practice.
func (a *axis) group() bool {
	g := &a.groups
	if g.made {
		return g.end > 0
	}
	g.made, g.end = true, 0
	n := (a.size + groupSize - 1) / groupSize
	g.spans, g.weights = grow(g.spans, len(a.first)), grow(g.weights, len(a.first)*n*2*groupSize)
	at, end := 0, 0
	for i, first := range a.first {
		k := a.weights[i*a.size:][:a.count[i]]
		g.spans[i] = span{int32(first), int32((len(k) + groupSize - 1) / groupSize)}
		for x := 0; x < len(k); x += groupSize {
			if !split(g.weights[at:at+2*groupSize], k[x:min(x+groupSize, len(k))]) {
				return false
			}
			at += 2 * groupSize
			end = max(end, first+x+groupSize)
		}
	}
	g.end = end
	return true
}

// split writes up to four weights in the order that a group has.
func split(out []int16, k []int64) bool {
	clear(out)
	for i, w := range k {
		at := i/2*4 + i%2
		high := w >> lowBits
		if high != int64(int16(high)) {
			return false
		}
		out[at], out[at+2] = int16(high), int16(w&(1<<lowBits-1))
	}
	return true
}
