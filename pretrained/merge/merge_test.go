package merge

import (
	"slices"
	"testing"
)

func TestAlphasAreTheNumbersWritten(t *testing.T) {
	for text, want := range map[string][]float64{
		"": nil, "0.5": {0.5}, "1e-3": {0.001}, "0:1:0.1": {0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1},
		"0.2:0.5:0.2": {0.2, 0.4}, "1:1:0.5": {1}, "0:0.3:0.1": {0, 0.1, 0.2, 0.3},
	} {
		got, err := ParseAlphas(text)
		if err != nil || !slices.Equal(got, want) {
			t.Errorf("%q: %v, %v; want %v", text, got, err, want)
		}
	}
}
