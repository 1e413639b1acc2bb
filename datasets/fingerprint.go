package datasets

import (
	"bufio"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"math"
)

// fingerprint is a hash of n samples in their order, as 16 hex digits: names, sizes, captions, labels, groups. A name must be relative to
// the source, so that a set keeps its fingerprint when it is moved.
func fingerprint(n int, at func(i int) (name string, e Entry)) string {
	hash := sha256.New()
	w := bufio.NewWriterSize(hash, 1<<16)
	var number [binary.MaxVarintLen64]byte
	put := func(v int64) { w.Write(number[:binary.PutVarint(number[:], v)]) } //nolint:errcheck // a hash takes everything
	text := func(s string) {
		put(int64(len(s)))
		w.WriteString(s) //nolint:errcheck // a hash takes everything
	}
	put(int64(n))
	for i := range n {
		name, e := at(i)
		text(name)
		put(e.Size)
		put(int64(e.Label))
		if e.Labels != nil {
			put(int64(-1 - len(e.Labels)))
			for _, c := range e.Labels {
				put(int64(c))
			}
		}
		if e.Groups != nil {
			put(math.MinInt64 + int64(len(e.Groups)))
			for _, g := range e.Groups {
				put(int64(g))
			}
		}
		put(int64(len(e.Captions)))
		for _, c := range e.Captions {
			text(c)
		}
	}
	w.Flush() //nolint:errcheck // a hash takes everything
	return hex.EncodeToString(hash.Sum(nil)[:8])
}
