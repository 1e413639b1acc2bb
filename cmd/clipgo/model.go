package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"

	"clipgo/datasets"
	"clipgo/internal/config"
	"clipgo/pretrained"
	"clipgo/vision/preprocess"
)

// openModel opens the model of --model, with what the user said of its preprocessing on top.
func openModel(ctx context.Context, a *app, o *pretrained.Settings, said config.Layer) (*pretrained.Embedder, error) {
	useConsole(a, o, said)
	return pretrained.Open(ctx, *o)
}

// useConsole makes a model report to the terminal when it is found and opened, and follow what the user said of its preprocessing.
func useConsole(a *app, o *pretrained.Settings, said config.Layer) {
	if o.Log = a.console.log; o.Find == nil {
		o.Find = a.console.findModel
	}
	o.Adjust = func(c *preprocess.Config) { said.Under("preprocess").Decode(c) }
}

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

// origin says in the JSON of a measurement what was measured, so that the results of many models and data sets can be gathered.
type origin struct {
	Model   string `json:"model"`
	Weights string `json:"weights"` // the file; empty: random weights
	Data    string `json:"data"`
}

// measured is a result that says in lines for people what was measured on data.
type measured interface{ Lines(data string) []string }

// showMeasured prints the result of a measurement, as JSON that begins with its origin.
func showMeasured(c *console, m *pretrained.Embedder, data string, r measured) error {
	if !c.json {
		return c.show(r, func() []string { return r.Lines(data) })
	}
	var head, body bytes.Buffer
	for _, part := range []struct {
		to *bytes.Buffer
		v  any
	}{{&head, origin{m.Source.Name, m.Source.Weights, data}}, {&body, r}} {
		e := json.NewEncoder(part.to)
		e.SetEscapeHTML(false)
		if err := e.Encode(part.v); err != nil {
			return err
		}
	}
	members := bytes.TrimPrefix(bytes.TrimSpace(body.Bytes()), []byte("{"))
	joined := bytes.TrimSuffix(bytes.TrimSpace(head.Bytes()), []byte("}"))
	if !bytes.Equal(members, []byte("}")) {
		joined = append(joined, ',')
	}
	return c.result(json.RawMessage(append(joined, members...)))
}
