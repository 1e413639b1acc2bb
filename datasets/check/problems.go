package check

import (
	"cmp"
	"regexp"
	"slices"
	"strings"

	"clipgo/datasets"
)

// problems groups samples that can't be used by their reasons.
type problems map[problemKey]*Problem

type problemKey struct {
	kind    Kind
	pattern string
}

// The numbers of examples of a reason, and of reasons of one kind. Further reasons are counted together.
const (
	mostExamples = 3
	mostReasons  = 40
	otherReasons = "other reasons"
)

// numbers matches what differs between reasons of one kind: numbers, also in hexadecimal.
var numbers = regexp.MustCompile(`\b[0-9a-fA-F]*[0-9][0-9a-fA-F]*\b`)

// pattern is a reason without what is special to one sample.
func pattern(e datasets.Entry, reason string) string {
	const most = 300
	for _, name := range []string{e.Key, e.File, e.List} {
		if len(name) > 1 {
			reason = strings.ReplaceAll(reason, name, "FILE")
		}
	}
	if len(reason) > most {
		reason = strings.ToValidUTF8(reason[:most], "") + "..."
	}
	return numbers.ReplaceAllString(reason, "N")
}

// add counts a sample.
func (p problems) add(kind Kind, at int, e datasets.Entry, reason string) {
	key := problemKey{kind, pattern(e, reason)}
	if p[key] == nil && len(p) >= mostReasons {
		key.pattern = otherReasons
	}
	if p[key] == nil {
		p[key] = &Problem{Kind: kind, Reason: reason}
	}
	example := Example{Key: e.Key, Offset: e.Offset, Reason: reason, at: at}
	p[key].join(&Problem{Reason: reason, Count: 1, Examples: []Example{example}}, key.pattern)
}

// join adds the samples of another problem with the same pattern. The examples are the first in the source's order.
func (p *Problem) join(o *Problem, pattern string) {
	if p.Reason != o.Reason {
		p.Reason = pattern
	}
	p.Count += o.Count
	p.Examples = append(p.Examples, o.Examples...)
	slices.SortFunc(p.Examples, func(a, b Example) int { return cmp.Compare(a.at, b.at) })
	p.Examples = p.Examples[:min(len(p.Examples), mostExamples)]
}

func (p problems) join(o problems) {
	for key, more := range o {
		if p[key] == nil && len(p) >= mostReasons {
			key.pattern = otherReasons
		}
		if p[key] == nil {
			p[key] = &Problem{Kind: key.kind, Reason: more.Reason}
		}
		p[key].join(more, key.pattern)
	}
}

// list is the problems, the most frequent first.
func (p problems) list() []Problem {
	out := []Problem{}
	for _, one := range p {
		out = append(out, *one)
	}
	slices.SortFunc(out, func(a, b Problem) int {
		return cmp.Or(cmp.Compare(b.Count, a.Count), cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.Reason, b.Reason))
	})
	return out
}
