package pickle

import (
	"encoding/binary"
	"errors"
	"math"

	"clipgo/internal/half"
)

// Training programs save losses and accuracies as NumPy's numbers, which pickle as scalar(dtype, bytes). Their values are plain
// numbers here; those of other types are opaque.

// scalarType is numpy.dtype: a kind (b, i, u, f) and a size in bytes.
type scalarType struct {
	kind byte
	size int
	big  bool // big-endian
}

// numpyType takes a code such as f8, and flags.
func numpyType(args tuple) (any, error) {
	if len(args) == 0 {
		return nil, errors.New("no arguments")
	}
	code, _ := args[0].(string)
	if len(code) != 2 || code[1] < '1' || code[1] > '8' {
		return &scalarType{}, nil
	}
	return &scalarType{kind: code[0], size: int(code[1] - '0')}, nil
}

// order reads the state of a type: (version, byte order, ...).
func (t *scalarType) order(state any) {
	if s, ok := state.(tuple); ok && len(s) > 1 {
		t.big = s[1] == any(">")
	}
}

func numpyScalar(args tuple) (any, error) {
	if len(args) != 2 {
		return opaque{}, nil
	}
	t, isType := args[0].(*scalarType)
	data, isBytes := args[1].(raw)
	if !isType || !isBytes || len(data) != t.size {
		return opaque{}, nil
	}
	return t.value(data), nil
}

func (t *scalarType) value(data raw) any {
	var wide [8]byte
	for i, b := range data {
		at := i
		if t.big {
			at = len(data) - 1 - i
		}
		wide[at] = b
	}
	bits := binary.LittleEndian.Uint64(wide[:])
	unused := 64 - 8*t.size
	switch {
	case t.kind == 'f' && t.size == 8:
		return math.Float64frombits(bits)
	case t.kind == 'f' && t.size == 4:
		return float64(math.Float32frombits(uint32(bits)))
	case t.kind == 'f' && t.size == 2:
		return float64(half.Float16(uint16(bits)))
	case t.kind == 'i':
		return int64(bits<<unused) >> unused
	case t.kind == 'u' && bits <= math.MaxInt64:
		return int64(bits)
	case t.kind == 'b':
		return bits != 0
	}
	return opaque{}
}

// encode is how protocol 2 spells bytes: a string in latin-1, each letter of which is a byte.
func encode(args tuple) (any, error) {
	if len(args) != 2 || args[1] != any("latin1") {
		return opaque{}, nil
	}
	text, ok := args[0].(string)
	if !ok {
		return opaque{}, nil
	}
	out := make(raw, 0, len(text))
	for _, r := range text {
		if r > math.MaxUint8 {
			return opaque{}, nil
		}
		out = append(out, byte(r))
	}
	return out, nil
}

// noBytes is bytes() without arguments: how protocol 2 spells an empty one.
func noBytes(args tuple) (any, error) {
	if len(args) > 0 {
		return opaque{}, nil
	}
	return raw{}, nil
}
