package datasets

import (
	"archive/tar"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"
)

// openUncountedFor opens shards of a store that sends them only as a whole.
func (f *fakeStore) openUncountedFor(t testing.TB, src string, n int) Source {
	t.Helper()
	f.sequential = true
	s, err := openShardsOf(t.Context(), src, Options{Need: NeedCaptions, Samples: n}, f, func() error { return nil })
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

// memberLoader loads pictures of remote.
func memberLoader(s Source) *Loader {
	l := fileLoader(s)
	l.Pixels = func(dst []uint8, p Picture, key uint64) error {
		copy(dst, p.File[:3])
		dst[4], dst[5] = uint8(key), uint8(key>>8)
		return nil
	}
	return l
}

func TestUncountedSamplesAreThoseOfTheIndex(t *testing.T) {
	f := remote(t, 3, 20, 100)
	want := f.mustOpen(t, "http://x/{0..2}.tar")
	s := f.openUncountedFor(t, "http://x/{0..2}.tar", 60)
	if f.total(); s.Len() != 60 {
		t.Errorf("%d samples", s.Len())
	}
	for _, i := range []int{0, 0, 1, 25, 59, 3} {
		got, err := s.Entry(t.Context(), i)
		if e := entryOf(t, want, i); err != nil || !reflect.DeepEqual(got, e) {
			t.Errorf("sample %d is %+v, %v; want %+v", i, got, err, e)
		}
		p, err := s.Picture(t.Context(), i)
		if err != nil || int(p.File[0]) != i || len(p.File) != 103 {
			t.Errorf("picture %d: %v", i, err)
		}
	}
	if notes := strings.Join(s.Info().Notes, "\n"); !strings.Contains(notes, "an epoch has 60 samples, as given") {
		t.Errorf("notes %s", notes)
	}
}

// Other captions of the same shards are other data, though no caption is known before the shards are read.
func TestAnUncountedFingerprintCoversTheCaptionKeys(t *testing.T) {
	f := remote(t, 1, 3, 10)
	f.sequential = true
	seen := map[string]string{}
	for _, keys := range [][2]string{
		{"", ""}, {"txt", ""}, {"txt;caption", ""}, {"caption;txt", ""}, {"txt;caption", "1;2"}, {"txt;caption", "2;1"},
	} {
		s, err := openShardsOf(t.Context(), "http://x/0.tar", Options{
			Need: NeedCaptions, Samples: 3, CaptionKey: keys[0], CaptionKeyWeights: keys[1],
		}, f, func() error { return nil })
		if err != nil {
			t.Fatal(err)
		}
		print := s.Info().Fingerprint
		if other, again := seen[print]; again {
			t.Errorf("%q has the fingerprint of %s", keys, other)
		}
		seen[print] = fmt.Sprintf("%q", keys)
		s.Close()
	}
}

// An epoch has each sample once if its length is right, and begins anew whatever it is.
func TestAnUncountedEpochIsAsLongAsGiven(t *testing.T) {
	f := remote(t, 4, 15, 100)
	for _, n := range []int{60, 25, 130} {
		l := memberLoader(f.openUncountedFor(t, "http://x/{0..3}.tar", n))
		times, first := map[string]int{}, []string{}
		for k, b := range good(t, l, 0, int64(n)) {
			for i, e := range b.Entries {
				times[e.Key]++
				if number(&b, i) != memberNumber(e.Key) || b.Captions[i] != fmt.Sprintf("a%d", memberNumber(e.Key)) {
					t.Fatalf("%s has picture %d and caption %s", e.Key, number(&b, i), b.Captions[i])
				}
				if k == 0 {
					first = append(first, e.Key)
				}
			}
		}
		for key, count := range times {
			if count < n/60 || count > (n+59)/60 {
				t.Errorf("an epoch of %d of 60 samples has %s %d times", n, key, count)
			}
		}
		if len(times) != min(n, 60) {
			t.Errorf("an epoch of %d has %d samples", n, len(times))
		}
		second := good(t, l, int64(n), int64(n)+8)[0]
		same := 0
		for i, e := range second.Entries {
			if e.Key == first[i] {
				same++
			}
		}
		if same > 3 {
			t.Errorf("the second epoch of %d begins as the first: %v", n, first)
		}
	}
}

func TestUncountedShardsComeInAnotherOrderInEachEpochAndPass(t *testing.T) {
	f := remote(t, 6, 4, 10)
	l := memberLoader(f.openUncountedFor(t, "http://x/{0..5}.tar", 48)) // twice as many as there are
	l.Buffer, l.BatchSize = 1, 4
	orders := map[string]bool{}
	var order []string
	for _, b := range good(t, l, 0, 4*48) {
		if order = append(order, b.Entries[0].File); len(order) == 6 {
			orders[strings.Join(order, " ")] = true
			order = nil
		}
	}
	if len(orders) != 8 {
		t.Errorf("8 passes have %d orders of the shards", len(orders))
	}
}

// What is borrowed of a set comes from its beginning.
func TestASampleOfUncountedDataReadsNoFurther(t *testing.T) {
	f := remote(t, 3, 20, 100)
	s := Sample(f.openUncountedFor(t, "http://x/{0..2}.tar", 60), 5)
	f.total()
	for i := range s.Len() {
		if e := entryOf(t, s, i); e.Key != fmt.Sprintf("http://x/0.tar/%04d.png", i) {
			t.Errorf("sample %d is %s", i, e.Key)
		}
	}
	if len(f.reads) > 1 {
		t.Errorf("%d archives are read", len(f.reads))
	}
}

func TestUncountedShardsWithoutSamplesAreRefused(t *testing.T) {
	f := remote(t, 1, 1, 10)
	f.files["http://x/0.tar"] = archive(t, tar.FormatUSTAR)
	for _, order := range []Order{Sequential, Shuffled} {
		l := memberLoader(f.openUncountedFor(t, "http://x/0.tar", 12))
		l.Order, l.MaxSkip = order, 0.5
		var data *DataError
		if _, err := all(t, l, 0, 12); !errors.As(err, &data) {
			t.Errorf("%v", err)
		}
	}
}

func TestAnUncountedStreamContinuesExactly(t *testing.T) {
	f := remote(t, 5, 12, 100)
	f.files["http://x/1.tar"] = append(f.files["http://x/1.tar"][:6000:6000], make([]byte, 0)...) // cut
	for _, n := range []int{40, 90} {
		l := memberLoader(f.openUncountedFor(t, "http://x/{0..4}.tar", n))
		end := int64(2*n + 3)
		whole := good(t, l, 0, end)
		skipped := 0
		for k := range whole {
			rest := *l
			rest.Workers = 1 + k%4
			skipped += len(whole[k].Skipped)
			got := good(t, &rest, whole[k].Next, end)
			if !slices.EqualFunc(got, whole[k+1:], func(a, b Batch) bool { return reflect.DeepEqual(a, b) }) {
				t.Fatalf("epochs of %d: from slot %d on the rest is another", n, whole[k].Next)
			}
		}
		if skipped == 0 {
			t.Error("the damage was not skipped")
		}
		if got := l.Replay(int64(n) + 7); !strings.Contains(got, "up to sample 7 of epoch 1") {
			t.Error(got)
		}
	}
}

func TestUncountedShardsThatCantBeReadAreSaid(t *testing.T) {
	f := remote(t, 3, 10, 100)
	f.broken["http://x/1.tar"] = errors.New("403 Forbidden")
	f.files["http://x/2.tar"] = archive(t, tar.FormatUSTAR, member{"a.png", "abc"}, member{"a.txt", "x"}, member{"b.txt", "y"},
		member{"c.png", "abc"}, member{"c.txt", "x"}, member{"a.png", "abc"}, member{"a.txt", "x"})
	l := memberLoader(f.openUncountedFor(t, "http://x/{0..2}.tar", 15))
	var reasons []string
	for _, b := range good(t, l, 0, 15) {
		for _, s := range b.Skipped {
			reasons = append(reasons, s.Key+": "+s.Reason)
		}
	}
	slices.Sort(reasons)
	want := []string{
		"http://x/1.tar: the shard can't be read: 403 Forbidden",
		"http://x/2.tar/a.png: its key occurs a second time, first at byte 512", "http://x/2.tar/b: no picture (",
	}
	for i := range want {
		if len(reasons) != len(want) || !strings.HasPrefix(reasons[i], want[i]) {
			t.Errorf("skipped %q", reasons)
		}
	}
	f.versions["http://x/0.tar"] = "2"
	var data *DataError
	if _, err := all(t, l, 0, 15); !errors.As(err, &data) || !strings.Contains(err.Error(), "0.tar has changed") {
		t.Errorf("%v", err)
	}
	l.Pool = 8
	if _, err := all(t, l, 0, 15); err == nil || !strings.Contains(err.Error(), "can't be sorted") {
		t.Errorf("with a pool: %v", err)
	}
}
