package parquet

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/parquet-go/parquet-go/format"
)

// Kind is what a column holds.
type Kind int

// The kinds.
const (
	Other Kind = iota // decimals, times of 96 bits, and what else isn't read
	Bytes
	Text
	Integer
	Boolean // read as integers, 0 and 1
	Real    // float32 and float64
)

func (k Kind) String() string {
	return [...]string{"other", "bytes", "text", "integer", "boolean", "number"}[k]
}

// Column is a column that holds values.
type Column struct {
	// Name has the names of the fields on the way to the column, separated by dots. The steps into a list have none: the texts of a
	// list "caption" are the column caption, and the texts "raw" of a list of structs "sentences" are sentences.raw.
	Name string
	Kind Kind
	List bool // a row has any number of values
}

// leaf is how the values of a column are written.
type leaf struct {
	physical            format.Type
	repeated, definable int // the highest levels
}

func (l leaf) real() bool { return l.physical == format.Float || l.physical == format.Double }

// node is an element of the schema.
type node struct {
	name       string
	physical   format.Type // -1 in groups
	repetition format.FieldRepetitionType
	children   int
	list, text bool
	decimal    bool // an integer that is a multiple of a power of 10
}

// node reads an element of the schema.
func (p *footerParser) node() {
	n := node{physical: -1}
	p.fields(func(id int, kind byte) {
		switch id {
		case 1:
			n.physical = format.Type(p.int())
		case 3:
			n.repetition = format.FieldRepetitionType(p.int())
		case 4:
			n.name = p.text()
		case 5:
			n.children = int(p.int())
		case 6:
			p.converted(&n)
		case 10:
			p.logical(&n)
		default:
			p.skip(kind)
		}
	})
	p.schema = append(p.schema, n)
}

func (p *footerParser) converted(n *node) {
	const utf8, list, enum, decimal, json = 0, 3, 4, 5, 19
	switch p.int() {
	case decimal:
		n.decimal = true
	case utf8, enum, json:
		n.text = true
	case list:
		n.list = true
	}
}

func (p *footerParser) logical(n *node) {
	const text, list, enum, decimal, json = 1, 3, 4, 5, 12
	p.fields(func(id int, kind byte) {
		switch id {
		case decimal:
			n.decimal = true
		case text, enum, json:
			n.text = true
		case list:
			n.list = true
		}
		p.skip(kind)
	})
}

// readSchema makes the columns of the schema, whose elements are in the order of a walk from the root.
func (f *File) readSchema(schema []node) error {
	if len(schema) == 0 {
		return errors.New("it has no schema")
	}
	w := schemaWalk{file: f, rest: schema[1:]}
	f.leaves = []leaf{}
	for range schema[0].children {
		if err := w.next(nil, leaf{}, false, 0); err != nil {
			return err
		}
	}
	if len(w.rest) > 0 {
		return errors.New("its schema has fields outside the root")
	}
	return nil
}

type schemaWalk struct {
	file *File
	rest []node
}

// next adds the columns of the next element. silent leaves out its name, as that of a step into a list.
func (w *schemaWalk) next(path []string, l leaf, silent bool, depth int) error {
	if len(w.rest) == 0 || depth > mostDepth {
		return errors.New("its schema is not complete, or too deep")
	}
	n := w.rest[0]
	w.rest = w.rest[1:]
	if !silent {
		path = append(slices.Clip(path), n.name)
	}
	switch n.repetition {
	case format.Repeated:
		l.repeated++
		l.definable++
	case format.Optional:
		l.definable++
	}
	if n.children <= 0 {
		w.leaf(n, path, l)
		return nil
	}
	for range n.children {
		if err := w.next(path, l, w.step(n, silent), depth+1); err != nil {
			return err
		}
	}
	return nil
}

// step reports whether the children of a node are steps into a list: the repeated group of a LIST, and the only field of that group.
func (w *schemaWalk) step(n node, silent bool) bool {
	return n.children == 1 && (n.list || silent && n.repetition == format.Repeated)
}

func (w *schemaWalk) leaf(n node, path []string, l leaf) {
	l.physical = n.physical
	c := Column{Name: strings.ToValidUTF8(strings.Join(path, "."), "\uFFFD"), List: l.repeated > 0}
	switch {
	case l.repeated > 1 || l.definable > mostDepth || n.decimal:
	case n.physical == format.ByteArray && n.text:
		c.Kind = Text
	case n.physical == format.ByteArray:
		c.Kind = Bytes
	case n.physical == format.Int32 || n.physical == format.Int64:
		c.Kind = Integer
	case n.physical == format.Boolean:
		c.Kind = Boolean
	case n.physical == format.Float || n.physical == format.Double:
		c.Kind = Real
	}
	w.file.Columns = append(w.file.Columns, c)
	w.file.leaves = append(w.file.leaves, l)
}

// Column is the index of a column, or -1.
func (f *File) Column(name string) int {
	return slices.IndexFunc(f.Columns, func(c Column) bool { return c.Name == name })
}

// String describes a column, such as "caption (list of text)".
func (c Column) String() string {
	if c.List {
		return fmt.Sprintf("%s (list of %s)", c.Name, c.Kind)
	}
	return fmt.Sprintf("%s (%s)", c.Name, c.Kind)
}
