package report

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"slices"
	"strings"
)

// Row is a logged step, under the names of metrics.jsonl.
type Row struct {
	Step           int     `json:"step"`
	Samples        int64   `json:"samples"`
	Epoch          float64 `json:"epoch"`
	Loss           float64 `json:"loss"`
	Scale          float64 `json:"scale"` // exp(logit_scale)
	LR             float64 `json:"lr"`
	GradNorm       float64 `json:"grad_norm"`
	PairsPerSecond float64 `json:"pairs_per_second"`
	DataWait       float64 `json:"data_wait_fraction"`

	Extra map[string]float64 `json:"-"` // the other numbers of the line: parts of the loss, by their names
}

// UnmarshalJSON reads a line of metrics.jsonl; a number that is null or absent becomes NaN, a gap in its curve.
func (r *Row) UnmarshalJSON(data []byte) error {
	type plain Row
	line := struct {
		plain
		Loss     *float64 `json:"loss"`
		Scale    *float64 `json:"scale"`
		LR       *float64 `json:"lr"`
		GradNorm *float64 `json:"grad_norm"`
		Pairs    *float64 `json:"pairs_per_second"`
	}{}
	if err := json.Unmarshal(data, &line); err != nil {
		return err
	}
	*r = Row(line.plain)
	for to, from := range map[*float64]*float64{&r.Loss: line.Loss, &r.Scale: line.Scale, &r.LR: line.LR, &r.GradNorm: line.GradNorm, &r.PairsPerSecond: line.Pairs} {
		*to = math.NaN()
		if from != nil {
			*to = *from
		}
	}
	return r.readExtra(data)
}

// readExtra keeps the parts of the loss and the accuracies.
func (r *Row) readExtra(data []byte) error {
	var fields map[string]json.RawMessage
	if err := json.Unmarshal(data, &fields); err != nil {
		return err
	}
	for name, raw := range fields {
		var v *float64
		if !isPart(name) || json.Unmarshal(raw, &v) != nil || v == nil {
			continue
		}
		if r.Extra == nil {
			r.Extra = map[string]float64{}
		}
		r.Extra[name] = *v
	}
	return nil
}

const (
	lossSuffix     = "_loss"
	accuracySuffix = "_accuracy"
)

func isPart(name string) bool {
	return slices.ContainsFunc(numbers, func(n curve) bool { return n.key == name }) || strings.HasSuffix(name, lossSuffix) || strings.HasSuffix(name, accuracySuffix)
}

// ReadRows reads metrics.jsonl. A last line that a kill has torn is left out.
func ReadRows(r io.Reader) ([]Row, error) {
	var out []Row
	lines := bufio.NewReader(r)
	for n := 1; ; n++ {
		line, err := lines.ReadBytes('\n')
		if err == io.EOF {
			return out, nil
		}
		if err != nil {
			return nil, fmt.Errorf("metrics: %w", err)
		}
		if len(bytes.TrimSpace(line)) == 0 {
			continue
		}
		var row Row
		if err := json.Unmarshal(line, &row); err != nil {
			return nil, fmt.Errorf("metrics: line %d: %w", n, err)
		}
		out = append(out, row)
	}
}
