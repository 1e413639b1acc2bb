package bpe

import (
	"bytes"
	"hash/maphash"
	"sync/atomic"
)

const (
	cacheSlots   = 1 << 15
	cacheLongest = 48 // bytes; longer words are rare and would make the cache large
)

// cache maps words to ids. A word's hash selects its slot, and a new word replaces the one in its slot. So the cache is bounded, needs no
// lock, and a collision costs only time.
type cache struct {
	seed  maphash.Seed
	slots [cacheSlots]atomic.Pointer[cached]
}

type cached struct {
	word []byte
	ids  []int32
}

func newCache() *cache {
	return &cache{seed: maphash.MakeSeed()}
}

func (c *cache) slot(word []byte) *atomic.Pointer[cached] {
	return &c.slots[maphash.Bytes(c.seed, word)%cacheSlots]
}

// get returns nil for a word that isn't there.
func (c *cache) get(word []byte) []int32 {
	if e := c.slot(word).Load(); e != nil && bytes.Equal(e.word, word) {
		return e.ids
	}
	return nil
}

func (c *cache) put(word []byte, ids []int32) {
	if len(word) <= cacheLongest {
		c.slot(word).Store(&cached{bytes.Clone(word), ids})
	}
}
