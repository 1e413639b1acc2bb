package datasets

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/klauspost/compress/zstd"
)

// packed compresses data.
func packedTar(t testing.TB, data []byte, end string) []byte {
	t.Helper()
	var b bytes.Buffer
	var err error
	if end == ".tar.zst" {
		w, _ := zstd.NewWriter(&b)
		_, err = w.Write(data)
		err = errors.Join(err, w.Close())
	} else {
		w := gzip.NewWriter(&b)
		_, err = w.Write(data)
		err = errors.Join(err, w.Close())
	}
	if err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// numberedShards writes shards whose pictures are pixels that tell their number. Each fifth sample has no picture. Names end in one of
// ends.
func numberedShards(t testing.TB, shards, samples int, ends ...string) string {
	t.Helper()
	root := t.TempDir()
	for k := range shards {
		var members []member
		for i := range samples {
			n := k*samples + i
			if i%5 != 4 {
				members = append(members, member{fmt.Sprintf("%04d.png", n), string([]byte{byte(n), byte(n >> 8), 0})})
			}
			members = append(members, member{fmt.Sprintf("%04d.txt", n), fmt.Sprintf("a%d", n)})
		}
		data, end := archive(t, tar.FormatUSTAR, members...), ends[k%len(ends)]
		if end != ".tar" {
			data = packedTar(t, data, end)
		}
		if err := os.WriteFile(filepath.Join(root, fmt.Sprintf("%02d%s", k, end)), data, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return root
}

// fileLoader loads a source as fake's loader does, from files that hold the three bytes of a pixel.
func fileLoader(s Source) *Loader {
	l := (&fake{n: 1}).loader()
	fill := l.Pixels
	l.Source, l.Buffer = s, 17
	l.Pixels = func(dst []uint8, p Picture, key uint64) error { return fill(dst, Picture{RGB: p.File}, key) }
	return l
}

func TestCompressedShardsHoldTheSamplesOfPlainOnes(t *testing.T) {
	plain := openForTest(t, numberedShards(t, 4, 10, ".tar"), Options{Need: NeedCaptions})
	for _, end := range []string{".tar.gz", ".tgz", ".tar.zst"} {
		root := numberedShards(t, 4, 10, end)
		s := openForTest(t, root, Options{Need: NeedCaptions})
		if _, ok := streamOf(s); !ok || s.Len() != plain.Len() {
			t.Fatalf("%s: %d samples, want %d", end, s.Len(), plain.Len())
		}
		for _, i := range []int{0, 1, 2, 7, 3, 38, 22, 0, 4, 39} {
			got, want := entryOf(t, s, i), entryOf(t, plain, i)
			if !slices.Equal(got.Captions, want.Captions) || got.Bad != want.Bad || got.Offset != want.Offset || got.Size != want.Size {
				t.Errorf("%s: sample %d is %+v, want %+v", end, i, got, want)
			}
			x, errX := s.Picture(t.Context(), i)
			y, errY := plain.Picture(t.Context(), i)
			if !bytes.Equal(x.File, y.File) || (errX == nil) != (errY == nil) {
				t.Errorf("%s: picture %d is %v, %v; want %v, %v", end, i, x.File, errX, y.File, errY)
			}
		}
		l, want := fileLoader(s), fileLoader(plain)
		l.Order, want.Order = Sequential, Sequential
		got := good(t, l, 0, 40)
		for k, b := range good(t, want, 0, 40) {
			same := slices.Equal(got[k].Pixels, b.Pixels) && slices.Equal(got[k].Captions, b.Captions)
			if !same || len(got[k].Skipped) != len(b.Skipped) {
				t.Errorf("%s: batch %d in order is %v, want %v", end, k, got[k].Index, b.Index)
			}
		}
	}
}

// A file named .tar may be compressed all the same.
func TestCompressionIsSeenByContent(t *testing.T) {
	root := numberedShards(t, 1, 5, ".tar.gz")
	path := filepath.Join(root, "00.tar")
	if err := os.Rename(filepath.Join(root, "00.tar.gz"), path); err != nil {
		t.Fatal(err)
	}
	for _, src := range []string{root, path, path + "::" + path} {
		s := openForTest(t, src, Options{})
		if p, err := s.Picture(t.Context(), 3); err != nil || string(p.File) != "\x03\x00\x00" {
			t.Errorf("%s: %v, %v", src, p.File, err)
		}
	}
}

// streams are sources that are read in sequence.
func streams(t *testing.T) map[string]Source {
	mixed := openForTest(t, numberedShards(t, 5, 12, ".tar.gz"), Options{Need: NeedCaptions})
	plain := openForTest(t, numberedShards(t, 1, 12, ".tar"), Options{Need: NeedCaptions})
	several := &joined{name: "several"}
	several.info = several.describe
	several.add(plain)
	several.add(mixed)
	return map[string]Source{
		"shards": mixed, "selected": Select(mixed, []int{1, 3, 4, 11, 12, 30, 31, 40, 50, 58}), "several": several,
		"sampled": Sample(several, 31),
	}
}

func TestAStreamHasEachSampleOnceInEveryEpoch(t *testing.T) {
	for name, s := range streams(t) {
		for _, pool := range []int{0, 20} {
			l := fileLoader(s)
			l.Pool = pool
			n, epochs := s.Len(), [3]map[string]int{{}, {}, {}}
			used, skipped := 0, 0
			for _, b := range good(t, l, 0, int64(3*n)) {
				used, skipped = used+b.N, skipped+len(b.Skipped)
				slot := int(b.Next) - b.N - len(b.Skipped)
				for i := range b.N {
					if e := entryOf(t, s, b.Index[i]); e.Key != b.Entries[i].Key || number(&b, i) != memberNumber(e.Key) {
						t.Fatalf("%s: sample %d is %s with the picture %d", name, b.Index[i], b.Entries[i].Key, number(&b, i))
					}
				}
				if slot/n == int(b.Next-1)/n {
					for _, e := range b.Entries {
						epochs[slot/n][e.Key]++
					}
				}
			}
			for e, keys := range epochs {
				for key, times := range keys {
					if times != 1 {
						t.Errorf("%s: %s is %d times in epoch %d", name, key, times, e)
					}
				}
			}
			if used+skipped != 3*n || skipped == 0 {
				t.Errorf("%s: %d samples used, %d skipped; %d are there", name, used, skipped, 3*n)
			}
		}
	}
}

// memberNumber is the number in the name of a member of numberedShards.
func memberNumber(key string) (n int) {
	_, err := fmt.Sscanf(filepath.Base(key), "%d.png", &n)
	if err != nil {
		return -1
	}
	return n
}

func TestAStreamContinuesExactly(t *testing.T) {
	for name, s := range streams(t) {
		for _, pool := range []int{0, 20} {
			l := fileLoader(s)
			l.Pool = pool
			end := int64(2*s.Len() + 5)
			whole := good(t, l, 0, end)
			for k := range whole {
				rest := *l
				rest.Workers = 1 + k%4
				got := good(t, &rest, whole[k].Next, end)
				if !slices.EqualFunc(got, whole[k+1:], func(a, b Batch) bool { return reflect.DeepEqual(a, b) }) {
					t.Fatalf("%s, pool of %d: from slot %d on the rest is another", name, pool, whole[k].Next)
				}
			}
		}
	}
}

func noBytes(int) int64 { return 0 }

// Large pictures are shuffled among fewer.
func TestTheBufferIsBoundedInBytes(t *testing.T) {
	const large = bufferBytes / 8
	b, n := newBuffered([]int{40, 60}, func(int) int64 { return large }, 30, 1, 0), 0
	for ; n < 60; n++ {
		if b.take(); len(b.held) > 7 || b.filled != int64(len(b.held))*large {
			t.Fatalf("%d pictures of %d bytes are held after %d", len(b.held), b.filled, n+1)
		}
	}
	if b := newBuffered([]int{3}, func(int) int64 { return 2 * bufferBytes }, 30, 1, 0); b.take()+b.take()+b.take() != 3 {
		t.Error("pictures larger than the buffer are not taken in turn")
	}
}

func TestTheBufferShuffles(t *testing.T) {
	const n, size = 3000, 400
	b := newBuffered([]int{1000, 1000, 2000, n}, noBytes, size, 3, 1)
	seen, follows, first := make([]bool, n), 0, b.take()
	seen[first] = true
	for last, k := first, 1; k < n; k++ {
		i := b.take()
		if seen[i] {
			t.Fatalf("sample %d comes twice", i)
		}
		seen[i] = true
		if i == last+1 {
			follows++
		}
		last = i
	}
	if follows > 40 { // 3000/400 would be expected
		t.Errorf("%d samples follow the one before them", follows)
	}
	one := newBuffered([]int{n}, noBytes, size, 3, 1).take()
	if again := newBuffered([]int{n}, noBytes, size, 3, 1).take(); again != one {
		t.Errorf("the first is %d, then %d", one, again)
	}
	seed, epoch := newBuffered([]int{n}, noBytes, size, 4, 1).take(), newBuffered([]int{n}, noBytes, size, 3, 2).take()
	if seed == one || epoch == one {
		t.Errorf("another seed begins with %d, another epoch with %d, the first with %d", seed, epoch, one)
	}
}

// What a resumed run doesn't need again is not read: archives whose samples all came before. And no more pictures are in memory than the
// buffer has.
func TestAStreamReadsAndHoldsNoMoreThanItNeeds(t *testing.T) {
	f := remote(t, 20, 10, 10)
	f.sequential = true
	s := f.mustOpen(t, "http://x/{0..19}.tar")
	l := fileLoader(s)
	l.Buffer = 15
	for _, from := range []int64{0, 57, 170, 400 - 31} {
		f.total()
		q, w := newSequence(l), l.newWalk()
		needed := map[string]bool{}
		for slot := from; slot < from/200*200+200; slot++ {
			p := w.plain(slot)
			if r := q.take(t.Context(), slot, p); r.Err != nil || r.Index != p.index || int(r.Picture.File[0]) != p.index {
				t.Fatalf("slot %d: %+v, want sample %d", slot, r, p.index)
			}
			needed[s.files[p.index/10].object.Name] = true
			if len(q.held) >= l.Buffer {
				t.Fatalf("slot %d: %d pictures are held", slot, len(q.held))
			}
		}
		q.close()
		if len(f.reads) != len(needed) || from >= 170 && len(needed) > 8 {
			t.Errorf("from slot %d on %d archives are read, %d are needed", from, len(f.reads), len(needed))
		}
		said := fmt.Sprintf("; %d of 20 parts are done with", 20-len(needed))
		if got := l.Replay(from); from%200 > 0 && !strings.Contains(got, said) || from%200 == 0 && got != "" {
			t.Errorf("from slot %d on: %s, want %s", from, got, said)
		}
	}
}

func TestADamagedStreamCostsWhatIsBehindTheDamage(t *testing.T) {
	root := numberedShards(t, 2, 10, ".tar.gz")
	path := filepath.Join(root, "00.tar.gz")
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, data[:len(data)*2/3], 0o644); err != nil {
		t.Fatal(err)
	}
	s := openForTest(t, root, Options{Need: NeedCaptions})
	if notes := strings.Join(s.Info().Notes, "\n"); !strings.Contains(notes, "00.tar.gz is truncated") {
		t.Errorf("notes %s", notes)
	}
	l := fileLoader(s)
	used, skipped := 0, 0
	for _, b := range good(t, l, 0, int64(s.Len())) {
		used, skipped = used+b.N, skipped+len(b.Skipped)
	}
	if used < 10 || used > 15 || used+skipped != s.Len() {
		t.Errorf("%d of %d samples used, %d skipped", used, s.Len(), skipped)
	}
}

func TestAStreamThatChangedEndsTheBatches(t *testing.T) {
	root := numberedShards(t, 1, 10, ".tar.gz")
	s := openForTest(t, root, Options{Need: NeedCaptions})
	other := packedTar(t, archive(t, tar.FormatUSTAR, member{"x.png", "abcd"}), ".tar.gz")
	if err := os.WriteFile(filepath.Join(root, "00.tar.gz"), other, 0o644); err != nil {
		t.Fatal(err)
	}
	var data *DataError
	if _, err := all(t, fileLoader(s), 0, 10); !errors.As(err, &data) || !strings.Contains(err.Error(), "has changed") {
		t.Errorf("%v", err)
	}
}
