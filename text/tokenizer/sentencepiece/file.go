package sentencepiece

import (
	"errors"
	"fmt"
	"math"

	"google.golang.org/protobuf/encoding/protowire"
)

// file holds the fields of a ModelProto that are used.
type file struct {
	pieces       []piece
	kind         modelType
	byteFallback bool
	normalizer   normalizer
}

// parse reads a ModelProto. Fields that don't affect the ids (training settings, self tests) are skipped.
func parse(data []byte) (*file, error) {
	f := &file{kind: unigram, normalizer: normalizer{dummyPrefix: true, removeExtra: true, escape: true}}
	err := fields(data, func(n protowire.Number, v value) error {
		switch n {
		case 1:
			p, err := parsePiece(v.bytes)
			f.pieces = append(f.pieces, p)
			return err
		case 2:
			return fields(v.bytes, f.trainerField)
		case 3:
			return fields(v.bytes, f.normalizer.field)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	if len(f.pieces) == 0 {
		return nil, errors.New("it has no pieces")
	}
	return f, nil
}

// value is a field's value: bytes for a string or message, number for all other types.
type value struct {
	bytes  []byte
	number uint64
}

// fields calls a function with each field of a message.
func fields(data []byte, field func(protowire.Number, value) error) error {
	for len(data) > 0 {
		number, wire, n := protowire.ConsumeTag(data)
		if n < 0 {
			return protowire.ParseError(n)
		}
		data = data[n:]
		var v value
		switch wire {
		case protowire.BytesType:
			v.bytes, n = protowire.ConsumeBytes(data)
		case protowire.VarintType:
			v.number, n = protowire.ConsumeVarint(data)
		case protowire.Fixed32Type:
			var word uint32
			word, n = protowire.ConsumeFixed32(data)
			v.number = uint64(word)
		default:
			n = protowire.ConsumeFieldValue(number, wire, data)
		}
		if n < 0 {
			return fmt.Errorf("field %d: %w", number, protowire.ParseError(n))
		}
		data = data[n:]
		if err := field(number, v); err != nil {
			return err
		}
	}
	return nil
}

func parsePiece(data []byte) (piece, error) {
	p := piece{kind: normal}
	err := fields(data, func(n protowire.Number, v value) error {
		switch n {
		case 1:
			p.text = string(v.bytes)
		case 2:
			p.score = math.Float32frombits(uint32(v.number))
		case 3:
			p.kind = kind(min(v.number, math.MaxUint8))
		}
		return nil
	})
	return p, err
}

func (f *file) trainerField(n protowire.Number, v value) error {
	switch n {
	case 3:
		f.kind = modelType(v.number)
	case 24:
		f.normalizer.suffix = v.number != 0
	case 35:
		f.byteFallback = v.number != 0
	}
	return nil
}

func (z *normalizer) field(n protowire.Number, v value) error {
	switch n {
	case 2:
		if len(v.bytes) == 0 {
			return nil
		}
		rules, err := ReadCharsmap(v.bytes)
		z.rules = rules
		return err
	case 3:
		z.dummyPrefix = v.number != 0
	case 4:
		z.removeExtra = v.number != 0
	case 5:
		z.escape = v.number != 0
	}
	return nil
}
