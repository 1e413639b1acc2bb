package preprocess

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
)

// webpFrame is the first frame of an animation: a still file, and its position on the canvas.
type webpFrame struct {
	canvas [2]int // zeros if the file is not an animation
	alpha  bool   // of the canvas
	x, y   int
}

// firstFrame makes a still WebP file of an animation's first frame; other files are returned unchanged.
func firstFrame(file []byte) ([]byte, webpFrame, error) {
	var f webpFrame
	for kind, chunk := range riffChunks(file) {
		body := chunk.body
		switch {
		case kind == "VP8X" && len(body) == 10 && body[0]&webpIsAnimated != 0:
			f.canvas, f.alpha = [2]int{1 + uint24(body[4:]), 1 + uint24(body[7:])}, body[0]&webpHasAlpha != 0
		case kind == "ANMF" && len(body) >= frameHeader && f.canvas != [2]int{}:
			f.x, f.y = 2*uint24(body), 2*uint24(body[3:])
			width, height := 1+uint24(body[6:]), 1+uint24(body[9:])
			if f.x+width > f.canvas[0] || f.y+height > f.canvas[1] {
				return nil, f, fmt.Errorf("webp: corrupt: a first frame of %d x %d at (%d, %d) on a canvas of %d x %d", width, height,
					f.x, f.y, f.canvas[0], f.canvas[1])
			}
			return still([2]int{width, height}, body[frameHeader:]), f, nil
		case f.canvas == [2]int{}:
			return file, f, nil
		}
	}
	if f.canvas != [2]int{} {
		return nil, f, errors.New("webp: an animation without a frame before the file ends")
	}
	return file, f, nil
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
