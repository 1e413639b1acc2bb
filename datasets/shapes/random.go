package shapes

// stream is a sequence of random numbers that depends on its key alone (SplitMix64).
type stream uint64

// purpose makes the random choices of one sample independent of each other.
type purpose uint64

const (
	forCombination purpose = iota + 1
	forNoise
	forPicture
	forPreference
	forSide
	forCount
)

func (s *stream) next() uint64 {
	*s += 0x9e3779b97f4a7c15
	return mix(uint64(*s))
}

func mix(z uint64) uint64 {
	z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
	z = (z ^ z>>27) * 0x94d049bb133111eb
	return z ^ z>>31
}

// unit is uniform in [0, 1).
func (s *stream) unit() float64 { return float64(s.next()>>11) / (1 << 53) }

// between is uniform in [low, high).
func (s *stream) between(low, high float64) float64 { return low + (high-low)*s.unit() }

// below is uniform in 0..n-1, for n far below 2^64.
func (s *stream) below(n int) int { return int(s.next() % uint64(n)) }

// stream is the random numbers for one purpose of sample i.
func (s *Set) stream(i int, p purpose) stream {
	key := mix(s.config.Seed + 0x9e3779b97f4a7c15)
	key = mix(key ^ uint64(s.config.Split+1)<<32 ^ uint64(p))
	return stream(mix(key + uint64(i)))
}
