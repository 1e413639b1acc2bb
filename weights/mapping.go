package weights

import (
	"bytes"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"clipgo/internal/safetensors"
)

// row is a line of a layout's table: the layout's name, open_clip's name, and the conversion between the two tensors.
//
// In a name # stands for a layer's number, and a final * for weight or bias. {q,k,v} are several tensors that are one tensor on
// the other side, stacked by rows. The number of a part's letters is its share of the rows ({q,kv} are 1/3 and 2/3).
type row struct {
	theirs, ours string
	how          how
}

// how is the conversion of a tensor's shape between two layouts, in addition to stacking. The values don't change.
type how string

const (
	same       how = ""
	transposed how = "transposed" // [a, b] on one side, [b, a] on the other
	batched    how = "batched"    // theirs is [a, b], ours [1, a, b]
	scalar     how = "scalar"     // theirs is [1], ours []
	ignored    how = "ignored"    // theirs is no weight
)

// toOurs renames a set from a layout's names to open_clip's. Tensors that are not in the table keep their names.
func toOurs(table []row, src Set) Set { return translate(table, src, theirsToOurs) }

// toTheirs renames a set from open_clip's names to a layout's. Tensors that are not in the table keep their names.
func toTheirs(table []row, src Set) Set { return translate(table, src, oursToTheirs) }

type direction bool

const (
	theirsToOurs direction = false
	oursToTheirs direction = true
)

// sides are the row's patterns, from and to.
func (r row) sides(d direction) (from, to string) {
	if d == oursToTheirs {
		return r.ours, r.theirs
	}
	return r.theirs, r.ours
}

// slot is the position of a name in the table.
type slot struct {
	row  int
	part int // of the braces
}

// place holds the values of # and *.
type place struct{ layer, kind string }

func (p place) fill(pattern string) string {
	return strings.Replace(strings.Replace(pattern, "#", p.layer, 1), "*", p.kind, 1)
}

var (
	layerNumber = regexp.MustCompile(`\.(\d{1,4})\.`)
	lastKind    = regexp.MustCompile(`([._])(weight|bias)$`)
)

// index is a table by pattern.
func index(table []row, d direction) map[string]slot {
	slots := map[string]slot{}
	for i, r := range table {
		from, _ := r.sides(d)
		for part, pattern := range alternatives(from) {
			slots[pattern] = slot{i, part}
		}
	}
	return slots
}

// alternatives spells out braces: a{b,c}d is abd and acd.
func alternatives(pattern string) []string {
	before, rest, braces := strings.Cut(pattern, "{")
	inside, after, _ := strings.Cut(rest, "}")
	if !braces {
		return []string{pattern}
	}
	var all []string
	for part := range strings.SplitSeq(inside, ",") {
		all = append(all, before+part+after)
	}
	return all
}

// shares are the parts' shares of the rows: the number of letters of each.
func shares(pattern string) []int {
	_, rest, _ := strings.Cut(pattern, "{")
	inside, _, _ := strings.Cut(rest, "}")
	var n []int
	for part := range strings.SplitSeq(inside, ",") {
		n = append(n, len(part))
	}
	return n
}

// find looks a name up: with # for its layer, then also with * for weight or bias.
func find(slots map[string]slot, name string) (slot, place, bool) {
	var p place
	pattern := name
	if m := layerNumber.FindStringSubmatchIndex(name); m != nil {
		p.layer = name[m[2]:m[3]]
		pattern = name[:m[2]] + "#" + name[m[3]:]
	}
	if s, ok := slots[pattern]; ok {
		return s, p, true
	}
	if m := lastKind.FindStringSubmatchIndex(pattern); m != nil {
		p.kind = pattern[m[4]:m[5]]
		pattern = pattern[:m[4]] + "*"
	}
	s, ok := slots[pattern]
	return s, p, ok
}

// group is the tensors of one side that belong to the same row and place.
type group struct {
	row   int
	place place
	parts []string // names; empty for a missing one
}

func translate(table []row, src Set, d direction) Set {
	slots := index(table, d)
	out := newDerived()
	groups := map[string]*group{}
	var order []*group
	for _, name := range src.Names() {
		s, p, ok := find(slots, name)
		if !ok {
			out.pass(src, name)
			continue
		}
		if table[s.row].how == ignored {
			continue
		}
		from, _ := table[s.row].sides(d)
		key := strconv.Itoa(s.row) + " " + p.layer + " " + p.kind
		g := groups[key]
		if g == nil {
			g = &group{row: s.row, place: p, parts: make([]string, len(alternatives(from)))}
			groups[key], order = g, append(order, g)
		}
		g.parts[s.part] = name
	}
	for _, g := range order {
		_, to := table[g.row].sides(d)
		if !out.join(src, g, to, step{table[g.row].how, d}) {
			out.passAll(src, g.parts)
		}
	}
	return out
}

// step is the conversion of the tensors of a row.
type step struct {
	how how
	d   direction
}

// join adds a group's tensors under the names of the other side. It reports false where they can't be joined.
func (o *derived) join(src Set, g *group, to string, s step) bool {
	if slices.Contains(g.parts, "") || !stackable(src, g.parts) {
		return false
	}
	targets := alternatives(to)
	first, _ := src.Tensor(g.parts[0])
	if len(targets) == 1 {
		name := g.place.fill(to)
		if len(g.parts) > 1 && s.how == same {
			o.parts[name] = func() []safetensors.Tensor { return all(src, g.parts) }
		}
		return o.add(name, func() safetensors.Tensor { return s.apply(stack(all(src, g.parts))) })
	}
	share := shares(to)
	total := 0
	for _, n := range share {
		total += n
	}
	if len(first.Shape) == 0 || first.Shape[0]%int64(total) != 0 {
		return false
	}
	at, ok := 0, true
	for i, target := range targets {
		from, n := at, share[i]
		at += n
		ok = o.add(g.place.fill(target), func() safetensors.Tensor {
			return s.apply(rows(stack(all(src, g.parts)), from, n, total))
		}) && ok
	}
	return ok
}

// stackable reports whether tensors have the same type and shape, except for the number of rows.
func stackable(src Set, names []string) bool {
	first, ok := src.Tensor(names[0])
	if len(names) == 1 {
		return ok
	}
	for _, name := range names {
		t, _ := src.Tensor(name)
		if len(t.Shape) == 0 || t.DType != first.DType || len(t.Shape) != len(first.Shape) || !slices.Equal(t.Shape[1:], first.Shape[1:]) {
			return false
		}
	}
	return true
}

// all finds tensors by their names.
func all(src Set, names []string) []safetensors.Tensor {
	out := make([]safetensors.Tensor, len(names))
	for i, name := range names {
		out[i], _ = src.Tensor(name)
	}
	return out
}

// stack joins tensors by rows; a single one is not copied.
func stack(parts []safetensors.Tensor) safetensors.Tensor {
	out := parts[0]
	if len(parts) == 1 {
		return out
	}
	out.Shape = slices.Clone(out.Shape)
	out.Shape[0] = 0
	data := make([][]byte, len(parts))
	for i, t := range parts {
		out.Shape[0] += t.Shape[0]
		data[i] = t.Data
	}
	out.Data = bytes.Join(data, nil)
	return out
}

// rows returns n of total equal shares of a tensor's rows, starting with share from.
func rows(t safetensors.Tensor, from, n, total int) safetensors.Tensor {
	share := len(t.Data) / total
	t.Data = t.Data[from*share : (from+n)*share]
	t.Shape = slices.Clone(t.Shape)
	t.Shape[0] = t.Shape[0] / int64(total) * int64(n)
	return t
}

// apply converts a tensor's shape. A shape that doesn't fit is left unchanged; a later check reports it by name.
func (s step) apply(t safetensors.Tensor) safetensors.Tensor {
	switch {
	case s.how == transposed && len(t.Shape) == 2:
		return transpose(t)
	case s.how == batched && s.d == theirsToOurs:
		t.Shape = append([]int64{1}, t.Shape...)
	case s.how == batched && len(t.Shape) > 0 && t.Shape[0] == 1:
		t.Shape = t.Shape[1:]
	case s.how == scalar && s.d == theirsToOurs && slices.Equal(t.Shape, []int64{1}):
		t.Shape = nil
	case s.how == scalar && s.d == oursToTheirs && len(t.Shape) == 0:
		t.Shape = []int64{1}
	}
	return t
}

// transpose swaps the two dimensions of a matrix.
func transpose(t safetensors.Tensor) safetensors.Tensor {
	a, b, size := int(t.Shape[0]), int(t.Shape[1]), int(t.DType.Size())
	data := make([]byte, len(t.Data))
	for i := range a {
		for j := range b {
			copy(data[(j*a+i)*size:][:size], t.Data[(i*b+j)*size:])
		}
	}
	t.Shape, t.Data = []int64{t.Shape[1], t.Shape[0]}, data
	return t
}
