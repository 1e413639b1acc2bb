package jpeg

import (
	"encoding/binary"
	"errors"
	"fmt"
)

// The markers of ITU-T T.81, table B.1, that matter here.
const (
	tem   = 0x01
	sof0  = 0xC0
	sof2  = 0xC2
	dht   = 0xC4
	jpg   = 0xC8
	dac   = 0xCC
	sof15 = 0xCF
	rst0  = 0xD0
	rst7  = 0xD7
	soi   = 0xD8
	eoi   = 0xD9
	sos   = 0xDA
	dri   = 0xDD
)

// frame holds a frame header (SOFn).
type frame struct {
	marker        byte
	width, height int
	components    int
	hmax, vmax    int    // largest sampling factors
	parts         []byte // three bytes for each component: name, sampling factors, table
}

// fits reports whether n bytes can be a complete file: Huffman coding takes at least one bit for each block, so at least one for each
// group of blocks (MCU).
func (f frame) fits(n int) bool {
	if f.marker > sof2 {
		return true // arithmetic coding can take less
	}
	across := ceilDiv(f.width, 8*f.hmax)
	down := ceilDiv(f.height, 8*f.vmax)
	return across*down <= 8*n
}

// supported refuses numbers of components that no kind of pixel has.
func (f frame) supported() error {
	if f.components == 2 || f.components > 4 {
		return fmt.Errorf("jpeg: unsupported: %d components", f.components)
	}
	return nil
}

// stored is the number of samples of all components, before any are interpolated.
func (f frame) stored() (n int) {
	across, down := ceilDiv(f.width, 8*f.hmax), ceilDiv(f.height, 8*f.vmax)
	for c := f.parts; len(c) > 0; c = c[3:] {
		h, v := int(c[1]>>4), int(c[1]&15)
		if f.components == 1 {
			h, v = 1, 1
		}
		n += across * down * 64 * h * v
	}
	return n
}

func ceilDiv(a, b int) int { return (a + b - 1) / b }

// readFrame reads the file's first frame header.
func readFrame(file []byte) (frame, error) {
	s, err := newSegments(file)
	if err != nil {
		return frame{}, err
	}
	for {
		marker, body, err := s.next()
		switch {
		case err != nil:
			return frame{}, err
		case isFrame(marker):
			return parseFrame(marker, body)
		case marker == sos || marker == eoi:
			return frame{}, errors.New("jpeg: corrupt: no frame header before the picture's data")
		}
	}
}

func isFrame(marker byte) bool {
	return marker >= sof0 && marker <= sof15 && marker != dht && marker != jpg && marker != dac
}

func parseFrame(marker byte, body []byte) (frame, error) {
	if len(body) < 6 || len(body) != 6+3*int(body[5]) {
		return frame{}, errors.New("jpeg: corrupt: frame header has a wrong length")
	}
	f := frame{
		marker: marker, components: int(body[5]), hmax: 1, vmax: 1,
		parts:  body[6:],
		height: int(binary.BigEndian.Uint16(body[1:])), width: int(binary.BigEndian.Uint16(body[3:])),
	}
	if f.width == 0 || f.height == 0 || f.components == 0 {
		return frame{}, fmt.Errorf("jpeg: corrupt: %d x %d pixels of %d components", f.width, f.height, f.components)
	}
	if body[0] != 8 {
		return frame{}, fmt.Errorf("jpeg: unsupported: %d bits a sample", body[0])
	}
	for c := f.parts; len(c) > 0; c = c[3:] {
		h, v := int(c[1]>>4), int(c[1]&15)
		if h < 1 || h > 4 || v < 1 || v > 4 {
			return frame{}, fmt.Errorf("jpeg: corrupt: sampling factors %d x %d", h, v)
		}
		f.hmax, f.vmax = max(f.hmax, h), max(f.vmax, v)
	}
	if f.components == 1 {
		f.hmax, f.vmax = 1, 1 // a single component is never grouped
	}
	return f, nil
}

// segments iterates over a file's marker segments.
type segments struct{ rest []byte }

func newSegments(file []byte) (*segments, error) {
	if len(file) < 2 || file[0] != 0xFF || file[1] != soi {
		return nil, errors.New("jpeg: not a JPEG file")
	}
	return &segments{rest: file[2:]}, nil
}

var errTruncated = errors.New("jpeg: corrupt: truncated")

// next returns the next segment's marker and its content after the length.
func (s *segments) next() (marker byte, body []byte, err error) {
	if len(s.rest) > 0 && s.rest[0] != 0xFF {
		return 0, nil, errors.New("jpeg: corrupt: stray bytes where a marker belongs")
	}
	for len(s.rest) > 0 && s.rest[0] == 0xFF { // any number of 0xFF may precede a marker
		s.rest = s.rest[1:]
	}
	if len(s.rest) == 0 {
		return 0, nil, errTruncated
	}
	marker, s.rest = s.rest[0], s.rest[1:]
	switch {
	case marker == eoi || marker == tem:
		return marker, nil, nil
	case marker < sof0 || marker >= rst0 && marker <= soi:
		return 0, nil, fmt.Errorf("jpeg: corrupt: marker %#02x has no place here", marker)
	case len(s.rest) < 2:
		return 0, nil, errTruncated
	}
	n := int(binary.BigEndian.Uint16(s.rest))
	if n < 2 {
		return 0, nil, fmt.Errorf("jpeg: corrupt: segment %#02x of length %d", marker, n)
	}
	if n > len(s.rest) {
		return 0, nil, errTruncated
	}
	body, s.rest = s.rest[2:n], s.rest[n:]
	return marker, body, nil
}
