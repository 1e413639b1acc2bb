package preprocess

import "slices"

// runs decodes run lengths of 8 or 4 bits, with Pillow's treatment of rows that end early (the rest has index 0) and of skipped pixels.
func (b *bmpFile) runs(d *decoding, m mode) (*Image, error) {
	if b.pixels > len(b.file) {
		return nil, errBMPEnds
	}
	goal := b.width * b.height
	d.reserve(goal * (1 + d.pixelBytes(m)))
	r := bmpRuns{rest: b.file[b.pixels:], start: b.pixels, width: b.width, goal: goal, four: b.compression == bmpRLE4,
		out: make([]uint8, 0, goal)} // at once: a growing slice takes several times as much
	r.all()
	if len(r.out) < goal {
		return nil, errBMPEnds
	}
	out := d.canvas(m, b.width, b.height, b.colors, nil)
	for i := range b.height {
		out.row(b.line(i), r.out[i*b.width:][:b.width])
	}
	return out.im, nil
}

// bmpRuns is the state of decoding run lengths.
type bmpRuns struct {
	rest        []byte
	start       int // offset of rest in the file, for the alignment to two bytes
	out         []uint8
	x           int
	width, goal int
	four        bool
}

func (r *bmpRuns) take(n int) []byte {
	n = min(n, len(r.rest))
	out := r.rest[:n]
	r.rest, r.start = r.rest[n:], r.start+n
	return out
}

// all decodes to the end of the picture or of the data.
func (r *bmpRuns) all() {
	for len(r.out) < r.goal {
		code := r.take(2)
		if len(code) < 2 {
			return
		}
		switch {
		case code[0] > 0:
			r.repeat(min(int(code[0]), max(r.width-r.x, 0)), code[1])
		case code[1] == 0:
			r.zeros((r.width - len(r.out)%r.width) % r.width)
			r.x = 0
		case code[1] == 1:
			return
		case code[1] == 2:
			jump := r.take(2)
			if len(jump) < 2 {
				return
			}
			r.zeros(min(r.goal-len(r.out), int(jump[0])+int(jump[1])*r.width))
			r.x = len(r.out) % r.width
		default:
			if !r.literal(int(code[1])) {
				return
			}
		}
	}
}

func (r *bmpRuns) zeros(n int) {
	from := len(r.out)
	r.out = slices.Grow(r.out, n)[:from+n]
	clear(r.out[from:])
}

func (r *bmpRuns) repeat(n int, v uint8) {
	for i := range n {
		switch {
		case !r.four:
			r.out = append(r.out, v)
		case i%2 == 0:
			r.out = append(r.out, v>>4)
		default:
			r.out = append(r.out, v&15)
		}
	}
	r.x += n
}

// literal copies n pixels. It returns false at the end of the data.
func (r *bmpRuns) literal(n int) bool {
	count := min(r.goal-len(r.out), n)
	size := count
	if r.four {
		size = (count + 1) / 2
	}
	data := r.take(size)
	for i, v := range data {
		switch {
		case !r.four:
			r.out = append(r.out, v)
		case 2*i+1 < count:
			r.out = append(r.out, v>>4, v&15)
		default:
			r.out = append(r.out, v>>4)
		}
	}
	if len(data) < size || len(r.out) == r.goal {
		return false
	}
	r.x += n
	if r.start%2 != 0 {
		r.take(1)
	}
	return true
}
