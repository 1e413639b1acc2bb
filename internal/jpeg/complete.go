//go:build !turbojpeg || !cgo

package jpeg

import (
	"bytes"
	"encoding/binary"
	"errors"
)

// checkComplete checks that the file is complete up to its end marker, which none of the decoders does. It compares the number of each
// scan's restart markers with its blocks, and reports whether there are restart markers.
func checkComplete(file []byte) (restarts bool, err error) {
	s, err := newSegments(file)
	if err != nil {
		return false, err
	}
	w := walk{segments: s}
	for {
		marker, body, err := s.next()
		if err == nil {
			err = w.visit(marker, body)
		}
		if err != nil || marker == eoi {
			return w.restarts, err
		}
	}
}

// walk is the state of checkComplete.
type walk struct {
	*segments
	frame         frame
	frames, scans int
	interval      int // restart interval in force; 0: none
	restarts      bool
}

func (w *walk) visit(marker byte, body []byte) (err error) {
	switch {
	case isFrame(marker):
		w.frames++
		w.frame, err = parseFrame(marker, body)
	case marker == dri && len(body) == 2:
		w.interval = int(binary.BigEndian.Uint16(body))
	case marker == sos:
		w.scans++
		err = w.scan(body)
	case marker == eoi && w.scans == 0:
		err = errors.New("jpeg: corrupt: no picture before the end marker")
	}
	switch {
	case err != nil:
		return err
	case w.frames > 1:
		return errors.New("jpeg: corrupt: two frame headers")
	case w.scans > maxScans:
		return errors.New("jpeg: unsupported: too many scans")
	}
	return nil
}

// scan skips a scan's coded data, which has a restart marker between consecutive intervals.
func (w *walk) scan(header []byte) error {
	found, err := w.skipScan()
	if err != nil || w.interval == 0 {
		return err
	}
	w.restarts = true
	if found < ceilDiv(w.frame.units(header), w.interval)-1 {
		return errors.New("jpeg: corrupt: a scan stops early")
	}
	return nil
}

// units is the number of units of a scan (T.81, A.2): the blocks of a single component, or the groups of blocks (MCUs) of several.
func (f frame) units(header []byte) int {
	if len(header) < 2 || header[0] != 1 {
		return ceilDiv(f.width, 8*f.hmax) * ceilDiv(f.height, 8*f.vmax)
	}
	for c := f.parts; len(c) >= 3; c = c[3:] {
		if c[0] == header[1] {
			h, v := min(int(c[1]>>4), f.hmax), min(int(c[1]&15), f.vmax)
			return ceilDiv(ceilDiv(f.width*h, f.hmax), 8) * ceilDiv(ceilDiv(f.height*v, f.vmax), 8)
		}
	}
	return 0
}

// skipScan advances to the marker after a scan's coded data, and counts the restart markers before it.
func (s *segments) skipScan() (restarts int, err error) {
	for {
		i := bytes.IndexByte(s.rest, 0xFF)
		if i < 0 || i+1 == len(s.rest) {
			return restarts, errTruncated
		}
		switch m := s.rest[i+1]; {
		case m == 0:
			s.rest = s.rest[i+2:]
		case m >= rst0 && m <= rst7:
			restarts++
			s.rest = s.rest[i+2:]
		case m == 0xFF:
			s.rest = s.rest[i+1:]
		default:
			s.rest = s.rest[i:]
			return restarts, nil
		}
	}
}
