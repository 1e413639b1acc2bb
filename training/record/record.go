// Package record holds the data that a training run writes and its report reads: the lines of metrics.jsonl and the findings of its
// diagnosis.
package record

// Finding is an observation about a training that its user should know.
type Finding struct {
	Kind Kind
	Text string
}

// Kind is the severity of a finding.
type Kind string

// Good: as expected. Note: worth knowing. Warning: something should be changed.
const (
	Good    Kind = "good"
	Note    Kind = "note"
	Warning Kind = "warning"
)
