package pickle

import (
	"errors"
	"fmt"
	"slices"
)

const opStop = '.'

// instructions are those that torch's two writers use, and the later forms of protocol 4. Letters are Python's opcodes.
var instructions = [256]func(*machine){
	0x80: func(m *machine) { m.bytes(1) }, // protocol
	0x95: func(m *machine) { m.bytes(8) }, // frame
	'N':  func(m *machine) { m.push(nil) },
	0x88: func(m *machine) { m.push(true) },
	0x89: func(m *machine) { m.push(false) },
	'J':  func(m *machine) { m.push(int64(int32(m.uint(4)))) },
	'K':  func(m *machine) { m.push(int64(m.uint(1))) },
	'M':  func(m *machine) { m.push(int64(m.uint(2))) },
	0x8a: func(m *machine) { m.push(m.long(m.uint(1))) },
	0x8b: func(m *machine) { m.push(m.long(m.uint(4))) },
	'G':  func(m *machine) { m.push(m.float()) },
	'X':  func(m *machine) { m.push(m.text(m.uint(4))) },
	0x8c: func(m *machine) { m.push(m.text(m.uint(1))) },
	0x8d: func(m *machine) { m.push(m.text(m.uint(8))) },

	'(':  func(m *machine) { m.mark() },
	'0':  func(m *machine) { m.pop() },
	'1':  func(m *machine) { m.popMark() },
	'2':  func(m *machine) { m.push(m.top()) },
	')':  func(m *machine) { m.push(tuple{}) },
	't':  func(m *machine) { m.push(m.tuple(m.popMark())) },
	0x85: func(m *machine) { m.push(m.tuple(m.take(1))) },
	0x86: func(m *machine) { m.push(m.tuple(m.take(2))) },
	0x87: func(m *machine) { m.push(m.tuple(m.take(3))) },
	'C':  func(m *machine) { m.push(m.raw(m.uint(1))) },
	'B':  func(m *machine) { m.push(m.raw(m.uint(4))) },
	0x8e: func(m *machine) { m.push(m.raw(m.uint(8))) },
	0x96: func(m *machine) { m.push(m.raw(m.uint(8))) },
	']':  func(m *machine) { m.spend(48); m.push(&list{}) },
	0x8f: func(m *machine) { m.spend(48); m.push(&list{}) }, // a set
	0x90: func(m *machine) { m.extend(m.popMark()) },
	0x91: func(m *machine) { m.push(m.tuple(m.popMark())) }, // a frozen set
	'a':  func(m *machine) { m.extend(m.take(1)) },
	'e':  func(m *machine) { m.extend(m.popMark()) },
	'}':  func(m *machine) { m.spend(48); m.push(&dict{}) },
	's':  func(m *machine) { m.set(m.take(2)) },
	'u':  func(m *machine) { m.set(m.popMark()) },

	'q':  func(m *machine) { m.put(m.uint(1)) },
	'r':  func(m *machine) { m.put(m.uint(4)) },
	0x94: func(m *machine) { m.put(uint64(len(m.memo))) },
	'h':  func(m *machine) { m.get(m.uint(1)) },
	'j':  func(m *machine) { m.get(m.uint(4)) },

	'c': func(m *machine) { module := m.line(); m.name(module, m.line()) },
	'i': func(m *machine) {
		module := m.line()
		m.name(module, m.line())
		m.fail(errors.New("it makes an instance"))
	},
	0x93: func(m *machine) { m.nameFromStack() },
	'Q':  func(m *machine) { m.push(m.storage(m.pop())) },
	'R':  func(m *machine) { args := m.pop(); m.push(m.call(m.pop(), args)) },
	0x81: func(m *machine) { args := m.pop(); m.push(m.instance(m.pop(), args)) },
	0x92: func(m *machine) {
		m.pop() // keyword arguments
		args := m.pop()
		m.push(m.instance(m.pop(), args))
	},
	'b': func(m *machine) { state := m.pop(); m.build(m.top(), state) },
}

func (m *machine) mark() {
	if len(m.marks) >= maxStack {
		m.fail(errors.New("it nests too deeply"))
	}
	m.marks = append(m.marks, len(m.stack))
}

// take pops n values; they are valid until the next push.
func (m *machine) take(n int) []any {
	if len(m.stack)-m.floor() < n {
		m.fail(errors.New("it takes a value that isn't there"))
		return nil
	}
	at := len(m.stack) - n
	values := m.stack[at:]
	m.stack = m.stack[:at]
	return values
}

func (m *machine) tuple(values []any) tuple {
	m.spend(24 + 16*len(values))
	return slices.Clone(tuple(values))
}

func (m *machine) extend(values []any) {
	if _, ok := m.top().(foreign); ok {
		return
	}
	l, ok := m.top().(*list)
	if !ok {
		m.fail(errors.New("it appends to what is not a list"))
		return
	}
	m.spend(64 * len(values))
	l.items = append(l.items, values...)
}

func (m *machine) set(values []any) {
	if _, ok := m.top().(foreign); ok {
		return
	}
	d, ok := m.top().(*dict)
	if !ok || len(values)%2 != 0 {
		m.fail(errors.New("it sets items of what is not a dict"))
		return
	}
	m.spend(64 * len(values))
	for i := 0; i < len(values); i += 2 {
		d.items = append(d.items, pair{values[i], values[i+1]})
	}
}

func (m *machine) put(at uint64) {
	m.spend(64)
	if v := m.top(); m.err == nil {
		m.memo[at] = v
	}
}

func (m *machine) get(at uint64) {
	v, ok := m.memo[at]
	if !ok {
		m.fail(fmt.Errorf("it recalls value %d, which it never stored", at))
	}
	m.push(v)
}

func (m *machine) nameFromStack() {
	name, isName := m.pop().(string)
	module, isModule := m.pop().(string)
	if !isName || !isModule {
		m.fail(errors.New("a name is not a string"))
		return
	}
	m.name(module, name)
}

// name pushes a function or class. One that is not known is a foreign value; one that can run commands is refused wherever it is.
func (m *machine) name(module, name string) {
	if m.err != nil {
		return
	}
	g := global(module + "." + name)
	m.spend(len(g) + 32)
	switch {
	case known(g):
		m.push(g)
	case dangerous(module, name):
		m.fail(&UnsafeError{Global: string(g), Commands: true})
	default:
		f := foreign(g)
		if len(m.foreign) < maxForeign && !slices.Contains(m.foreign, f) {
			m.foreign = append(m.foreign, f)
		}
		m.push(f)
	}
}
