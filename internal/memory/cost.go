package memory

// Sample is the measured memory of a step.
type Sample struct {
	Pairs int
	Bytes int64
}

// Cost is a linear model of a step's memory by the number of pairs.
type Cost struct{ fixed, pair float64 }

// Through returns the line through two samples, of which the second has more pairs. Its slope is not negative.
func Through(a, b Sample) Cost {
	pair := max(0, float64(b.Bytes-a.Bytes)/float64(b.Pairs-a.Pairs))
	return Cost{fixed: float64(b.Bytes) - pair*float64(b.Pairs), pair: pair}
}

// Of is the memory of a step of n pairs, in bytes.
func (c Cost) Of(n int) int64 { return int64(c.fixed + c.pair*float64(n)) }

// Most is the largest power of two, up to a limit, of pairs that fit; 0 if not even one fits. It is a power of two so that
// small differences in free memory don't change it.
func Most(limit int, fits func(n int) bool) int {
	most := 0
	for n := 1; n <= limit && fits(n); n *= 2 {
		most = n
	}
	return most
}
