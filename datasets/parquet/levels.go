package parquet

import (
	"encoding/binary"
	"errors"
	"math/bits"
)

var errValues = errors.New("a page holds other values than its header says")

// hybrid decodes n numbers of some bits each in Parquet's mixture of runs and packed bits. Fewer are an error; more are passed over.
func hybrid(src []byte, width, n int) ([]uint32, error) {
	if width < 0 || width > 32 {
		return nil, errValues
	}
	out := make([]uint32, 0, n)
	for len(out) < n {
		head, used := binary.Uvarint(src)
		if used <= 0 || head>>1 == 0 {
			return nil, errValues
		}
		src = src[used:]
		if head&1 == 0 {
			size := (width + 7) / 8
			if size > len(src) {
				return nil, errValues
			}
			var value uint32
			for i := range size {
				value |= uint32(src[i]) << (8 * i)
			}
			src = src[size:]
			for range min(head>>1, uint64(n-len(out))) {
				out = append(out, value)
			}
			continue
		}
		count := min(head>>1, uint64(n-len(out)+7)/8) * 8 // of the numbers that are wanted
		size := count * uint64(width) / 8
		if size > uint64(len(src)) {
			return nil, errValues
		}
		out = unpackBits(out, src[:size], width, min(int(count), n-len(out)))
		src = src[min(head>>1*uint64(width), uint64(len(src))):]
	}
	return out, nil
}

// unpackBits appends n numbers of some bits each, the lowest bits first.
func unpackBits(out []uint32, src []byte, width, n int) []uint32 {
	var have uint64
	filled := 0
	for range n {
		for filled < width {
			have |= uint64(src[0]) << filled
			src = src[1:]
			filled += 8
		}
		out = append(out, uint32(have&(1<<width-1)))
		have >>= width
		filled -= width
	}
	return out
}

// levels decodes n levels up to a highest one; nil if the highest is 0.
func levels(src []byte, highest, n int) ([]uint32, error) {
	if highest == 0 {
		return nil, nil
	}
	out, err := hybrid(src, bits.Len(uint(highest)), n)
	for _, l := range out {
		if l > uint32(highest) {
			return nil, errValues
		}
	}
	return out, err
}

// deltas decodes numbers in Parquet's DELTA_BINARY_PACKED: at most the given count. It returns what follows them.
func deltas(src []byte, most int) (out []int64, rest []byte, err error) {
	head := compact{data: src}
	block, minis, total, value := head.uvarint(), head.uvarint(), head.uvarint(), head.int()
	if head.err != nil || total > uint64(most) || minis == 0 || block%(32*minis) != 0 || block > 1<<16 || block == 0 {
		return nil, nil, errValues
	}
	out = make([]int64, 0, total)
	if total > 0 {
		out = append(out, value)
	}
	per := int(block / minis)
	for uint64(len(out)) < total {
		least := head.int()
		if uint64(len(src)-head.at) < minis || head.err != nil {
			return nil, nil, errValues
		}
		widths := src[head.at : head.at+int(minis)]
		head.at += int(minis)
		for _, width := range widths {
			if uint64(len(out)) >= total {
				break
			}
			size := per / 8 * int(width)
			if width > 64 || size > len(src)-head.at {
				return nil, nil, errValues
			}
			n := min(per, int(total)-len(out))
			for i := range n {
				value += least + int64(bitsAt(src[head.at:head.at+size], i*int(width), int(width)))
				out = append(out, value)
			}
			head.at += size
		}
	}
	return out, src[head.at:], nil
}

// bitsAt is the number of some bits at a place.
func bitsAt(src []byte, at, width int) (v uint64) {
	for got := 0; got < width; {
		from := (at + got) % 8
		n := min(8-from, width-got)
		v |= uint64(src[(at+got)/8]>>from&(1<<n-1)) << got
		got += n
	}
	return v
}
