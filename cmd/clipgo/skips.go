package main

import (
	"fmt"

	"clipgo/datasets"
	"clipgo/pretrained"
)

// skips are the pictures that can't be used, of a command that answers all others whatever their share.
type skips struct {
	console *console
	most    float64 // the share above which the command fails at its end
	n       int
	line    func(image, reason string) any // the JSON line for such a picture; nil: none
	err     error
}

// skipping makes a model read on where a picture can't be used; verdict applies --max-skip at the end.
func skipping(c *console, m *pretrained.Embedder, line func(image, reason string) any) *skips {
	s := &skips{console: c, most: m.Settings.MaxSkip, line: line}
	m.Settings.MaxSkip = 1
	return s
}

// tell counts a picture and says why it can't be used.
func (s *skips) tell(skip datasets.Skip) {
	s.n++
	s.console.tellSkip(skip)
	if s.console.json && s.line != nil && s.err == nil {
		s.err = s.console.result(s.line(skip.Key, skip.Reason))
	}
}

// verdict is the error at the end if too many pictures could not be used.
func (s *skips) verdict(name string, total int) error {
	if s.err != nil || !datasets.TooMany(s.n, total, s.most) {
		return s.err
	}
	return &datasets.DataError{Source: name, Reason: fmt.Sprintf("%d of %d pictures can't be used, more than --max-skip %.4g; "+
		"the result is of all others, and --max-skip 1 accepts any number", s.n, total, s.most)}
}
