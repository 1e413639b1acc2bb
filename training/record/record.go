// Package record holds what a training run writes about itself and its report reads back: the lines of metrics.jsonl and
// the findings of its diagnosis.
package record

// Finding is something about a training that its owner should know, in plain words.
type Finding struct {
	Kind Kind
	Text string
}

// Kind says how a finding is meant.
type Kind string

// Good is as it should be; Note is worth knowing; Warning asks for a change.
const (
	Good    Kind = "good"
	Note    Kind = "note"
	Warning Kind = "warning"
)
