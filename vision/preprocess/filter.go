package preprocess

import "math"

// filter is one of Pillow's resampling filters.
type filter uint8

const (
	nearest filter = iota
	box
	bilinear
	hamming
	bicubic
	lanczos
)

func filterNamed(name string) filter {
	if name == "bilinear" {
		return bilinear
	}
	return bicubic
}

// support is the filter's radius, in pixels of the coarser grid.
func (f filter) support() float64 {
	switch f {
	case box:
		return 0.5
	case bilinear, hamming:
		return 1
	case lanczos:
		return 3
	}
	return 2
}

// at is the filter's weight at distance x from its centre, in pixels. The conversions prevent fused multiply-adds, which would round
// differently on some machines.
func (f filter) at(x float64) float64 {
	switch f {
	case box:
		if x > -0.5 && x <= 0.5 {
			return 1
		}
		return 0
	case bilinear:
		return max(1-math.Abs(x), 0)
	case hamming:
		x = math.Abs(x)
		if x == 0 {
			return 1
		}
		if x >= 1 {
			return 0
		}
		x *= math.Pi
		return math.Sin(x) / x * (0.54 + float64(0.46*math.Cos(x)))
	case lanczos:
		if x < -3 || x >= 3 {
			return 0
		}
		return sinc(x) * sinc(x/3)
	}
	return cubic(math.Abs(x))
}

// cubic is Keys' kernel with a = -0.5.
func cubic(x float64) float64 {
	const a = -0.5
	switch {
	case x < 1:
		return float64((float64((a+2)*x)-(a+3))*x*x) + 1
	case x < 2:
		return (float64((float64((x-5)*x)+8)*x) - 4) * a
	}
	return 0
}

func sinc(x float64) float64 {
	if x == 0 {
		return 1
	}
	x *= math.Pi
	return math.Sin(x) / x
}

// axis holds the weights of one direction of a resize, for the outputs that are computed. They are kept, since pictures of the same size
// often follow each other.
type axis struct {
	made    design
	from    int   // the first input that is present
	first   []int // first input of each output
	count   []int // number of inputs of each output
	size    int   // stride of the weights
	exact   []float64
	weights []int64 // exact in fixed point
	groups  groups  // the same for a kernel that takes taps by four
}

// design holds the parameters of an axis.
type design struct {
	filter filter
	line   line
}

// line describes one direction: count of the out outputs, from the from-th on, are computed of the in inputs between
// lo and hi.
type line struct {
	in, out     int
	lo, hi      float32
	from, count int
}

const (
	precision = 22
	half      = 1 << (precision - 1)
)

// compute follows Pillow's precompute_coeffs and normalize_coeffs_8bpc.
func (a *axis) compute(f filter, l line) {
	a.from = 0
	if a.made == (design{f, l}) {
		return
	}
	a.made, a.groups.made = design{f, l}, false
	scale := float64(l.hi-l.lo) / float64(l.out)
	stretch := max(scale, 1)
	support := float64(f.support() * stretch)
	a.size = int(math.Ceil(support))*2 + 1
	a.first, a.count = grow(a.first, l.count), grow(a.count, l.count)
	a.exact, a.weights = grow(a.exact, l.count*a.size), grow(a.weights, l.count*a.size)
	for i := range l.count {
		center := float64(l.lo) + float64((float64(l.from+i)+0.5)*scale)
		first := max(int(center-support+0.5), 0)
		n := min(int(center+support+0.5), l.in) - first
		a.first[i], a.count[i] = first, n
		k := a.exact[i*a.size:][:n]
		sum := 0.0
		for x := range k {
			k[x] = f.at((float64(x+first) - center + 0.5) * (1 / stretch))
			sum += k[x]
		}
		for x := range k {
			if sum != 0 {
				k[x] /= sum
			}
			a.weights[i*a.size+x] = int64(math.Copysign(0.5, k[x]) + float64(k[x]*(1<<precision)))
		}
	}
}

// taps returns the first input of output i and the inputs' weights.
func (a *axis) taps(i int) (first int, weights []int64) {
	return a.first[i] - a.from, a.weights[i*a.size:][:a.count[i]]
}

// reach is the range of inputs that the outputs need. Both ends are monotonic in the output.
func (a *axis) reach() (lo, hi int) {
	last := len(a.first) - 1
	return a.first[0], a.first[last] + a.count[last]
}

// grow returns a slice of n elements with unspecified values; it reuses s's memory if that is large enough.
func grow[T any](s []T, n int) []T {
	if cap(s) < n {
		return make([]T, n)
	}
	return s[:n]
}
