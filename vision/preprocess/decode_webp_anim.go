package preprocess

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
)

// firstFrame makes a still WebP file of an animation's first frame; other files are returned unchanged. A first frame that covers only a
// part of the canvas is an error, since encoders don't write one.
func firstFrame(file []byte) ([]byte, error) {
	var canvas [2]int
	for kind, body := range riffChunks(file) {
		switch {
		case kind == "VP8X" && len(body) == 10 && body[0]&webpIsAnimated != 0:
			canvas = [2]int{1 + uint24(body[4:]), 1 + uint24(body[7:])}
		case kind == "ANMF" && len(body) >= frameHeader && canvas != [2]int{}:
			frame := [4]int{uint24(body), uint24(body[3:]), 1 + uint24(body[6:]), 1 + uint24(body[9:])}
			if frame != [4]int{0, 0, canvas[0], canvas[1]} {
				return nil, fmt.Errorf("webp: an animation whose first frame, %d x %d, is not all of its canvas, %d x %d, is not supported",
					frame[2], frame[3], canvas[0], canvas[1])
			}
			return still(canvas, body[frameHeader:]), nil
		case canvas == [2]int{}:
			return file, nil
		}
	}
	if canvas != [2]int{} {
		return nil, errors.New("webp: an animation without a frame before the file ends")
	}
	return file, nil
}

// frameHeader is the length of an ANMF chunk's header: position, size, duration, flags.
const frameHeader = 16

// still wraps a frame's chunks in a file; with a plane of alpha it needs the extended header.
func still(canvas [2]int, chunks []byte) []byte {
	var b bytes.Buffer
	b.WriteString("RIFF\x00\x00\x00\x00WEBP")
	if bytes.HasPrefix(chunks, []byte("ALPH")) {
		b.WriteString("VP8X\x0A\x00\x00\x00")
		b.Write([]byte{webpHasAlpha, 0, 0, 0})
		for _, side := range canvas {
			b.Write([]byte{byte(side - 1), byte((side - 1) >> 8), byte((side - 1) >> 16)})
		}
	}
	b.Write(chunks)
	out := b.Bytes()
	binary.LittleEndian.PutUint32(out[4:], uint32(len(out)-8))
	return out
}

func uint24(b []byte) int { return int(b[0]) | int(b[1])<<8 | int(b[2])<<16 }
