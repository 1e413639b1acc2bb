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

// printMeasured prints the result of a measurement as one JSON object that begins with its origin.
func printMeasured(c *console, m *pretrained.Embedder, data string, result any) error {
	var head, body bytes.Buffer
	for _, part := range []struct {
		to *bytes.Buffer
		v  any
	}{{&head, origin{m.Source.Name, m.Source.Weights, data}}, {&body, result}} {
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
