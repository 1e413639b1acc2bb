package main

import (
	"bytes"
	"encoding/json"

	"clipgo/pretrained"
)

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
