package pickle

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"unicode/utf8"
)

// The values that a pickle builds, in addition to nil, bool, int64, float64 and string.
type (
	tuple  []any
	list   struct{ items []any }
	dict   struct{ items []pair }
	pair   struct{ key, value any }
	global string   // module.name
	opaque struct{} // a value that weights don't need
	raw    []byte   // Python's bytes

	// foreign is a function or class that has no counterpart here, or a value that one would make. Its name is all that is known of it.
	foreign string

	// object is an instance of a TorchScript class: only its attributes.
	object struct {
		class global
		state *dict
	}
)

// budget bounds the size of the values that a pickle builds, roughly in bytes. A model of 2,000 tensors with its optimizer takes 10 MB.
const budget = 32 << 20

const maxStack = 1 << 17

// machine runs a pickle's instructions. After the first error the rest have no effect.
type machine struct {
	code  []byte
	at    int
	stack []any
	marks []int // positions in stack
	memo  map[uint64]any
	left  int
	err   error

	foreign []foreign // the names of that kind, each once, at most maxForeign
}

// maxForeign bounds the names that are kept for a message.
const maxForeign = 16

// run returns the value that a pickle builds, and the names in it that have no counterpart here.
func run(code []byte) (any, []foreign, error) {
	m := &machine{code: code, memo: map[uint64]any{}, left: budget}
	for m.err == nil {
		m.spend(16)
		op := m.byte()
		if op == opStop && m.err == nil {
			v := m.pop()
			return v, m.foreign, m.err
		}
		if do := instructions[op]; do != nil {
			do(m)
		} else {
			m.fail(fmt.Errorf("instruction %#02x is not one that torch writes", op))
		}
	}
	return nil, nil, fmt.Errorf("data.pkl, byte %d: %w", m.at, m.err)
}

func (m *machine) fail(err error) {
	if m.err == nil {
		m.err = err
	}
}

func (m *machine) spend(n int) {
	if m.left -= n; m.left < 0 {
		m.fail(errors.New("it builds more than any weights need"))
	}
}

// bytes reads n bytes of the program, and fails if fewer are left.
func (m *machine) bytes(n uint64) []byte {
	if m.err == nil && n > uint64(len(m.code)-m.at) {
		m.fail(fmt.Errorf("it ends within a value of %d bytes", n))
	}
	if m.err != nil {
		return nil
	}
	m.at += int(n)
	return m.code[m.at-int(n) : m.at]
}

func (m *machine) byte() byte {
	if b := m.bytes(1); b != nil {
		return b[0]
	}
	return 0
}

// uint reads a little-endian number of n bytes.
func (m *machine) uint(n uint64) uint64 {
	var b [8]byte
	copy(b[:], m.bytes(n))
	return binary.LittleEndian.Uint64(b[:])
}

// line reads up to a newline, which is at most 256 bytes away.
func (m *machine) line() string {
	for n, c := range m.code[m.at:min(len(m.code), m.at+257)] {
		if c == '\n' {
			return m.text(uint64(n), m.byte)
		}
	}
	m.fail(errors.New("a name has no end"))
	return ""
}

// text reads a string of n bytes and skips the bytes that follow it.
func (m *machine) text(n uint64, then ...func() byte) string {
	b := m.bytes(n)
	for _, next := range then {
		next()
	}
	if !utf8.Valid(b) {
		m.fail(errors.New("a string is not UTF-8"))
	}
	m.spend(len(b) + 32)
	if m.err != nil {
		return ""
	}
	return string(b)
}

// raw reads n bytes.
func (m *machine) raw(n uint64) raw {
	b := m.bytes(n)
	m.spend(len(b) + 32)
	if m.err != nil {
		return nil
	}
	return raw(b)
}

// long reads a number of n bytes in two's complement; a number outside of int64 becomes opaque.
func (m *machine) long(n uint64) any {
	b := m.bytes(n)
	if len(b) > 8 {
		return opaque{}
	}
	var wide [8]byte
	copy(wide[:], b)
	if len(b) > 0 && b[len(b)-1] >= 0x80 {
		for i := len(b); i < 8; i++ {
			wide[i] = 0xff
		}
	}
	return int64(binary.LittleEndian.Uint64(wide[:]))
}

func (m *machine) float() float64 {
	if b := m.bytes(8); b != nil {
		return math.Float64frombits(binary.BigEndian.Uint64(b))
	}
	return 0
}

func (m *machine) push(v any) {
	if len(m.stack) >= maxStack {
		m.fail(errors.New("it holds too many values at once"))
		return
	}
	m.stack = append(m.stack, v)
}

// floor is the position of the first value above the last mark; values below it must not be popped.
func (m *machine) floor() int {
	if len(m.marks) == 0 {
		return 0
	}
	return m.marks[len(m.marks)-1]
}

func (m *machine) pop() any {
	v := m.top()
	if m.err == nil {
		m.stack = m.stack[:len(m.stack)-1]
	}
	return v
}

func (m *machine) top() any {
	if len(m.stack) <= m.floor() {
		m.fail(errors.New("it takes a value that isn't there"))
	}
	if m.err != nil {
		return nil
	}
	return m.stack[len(m.stack)-1]
}

// popMark pops the values above the last mark; they are valid until the next push.
func (m *machine) popMark() []any {
	if len(m.marks) == 0 {
		m.fail(errors.New("it goes back to a mark that isn't there"))
		return nil
	}
	at := m.floor()
	values := m.stack[at:]
	m.stack, m.marks = m.stack[:at], m.marks[:len(m.marks)-1]
	return values
}
