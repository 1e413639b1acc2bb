//go:build !turbojpeg || !cgo

package jpeg

import (
	"bytes"
	"errors"
	"fmt"
	"image"
	std "image/jpeg"

	"github.com/gen2brain/jpegn"
)

// Library names the decoder and its version.
func Library() string { return "jpegn 0.6.1 (pure Go)" }

func decode(file []byte, f frame) (*Picture, error) {
	if err := checkComplete(file); err != nil {
		return nil, err
	}
	im, err := planes(file)
	if err != nil {
		return nil, err
	}
	if b := im.Bounds(); b.Dx() != f.width || b.Dy() != f.height {
		return nil, errors.New("jpeg: corrupt: two headers disagree")
	}
	return assemble(im, f)
}

// planes decodes a file to what it stores, mostly planes that are not upsampled yet.
func planes(file []byte) (im image.Image, err error) {
	defer func() {
		if r := recover(); r != nil {
			im, err = nil, fmt.Errorf("jpeg: corrupt: the decoder panics: %v", r)
		}
	}()
	im, err = jpegn.Decode(bytes.NewReader(file))
	if errors.Is(err, jpegn.ErrUnsupported) {
		im, err = std.Decode(bytes.NewReader(file))
	}
	if err != nil {
		return nil, fmt.Errorf("jpeg: corrupt: %w", err)
	}
	return im, nil
}

// checkComplete walks through the whole file up to its end marker, because jpegn accepts a file that stops early.
func checkComplete(file []byte) error {
	s, err := newSegments(file)
	if err != nil {
		return err
	}
	frames, scans := 0, 0
	for {
		marker, _, err := s.next()
		if err != nil {
			return err
		}
		switch {
		case isFrame(marker):
			frames++
		case marker == sos:
			scans++
			err = s.skipScan()
		case marker == eoi && scans == 0:
			err = errors.New("jpeg: corrupt: no picture before the end marker")
		case marker == eoi:
			return nil
		}
		switch {
		case err != nil:
			return err
		case frames > 1:
			return errors.New("jpeg: corrupt: two frame headers")
		case scans > maxScans:
			return errors.New("jpeg: unsupported: too many scans")
		}
	}
}
