package weights

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"hash"
	"slices"
	"strings"
)

// sample is the number of bytes that a fingerprint reads at each end and in the middle of a tensor. That suffices, since training, merging
// and rounding change all of a tensor.
const sample = 1024

// Fingerprint identifies weights by the names, types and shapes of all tensors and three samples of each. It is the same in every layout.
// A file of 600 MB takes a few milliseconds.
func Fingerprint(s Set) string {
	return digest(s, func(h hash.Hash, data []byte) {
		n := len(data)
		if n <= 3*sample {
			h.Write(data)
			return
		}
		h.Write(data[:sample])
		h.Write(data[n/2:][:sample])
		h.Write(data[n-sample:])
	})
}

// Digest is Fingerprint over all bytes of the tensors.
func Digest(s Set) string { return digest(s, func(h hash.Hash, data []byte) { h.Write(data) }) }

func digest(s Set, add func(h hash.Hash, data []byte)) string {
	h := sha256.New()
	for _, name := range slices.Sorted(slices.Values(s.Names())) {
		dtype, shape, _ := Shape(s, name)
		fmt.Fprintf(h, "%q %s %d\n", name, dtype, shape)
		for _, data := range thirds(s, name) {
			add(h, data)
		}
	}
	return hex.EncodeToString(h.Sum(nil)[:16])
}

// thirds returns a tensor's data, with queries, keys and values separate, since some layouts store them so.
func thirds(s Set, name string) [][]byte {
	var data [][]byte
	for _, t := range unstacked(s, name) {
		data = append(data, t.Data)
	}
	if whole := data[0]; len(data) == 1 && (strings.Contains(name, ".in_proj_") || strings.Contains(name, ".qkv.")) && len(whole)%3 == 0 {
		n := len(whole) / 3
		return [][]byte{whole[:n], whole[n : 2*n], whole[2*n:]}
	}
	return data
}

// Finite returns an error that names the first tensor with a number that is NaN or infinite. It reads all numbers.
func Finite(s Set) error {
	for _, name := range s.Names() {
		if t, _ := s.Tensor(name); !t.Finite() {
			return fmt.Errorf("not a finite number in %s", name)
		}
	}
	return nil
}
