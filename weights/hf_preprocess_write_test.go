package weights

import (
	"encoding/json"
	"testing"
)

// Python reads 0 as an int, and transformers 5 checks the types of its configs.
func TestDecimalsAreFloatsInPython(t *testing.T) {
	for v, want := range map[decimal]string{0: "0.0", 1: "1.0", -10: "-10.0", 0.5: "0.5", 1e-5: "0.00001", 1e-7: "1e-7", 1e21: "1e+21",
		1. / 255: "0.00392156862745098"} {
		if got, err := json.Marshal(v); err != nil || string(got) != want {
			t.Errorf("%g: %s %v, want %s", float64(v), got, err, want)
		}
	}
}
