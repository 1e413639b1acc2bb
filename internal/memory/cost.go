package memory

// Sample is what a step of some pairs was seen to take.
type Sample struct {
	Pairs int
	Bytes int64
}

// Cost is a straight line: what a step takes by its pairs.
type Cost struct{ fixed, pair float64 }

// Through is the line through two samples, the second of more pairs. It doesn't fall.
func Through(a, b Sample) Cost {
	pair := max(0, float64(b.Bytes-a.Bytes)/float64(b.Pairs-a.Pairs))
	return Cost{fixed: float64(b.Bytes) - pair*float64(b.Pairs), pair: pair}
}

// Of is the bytes of a step of n pairs.
func (c Cost) Of(n int) int64 { return int64(c.fixed + c.pair*float64(n)) }

// Most is the largest power of two up to a limit that fits; 0: not even 1. Powers of two keep the answer the same where a little
// more or less memory is free.
func Most(limit int, fits func(n int) bool) int {
	most := 0
	for n := 1; n <= limit && fits(n); n *= 2 {
		most = n
	}
	return most
}
