package disttest

import (
	"bytes"
	"cmp"
	"context"
	"encoding/gob"
	"math"
	"testing"

	"clipgo/internal/nn"
	"clipgo/internal/torch"
)

// parameter is one of Parameters.
type parameter struct {
	Name   string
	Values []float32
}

// Parameters are the values of parameters, for Near. The same values are the same bytes.
func Parameters(t testing.TB, params []*nn.Param) []byte {
	t.Helper()
	var all []parameter
	err := torch.Do(context.Background(), func(*torch.Scope) error {
		for _, p := range params {
			all = append(all, parameter{p.Name, p.Tensor().Float32s()})
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return Encoded(t, all)
}

// Encoded is a value as bytes, for Decoded.
func Encoded(t testing.TB, v any) []byte {
	t.Helper()
	var out bytes.Buffer
	if err := gob.NewEncoder(&out).Encode(v); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// Decoded is what Encoded was given.
func Decoded[T any](t testing.TB, data []byte) (v T) {
	t.Helper()
	if err := gob.NewDecoder(bytes.NewReader(data)).Decode(&v); err != nil {
		t.Fatal(err)
	}
	return v
}

// tolerance is that of sums of float32 in another order.
const tolerance = 1e-5

// Near compares parameters: each value may be off by a share of the parameter's largest, 0: 1e-5.
func Near(t testing.TB, got, want []byte, share float64) {
	t.Helper()
	is, worst, of := Decoded[[]parameter](t, got), 0.0, ""
	for i, p := range Decoded[[]parameter](t, want) {
		if is[i].Name != p.Name {
			t.Fatalf("%s is compared with %s", is[i].Name, p.Name)
		}
		off, most := 0.0, 0.0
		for k, v := range p.Values {
			off, most = max(off, math.Abs(float64(v-is[i].Values[k]))), max(most, math.Abs(float64(v)))
		}
		if off/most > worst {
			worst, of = off/most, p.Name
		}
	}
	t.Logf("at most %.2g of the largest value, of %s", worst, of)
	if !(worst <= cmp.Or(share, tolerance)) {
		t.Errorf("%s is off by %.2g of its largest value", of, worst)
	}
}

// NearNumbers compares losses and norms: each may be off by a share of itself, or of 1 if it is smaller; 0: 1e-5.
func NearNumbers(t testing.TB, got, want []float64, share float64) {
	t.Helper()
	if len(got) != len(want) {
		t.Fatalf("%d numbers, want %d", len(got), len(want))
	}
	for i := range want {
		if off := math.Abs(got[i] - want[i]); !(off <= cmp.Or(share, tolerance)*max(1, math.Abs(want[i]))) {
			t.Fatalf("number %d is %g, want %g", i, got[i], want[i])
		}
	}
}
