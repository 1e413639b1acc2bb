package datasets

import (
	"context"
	"runtime"
	"testing"
)

// A sample costs its file's bytes, its caption's, and a few words of the batch that the caller keeps; pixels and ids lie in
// memory that goes round.
func TestASampleMakesNoGarbageBeyondItsBytes(t *testing.T) {
	const (
		size, batch  = 64, 32
		first, whole = 8 * batch, 200 * batch // until everything has been made once; all
		most         = 1000                   // bytes a sample, the fake source's captions among them; its pixels are 12288
	)
	l := &Loader{
		Source: &fake{n: whole}, BatchSize: batch, Workers: 2, Size: size, ContextLength: 77, Order: Sequential, MaxSkip: 1,
		Pixels: func(dst []uint8, p Picture, _ uint64) error { copy(dst, p.RGB); return nil },
		Tokens: func(dst []int32, _ string) (int, bool) { clear(dst); return 2, false },
	}
	var begun, ended runtime.MemStats
	for b, err := range l.Batches(context.Background(), 0, whole) {
		if err != nil {
			t.Fatal(err)
		}
		if b.Next == first {
			runtime.ReadMemStats(&begun)
		}
	}
	runtime.ReadMemStats(&ended)
	if begun.TotalAlloc == 0 {
		t.Fatalf("no batch ends at %d", first)
	}
	if got := (ended.TotalAlloc - begun.TotalAlloc) / (whole - first); got > most {
		t.Errorf("%d bytes a sample, of at most %d", got, most)
	}
}
