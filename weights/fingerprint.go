package weights

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
)

// sample is how much of each end of a tensor a fingerprint reads: training, merging and rounding change all of a tensor.
const sample = 1024

// Fingerprint names weights by the names, types and shapes of all tensors and the first and last kilobyte of each; it is the
// same in every layout. It reads little: a file of 600 MB costs a few milliseconds.
func Fingerprint(s Set) string {
	return digest(s, func(data []byte) []byte {
		if len(data) <= 2*sample {
			return data
		}
		return slices.Concat(data[:sample], data[len(data)-sample:])
	})
}

// Digest is Fingerprint over every number.
func Digest(s Set) string { return digest(s, func(data []byte) []byte { return data }) }

func digest(s Set, of func(data []byte) []byte) string {
	h := sha256.New()
	for _, name := range slices.Sorted(slices.Values(s.Names())) {
		t, _ := s.Tensor(name)
		fmt.Fprintf(h, "%q %s %d\n", name, t.DType, t.Shape)
		h.Write(of(t.Data))
	}
	return hex.EncodeToString(h.Sum(nil)[:16])
}
