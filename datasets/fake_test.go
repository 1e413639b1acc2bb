package datasets

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync/atomic"
	"testing"
)

// fake is a source in memory; bad samples are those that reasons names, by number.
type fake struct {
	n       int
	reasons map[int]string // what Picture fails with
	entries map[int]string // what Entry.Bad says
	reads   atomic.Int64
}

func (f *fake) Len() int     { return f.n }
func (f *fake) Info() Info   { return Info{Name: "fake"} }
func (f *fake) Close() error { return nil }

func (f *fake) Entry(ctx context.Context, i int) (Entry, error) {
	return f.entry(i), ctx.Err()
}

func (f *fake) entry(i int) Entry {
	captions := []string{fmt.Sprint("a", i), fmt.Sprint("b", i), fmt.Sprint("c", i)}
	return Entry{Key: fmt.Sprint("key", i), Captions: captions, Offset: int64(100 * i), Bad: f.entries[i]}
}

func (f *fake) Picture(ctx context.Context, i int) (Picture, error) {
	f.reads.Add(1)
	if reason, bad := f.reasons[i]; bad {
		return Picture{}, errors.New(reason)
	}
	return Picture{RGB: []uint8{uint8(i), uint8(i >> 8), uint8(i >> 16)}, Width: 1, Height: 1}, ctx.Err()
}

// why is why a sample can't be used; empty where it can.
func (f *fake) why(i int) string { return cmp.Or(f.entries[i], f.reasons[i]) }

// number is the sample that a batch's picture was made from.
func number(b *Batch, i int) int {
	p := b.Pixels[i*len(b.Pixels)/b.N:]
	return int(p[0]) | int(p[1])<<8 | int(p[2])<<16
}

// loader makes pictures of 2 x 2 pixels whose first tells the sample and whose other bytes tell the key, and ids that
// tell the caption.
func (f *fake) loader() *Loader {
	return &Loader{
		Source: f, Seed: 7, BatchSize: 8, Workers: 3, Size: 2, ContextLength: 4, Order: Shuffled, MaxSkip: 1,
		Pixels: func(dst []uint8, p Picture, key uint64) error {
			if len(dst) != 2*2*3 {
				return fmt.Errorf("%d bytes to fill", len(dst))
			}
			copy(dst, p.RGB)
			for i := range 8 {
				dst[4+i] = uint8(key >> (8 * i))
			}
			return nil
		},
		Tokens: func(dst []int32, caption string) (int, bool) {
			clear(dst)
			for i := range min(len(dst), len(caption)) {
				dst[i] = int32(caption[i])
			}
			return min(len(dst), len(caption)), len(caption) > len(dst)
		},
	}
}

// entryOf describes a sample of a source that can describe all of its samples.
func entryOf(t testing.TB, s Source, i int) Entry {
	t.Helper()
	e, err := s.Entry(t.Context(), i)
	if err != nil {
		t.Error(err)
	}
	return e
}

// badSamples picks a share of n samples, deterministically.
func badSamples(n int, share float64, seed uint64) map[int]string {
	r := rand.New(rand.NewPCG(seed, 1))
	out := map[int]string{}
	for i := range n {
		if r.Float64() < share {
			out[i] = fmt.Sprint("broken ", i)
		}
	}
	return out
}

// all reads a stream to its end and copies what the loader would fill again.
func all(t *testing.T, l *Loader, from, to int64) ([]Batch, error) {
	t.Helper()
	var out []Batch
	for b, err := range l.Batches(t.Context(), from, to) {
		if b != nil {
			c := *b
			c.Pixels, c.IDs, c.DropKeys = slices.Clone(b.Pixels), slices.Clone(b.IDs), slices.Clone(b.DropKeys)
			out = append(out, c)
		}
		if err != nil {
			return out, err
		}
	}
	return out, nil
}

func good(t *testing.T, l *Loader, from, to int64) []Batch {
	t.Helper()
	out, err := all(t, l, from, to)
	if err != nil {
		t.Fatal(err)
	}
	return out
}
