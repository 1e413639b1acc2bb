package record

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"slices"

	"clipgo/internal/bounded"
	"clipgo/internal/fault"
)

// Row is a line of metrics.jsonl. Its rates cover the steps since the previous line and the waiting for their batches, without the time
// of hooks (evaluations, checkpoints).
type Row struct {
	Step     int      `json:"step"`
	Samples  int64    `json:"samples"`
	Epoch    float64  `json:"epoch"`
	Loss     Number   `json:"loss"`
	Scale    Number   `json:"scale"` // exp(logit_scale)
	LR       float64  `json:"lr"`
	GradNorm Number   `json:"grad_norm"`
	Skipped  int      `json:"bad_steps,omitempty"`
	Pairs    float64  `json:"pairs_per_second"`
	Wait     float64  `json:"data_wait_fraction"`
	Sources  []Source `json:"sources,omitempty"` // of a mixture, in its order
	Passes   []Pass   `json:"passes,omitempty"`  // that ended since the row before
	Extra    []Named  `json:"-"`                 // other numbers of the objective, each under its own name
}

// Named is a number with its name in metrics.jsonl.
type Named struct {
	Name  string
	Value float64
}

// Number is a float64 that may be NaN or infinite. JSON has no such numbers: they are written as null, which is read as NaN.
type Number float64

// Finite reports whether v is neither NaN nor infinite.
func Finite(v float64) bool { return !math.IsNaN(v) && !math.IsInf(v, 0) }

// MarshalJSON writes the number, or null if it is not finite.
func (n Number) MarshalJSON() ([]byte, error) {
	if !Finite(float64(n)) {
		return []byte("null"), nil
	}
	return json.Marshal(float64(n))
}

// UnmarshalJSON reads a number; null is NaN.
func (n *Number) UnmarshalJSON(data []byte) error {
	v := math.NaN()
	err := json.Unmarshal(data, &v) // null leaves v unchanged
	*n = Number(v)
	return err
}

// fields is Row without its methods, for encoding/json.
type fields Row

// MarshalJSON writes the extra numbers after the others.
func (r Row) MarshalJSON() ([]byte, error) {
	out, err := json.Marshal(fields(r))
	if err != nil {
		return nil, err
	}
	out = out[:len(out)-1] // the closing brace
	for _, e := range r.Extra {
		name, _ := json.Marshal(e.Name) // a string: it can't fail
		value, err := Number(e.Value).MarshalJSON()
		if err != nil {
			return nil, err
		}
		out = append(append(append(append(out, ','), name...), ':'), value...)
	}
	return append(out, '}'), nil
}

// own are the names of Row's fields in JSON.
var own = []string{"step", "samples", "epoch", "loss", "scale", "lr", "grad_norm", "bad_steps", "pairs_per_second", "data_wait_fraction",
	"sources", "passes"}

// UnmarshalJSON reads a line. A Number that is null or missing becomes NaN, a gap in its curve. Numbers under other names go to
// Extra; values of other types are ignored.
func (r *Row) UnmarshalJSON(data []byte) error {
	nan := math.NaN()
	line := fields{Loss: Number(nan), Scale: Number(nan), LR: nan, GradNorm: Number(nan), Pairs: nan}
	if err := json.Unmarshal(data, &line); err != nil {
		return err
	}
	*r = Row(line)
	tokens := json.NewDecoder(bytes.NewReader(data))
	_, err := tokens.Token() // the brace
	for err == nil && tokens.More() {
		err = r.readExtra(tokens)
	}
	return err
}

// readExtra reads the next name and its value.
func (r *Row) readExtra(tokens *json.Decoder) error {
	name, err := tokens.Token()
	if err != nil {
		return err
	}
	var raw json.RawMessage
	if err := tokens.Decode(&raw); err != nil {
		return err
	}
	var v *float64
	if s, _ := name.(string); !slices.Contains(own, s) && json.Unmarshal(raw, &v) == nil && v != nil {
		r.Extra = append(r.Extra, Named{s, *v})
	}
	return nil
}

// Number returns the extra number with a name; ok reports whether the line has one.
func (r Row) Number(name string) (v float64, ok bool) {
	i := slices.IndexFunc(r.Extra, func(e Named) bool { return e.Name == name })
	if i < 0 {
		return 0, false
	}
	return r.Extra[i].Value, true
}

// ReadRows reads metrics.jsonl. An incomplete last line, left by a killed process, is ignored.
func ReadRows(r io.Reader) ([]Row, error) {
	var out []Row
	err := bounded.Scan(r, "metrics", bounded.Log, func(n int, line []byte, whole bool) error {
		if !whole || len(bytes.TrimSpace(line)) == 0 {
			return nil
		}
		var row Row
		if err := json.Unmarshal(line, &row); err != nil {
			return fmt.Errorf("metrics: line %d: %w", n, fault.JSON(err))
		}
		out = append(out, row)
		return nil
	})
	return out, err
}
