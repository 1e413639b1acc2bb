package datasets

import (
	"archive/tar"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"math"
	"os"
	"path/filepath"
	"reflect"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"clipgo/datasets/store"
	"clipgo/internal/bounded"
)

// fakeStore holds objects in memory and records what is read of them.
type fakeStore struct {
	files      map[string][]byte
	versions   map[string]string // of an object whose version isn't "1"
	sequential bool
	broken     map[string]error // what reading fails with, by name
	missing    map[string]error // what Find fails with, by name
	cache      string
	mu         sync.Mutex
	reads      map[string][]readSpan
}

type readSpan struct{ from, to int64 }

func (f *fakeStore) object(name string) store.Object {
	version, changed := f.versions[name]
	if !changed {
		version = "1"
	}
	return store.Object{Name: name, Size: int64(len(f.files[name])), Version: version, Sequential: f.sequential}
}

func (f *fakeStore) Find(_ context.Context, name string) ([]store.Object, error) {
	if err := f.missing[name]; err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	if _, there := f.files[name]; !there {
		return nil, fmt.Errorf("%s: %w", name, fs.ErrNotExist)
	}
	return []store.Object{f.object(name)}, nil
}

func (f *fakeStore) List(_ context.Context, folder string) (out []store.Object, _ error) {
	for _, name := range slices.Sorted(maps.Keys(f.files)) {
		if name[:strings.LastIndexByte(name, '/')] == folder {
			out = append(out, f.object(name))
		}
	}
	return out, nil
}

func (f *fakeStore) ReadAt(ctx context.Context, o store.Object, p []byte, at int64) (int, error) {
	if err := f.check(ctx, o); err != nil {
		return 0, err
	}
	n, err := bytes.NewReader(f.files[o.Name]).ReadAt(p, at)
	f.record(o.Name, at, n)
	return n, err
}

func (f *fakeStore) check(ctx context.Context, o store.Object) error {
	if f.object(o.Name).Version != o.Version {
		return &store.ChangedError{Name: o.Name}
	}
	if err := f.broken[o.Name]; err != nil {
		return fmt.Errorf("%s: %w", o.Name, err)
	}
	return ctx.Err()
}

func (f *fakeStore) record(name string, at int64, n int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.reads == nil {
		f.reads = map[string][]readSpan{}
	}
	f.reads[name] = append(f.reads[name], readSpan{at, at + int64(n)})
}

func (f *fakeStore) Stream(ctx context.Context, o store.Object, at int64) (io.ReadCloser, error) {
	if err := f.check(ctx, o); err != nil {
		return nil, err
	}
	f.record(o.Name, at, len(f.files[o.Name]))
	return io.NopCloser(bytes.NewReader(f.files[o.Name][at:])), nil
}

func (f *fakeStore) ReadAll(_ context.Context, o store.Object, _ bounded.Kind) ([]byte, error) {
	return f.files[o.Name], nil
}

func (f *fakeStore) Cache() string { return f.cache }

// total is the number of bytes that were read since the last call.
func (f *fakeStore) total() (n int64) {
	for _, reads := range f.reads {
		for _, r := range reads {
			n += r.to - r.from
		}
	}
	f.reads = nil
	return n
}

// remote is a store with the shards http://x/0.tar and so on, which hold what those of numberedShards do, with longer pictures.
func remote(t testing.TB, shards, samples, size int) *fakeStore {
	t.Setenv("XDG_CACHE_HOME", t.TempDir())
	f := &fakeStore{files: map[string][]byte{}, versions: map[string]string{}, broken: map[string]error{}, missing: map[string]error{}}
	for k := range shards {
		var members []member
		for i := range samples {
			n := k*samples + i
			picture := append([]byte{byte(n), byte(n >> 8), 0}, make([]byte, size)...)
			key, caption := fmt.Sprintf("%04d", n), fmt.Sprintf("a%d", n)
			members = append(members, member{key + ".png", string(picture)}, member{key + ".txt", caption})
		}
		f.files[fmt.Sprintf("http://x/%d.tar", k)] = archive(t, tar.FormatUSTAR, members...)
	}
	return f
}

func (f *fakeStore) open(t testing.TB, src string) (*shards, error) {
	t.Helper()
	s, err := openShardsOf(t.Context(), src, Options{Need: NeedCaptions}, f, func() error { return nil })
	if err != nil {
		return nil, err
	}
	t.Cleanup(func() { s.Close() })
	return s.(*shards), nil
}

func (f *fakeStore) mustOpen(t testing.TB, src string) *shards {
	t.Helper()
	s, err := f.open(t, src)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// describe is all that a source says of its samples.
func describe(t testing.TB, s Source) (out []Entry) {
	for i := range s.Len() {
		out = append(out, entryOf(t, s, i))
	}
	return out
}

func TestTheIndexOfARemoteShardIsMadeOnce(t *testing.T) {
	f := remote(t, 3, 200, 9000)
	first := f.mustOpen(t, "http://x/{0..2}.tar")
	for name, reads := range f.reads {
		slices.SortFunc(reads, func(a, b readSpan) int { return int(a.from - b.from) })
		for i := 1; i < len(reads); i++ {
			if reads[i].from < reads[i-1].to && reads[i].from < int64(len(f.files[name])-2*tarBlock) {
				t.Errorf("%s: the bytes from %d on are read twice", name, reads[i].from)
			}
		}
	}
	if all := f.total(); all == 0 {
		t.Fatal("nothing was read")
	}
	want := describe(t, first)
	second := f.mustOpen(t, "http://x/{0..2}.tar")
	if again := f.total(); again != 0 {
		t.Errorf("%d bytes are read at the second start", again)
	}
	if got := describe(t, second); !reflect.DeepEqual(got, want) || second.Info().Fingerprint != first.Info().Fingerprint {
		t.Errorf("the second start has other samples: %+v, want %+v", got[0], want[0])
	}
	if second.files[0].mapping == nil {
		t.Error("the index is not mapped")
	}
	f.versions["http://x/1.tar"] = "2"
	third := f.mustOpen(t, "http://x/{0..2}.tar")
	if again := f.total(); again < 100_000 || third.Info().Fingerprint == first.Info().Fingerprint {
		t.Errorf("%d bytes are read of a shard with another version; fingerprint %s", again, third.Info().Fingerprint)
	}
}

// What a kept index doesn't depend on: what the samples are needed for, and whether their classes have names.
func TestAKeptIndexServesEveryNeed(t *testing.T) {
	f := remote(t, 1, 5, 10)
	f.mustOpen(t, "http://x/0.tar")
	f.total()
	f.files["http://x/classnames.txt"] = []byte("red\nblue\n")
	var data *DataError
	_, err := openShardsOf(t.Context(), "http://x/0.tar", Options{Need: NeedLabels}, f, func() error { return nil })
	if !errors.As(err, &data) || !strings.Contains(err.Error(), "no label (cls); its members are png, txt") || f.total() != 0 {
		t.Errorf("%v", err)
	}
}

func TestADamagedIndexIsMadeAgain(t *testing.T) {
	f := remote(t, 1, 50, 2000)
	want := describe(t, f.mustOpen(t, "http://x/0.tar"))
	f.total()
	kept := globbed(t, filepath.Join(os.Getenv("XDG_CACHE_HOME"), "clipgo", "shards", "*"+indexSuffix))
	if len(kept) != 1 {
		t.Fatalf("%q are kept", kept)
	}
	whole, err := os.ReadFile(kept[0])
	if err != nil {
		t.Fatal(err)
	}
	damages := [][]byte{nil, whole[:9], whole[:len(whole)-1], append(bytes.Clone(whole), 0), []byte("clipgoS3")}
	for at := 0; at < len(whole); at += 97 {
		flipped := bytes.Clone(whole)
		flipped[at] ^= 4
		damages = append(damages, flipped)
	}
	for i, damage := range damages {
		if err := os.Remove(kept[0]); err != nil { // a mapped file must not shrink
			t.Fatal(err)
		}
		if err := os.WriteFile(kept[0], damage, 0o600); err != nil {
			t.Fatal(err)
		}
		if got := describe(t, f.mustOpen(t, "http://x/0.tar")); !reflect.DeepEqual(got, want) || f.total() == 0 {
			t.Errorf("damage %d is used", i)
		}
		f.mustOpen(t, "http://x/0.tar")
		if again := f.total(); again != 0 {
			t.Errorf("damage %d: the new index is not used", i)
		}
	}
}

// A sample costs no memory, whatever its caption: what is on disk is mapped.
func TestAMappedIndexHoldsNoMemoryForASample(t *testing.T) {
	const n = 100_000
	f := remote(t, 1, 3, 10)
	name := "http://x/0.tar"
	samples := make([]shardSample, n)
	for i := range samples {
		samples[i] = shardSample{
			name: fmt.Sprintf("%09d.jpg", i), label: -1, offset: int64(i) * 3000, size: 2000,
			captions: []string{fmt.Sprintf("a caption of about the length that captions of web pages have, number %d", i)},
		}
	}
	data, err := encodeIndex(shardHead{Name: name, Version: "1", Size: n * 3000}, samples)
	if err != nil {
		t.Fatal(err)
	}
	k := newIndexKeeper("", "")
	file := k.path(f.object(name))
	if err := errors.Join(os.MkdirAll(k.dir, 0o755), os.WriteFile(file, data, 0o600)); err != nil {
		t.Fatal(err)
	}
	t.Logf("%.1f bytes a sample on disk, of them %d of name and caption", float64(len(data))/n,
		len(samples[n-1].name)+len(samples[n-1].captions[0]))
	samples, data = nil, nil
	before := heap()
	s := f.mustOpen(t, name)
	if held := heap() - before; s.Len() != n || held > n {
		t.Errorf("%d samples hold %d bytes", s.Len(), held)
	}
	if e := entryOf(t, s, n-1); e.Key != name+"/000099999.jpg" || !strings.HasSuffix(e.Captions[0], "number 99999") {
		t.Errorf("%+v", e)
	}
	if read := f.total(); read != 0 {
		t.Errorf("%d bytes of the shard were read", read)
	}
}

// Indices that are large together leave the memory from time to time, and are read all the same.
func TestMappedIndicesAreReleased(t *testing.T) {
	f := remote(t, 3, 250, 10)
	s := f.mustOpen(t, "http://x/{0..2}.tar")
	want := describe(t, s)
	s.limit.bounded = true
	s.limit.touched = make([]atomic.Bool, 3)
	for range releaseEvery - 1 {
		entryOf(t, s, 300)
	}
	if !s.limit.touched[1].Load() || s.limit.touched[0].Load() {
		t.Error("a read of the second archive is counted wrongly")
	}
	entryOf(t, s, 700)
	if s.limit.touched[1].Load() || s.limit.touched[2].Load() {
		t.Error("nothing was released")
	}
	if got := describe(t, s); !reflect.DeepEqual(got, want) {
		t.Error("other samples after a release")
	}
}

func heap() int64 {
	var m runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

func TestLargeIndicesOfFilesAreMappedToo(t *testing.T) {
	t.Setenv("XDG_CACHE_HOME", t.TempDir())
	root := numberedShards(t, 3, 20, ".tar")
	want := describe(t, openForTest(t, root, Options{}))
	if kept, _ := filepath.Glob(os.Getenv("XDG_CACHE_HOME") + "/*/*/*"); kept != nil {
		t.Errorf("%q are kept of small local shards", kept)
	}
	st := store.New(store.Options{})
	defer st.Close()
	set, err := findShards(t.Context(), root, Options{}, st)
	if err != nil {
		t.Fatal(err)
	}
	k := newIndexKeeper("", set.settings())
	k.memory = int64(len(want)) * 30
	mapped := 0
	for i := range set.files {
		f := &set.files[i]
		if err := f.load(t.Context(), st, k, shardRules{}); err != nil {
			t.Fatal(err)
		}
		if f.mapping != nil {
			mapped++
		}
		if got := f.sample(0); got.name != filepath.Base(want[20*i].Key) {
			t.Errorf("shard %d begins with %s", i, got.name)
		}
		if err := f.unmap(); err != nil {
			t.Error(err)
		}
	}
	if mapped != 2 || k.failed != nil {
		t.Errorf("%d of 3 indices are mapped, %v", mapped, k.failed)
	}
}

// Indices that nobody uses any more are removed when a new one is written; using one counts from then on.
func TestIndicesThatNobodyUsesAreRemoved(t *testing.T) {
	f := remote(t, 4, 5, 10)
	k := newIndexKeeper("", "")
	open := func(n int) { f.mustOpen(t, fmt.Sprintf("http://x/%d.tar", n)) }
	kept := func() (out string) {
		for n := range 4 {
			if _, err := os.Stat(k.path(f.object(fmt.Sprintf("http://x/%d.tar", n)))); err == nil {
				out += fmt.Sprint(n)
			}
		}
		return out
	}
	idle := func(n int, d time.Duration) {
		then := time.Now().Add(-d)
		if err := os.Chtimes(k.path(f.object(fmt.Sprintf("http://x/%d.tar", n))), then, then); err != nil {
			t.Fatal(err)
		}
	}
	other := filepath.Join(k.dir, "notes.txt")
	for n := range 3 {
		open(n)
	}
	for n := range 3 {
		idle(n, indexAge+time.Hour)
	}
	writeListed(t, other, "mine")
	if err := os.Chtimes(other, time.Time{}, time.Unix(1, 0)); err != nil {
		t.Fatal(err)
	}
	open(1) // which is in use again
	open(3)
	if got := kept(); got != "13" {
		t.Errorf("kept are %s", got)
	}
	open(0)
	idle(0, 3*time.Hour) // too fresh to be removed
	idle(1, 2*indexFresh)
	idle(3, 3*indexFresh)
	size := int64(0)
	for _, n := range []int{0, 1, 3} {
		st, err := os.Stat(k.path(f.object(fmt.Sprintf("http://x/%d.tar", n))))
		if err != nil {
			t.Fatal(err)
		}
		size += st.Size()
	}
	k.expire(time.Now(), size)
	if got := kept(); got != "013" {
		t.Errorf("with room for all, kept are %s", got)
	}
	k.expire(time.Now(), size-1)
	if got := kept(); got != "01" {
		t.Errorf("with less room, kept are %s", got)
	}
	if k.expire(time.Now(), 0); kept() != "0" {
		t.Errorf("without room, kept are %s", kept())
	}
	if _, err := os.Stat(other); err != nil {
		t.Errorf("a file of somebody else: %v", err)
	}
}

func TestAnIndexThatCantBeKeptStaysInMemory(t *testing.T) {
	f := remote(t, 1, 5, 10)
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	f.cache = file
	s := f.mustOpen(t, "http://x/0.tar")
	if notes := s.Info().Notes; s.Len() != 5 || len(notes) != 1 || !strings.Contains(notes[0], file) {
		t.Errorf("%d samples, notes %q", s.Len(), notes)
	}
	f.cache, f.versions["http://x/0.tar"] = t.TempDir(), ""
	f.mustOpen(t, "http://x/0.tar")
	if left, _ := filepath.Glob(f.cache + "/*/*"); left != nil {
		t.Errorf("%q are kept of an object without a version", left)
	}
}

// A shard that can't be read counts for as many samples as the others have, and the others are used.
func TestAShardThatCantBeReadCountsWhole(t *testing.T) {
	refused := errors.New("403 Forbidden")
	for name, spoil := range map[string]func(f *fakeStore){
		"found, not read": func(f *fakeStore) { f.broken["http://x/2.tar"] = refused },
		"not found":       func(f *fakeStore) { f.missing["http://x/2.tar"] = refused },
	} {
		f := remote(t, 5, 20, 100)
		spoil(f)
		s := f.mustOpen(t, "http://x/{0..4}.tar")
		bad := 0
		for i, e := range describe(t, s) {
			if e.Bad != "" {
				bad++
			}
			lost := e.Bad == "the shard can't be read: 403 Forbidden"
			if in := i / 20; (in == 2) != lost || e.File != fmt.Sprintf("http://x/%d.tar", in) {
				t.Errorf("%s: sample %d is %+v", name, i, e)
			}
		}
		if s.Len() != 100 || bad != 20 {
			t.Errorf("%s: %d samples, %d of them can't be used", name, s.Len(), bad)
		}
		const said = "2.tar can't be read: 403 Forbidden; its samples are not known: they count as 20"
		if notes := strings.Join(s.Info().Notes, "\n"); !strings.Contains(notes, said) {
			t.Errorf("%s: %s", name, notes)
		}
		l := fileLoader(s)
		l.Pixels = func([]uint8, Picture, uint64) error { return nil }
		for share, fits := range map[float64]bool{0.2: true, 0.19: false} {
			l.MaxSkip = share
			used := 0
			batches, err := all(t, l, 0, 100)
			for _, b := range batches {
				used += b.N
			}
			if (err == nil) != fits || fits && used != 100 {
				t.Errorf("%s: with max skip %g %d samples are used, %v", name, share, used, err)
			}
		}
		delete(f.broken, "http://x/2.tar")
		delete(f.missing, "http://x/2.tar")
		if e := entryOf(t, f.mustOpen(t, "http://x/{0..4}.tar"), 45); e.Bad != "" {
			t.Errorf("%s: after it was mended: %+v", name, e)
		}
	}
}

func TestARemoteShardThatChangesEndsTheReading(t *testing.T) {
	f := remote(t, 2, 20, 100)
	s := f.mustOpen(t, "http://x/{0..1}.tar")
	f.versions["http://x/1.tar"] = "2"
	var data *DataError
	if _, err := all(t, fileLoader(s), 0, 40); !errors.As(err, &data) || !strings.Contains(err.Error(), "http://x/1.tar has changed") {
		t.Errorf("%v", err)
	}
}

func TestRemoteFoldersAndWhatIsBesideAreRead(t *testing.T) {
	f := remote(t, 12, 2, 10)
	f.files["http://x/classnames.txt"] = []byte("red\nblue\n")
	f.files["http://x/more.json"] = nil
	f.files["http://dataset_type.txt"] = nil
	s := f.mustOpen(t, "http://x/")
	if s.Len() != 24 || s.files[2].object.Name != "http://x/2.tar" || s.Info().Ignored[".json"] != 1 || len(s.Info().Classes) != 2 {
		t.Errorf("%d samples of %d shards, %+v", s.Len(), len(s.files), s.Info())
	}
	f.files["http://x/classnames.txt"] = []byte("<html>not found</html>")
	if s := f.mustOpen(t, "http://x/{0..11}.tar"); s.Info().Classes != nil {
		t.Errorf("a page became the classes %q", s.Info().Classes)
	}
	for src, is := range map[string]func(error) bool{
		"http://x/12.tar":     func(err error) bool { return errors.Is(err, fs.ErrNotExist) },
		"http://x/{0..12.tar": func(err error) bool { return errors.As(err, new(*UsageError)) },
	} {
		if _, err := f.open(t, src); err == nil || !is(err) {
			t.Errorf("%s: %v", src, err)
		}
	}
}

// The output of a command has no version and can be read only forward, compressed or not.
func TestSequentialObjectsAreReadInSequence(t *testing.T) {
	for _, end := range []string{".tar", ".tar.gz"} {
		f := remote(t, 3, 30, 100)
		plain := f.mustOpen(t, "http://x/{0..2}.tar")
		want := describe(t, plain)
		f.sequential = true
		for k := range 3 {
			name := fmt.Sprintf("http://x/%d.tar", k)
			f.versions[name] = ""
			if end == ".tar.gz" {
				f.files[name] = packedTar(t, f.files[name], end)
			}
		}
		s := f.mustOpen(t, "http://x/{0..2}.tar")
		if got := describe(t, s); !reflect.DeepEqual(got, want) {
			t.Errorf("%s: other samples", end)
		}
		l := fileLoader(s)
		l.Pixels = func(dst []uint8, p Picture, _ uint64) error { copy(dst, p.File); return nil }
		whole := good(t, l, 0, 90)
		for k, b := range whole {
			for i, e := range b.Entries {
				if number(&b, i) != memberNumber(e.Key) {
					t.Errorf("%s: %s has the picture %d", end, e.Key, number(&b, i))
				}
			}
			if got := good(t, l, b.Next-int64(b.N), b.Next); !reflect.DeepEqual(got[0], b) {
				t.Errorf("%s: batch %d alone is another", end, k)
			}
		}
		f.files["http://x/1.tar"] = f.files["http://x/2.tar"]
		if _, err := all(t, l, 0, 90); err != nil {
			t.Errorf("%s: a shard of the same layout is %v", end, err)
		}
		f.files["http://x/1.tar"] = archive(t, tar.FormatUSTAR, member{"a.png", strings.Repeat("x", 50000)})
		var data *DataError
		if _, err := all(t, l, 0, 90); !errors.As(err, &data) || !strings.Contains(err.Error(), "1.tar holds other data") {
			t.Errorf("%s: a shard with other data: %v", end, err)
		}
	}
}

func TestAnIndexGivesBackWhatWasPutIn(t *testing.T) {
	want := []shardSample{
		{name: "a.jpg", captions: []string{"one", ""}, weights: []float32{0.25, 3}, label: 3, offset: 512, size: 1 << 40},
		{label: -1, bad: "broken", apart: "elsewhere", members: "; its members are txt", offset: 1},
		{name: "b.jpg", captions: []string{"two"}, label: math.MaxInt32, members: "; its members are txt"}, {label: -1},
	}
	data, err := encodeIndex(shardHead{Name: "a"}, want)
	if err != nil {
		t.Fatal(err)
	}
	x, err := decodeIndex(data)
	if err != nil || x.n != len(want) || len(x.head.Members) != 2 {
		t.Fatalf("%+v, %v", x.head, err)
	}
	for i := range want {
		if got := x.sample(i); !reflect.DeepEqual(got, want[i]) {
			t.Errorf("%+v, want %+v", got, want[i])
		}
	}
}

// Nothing else tells that the output of a command has changed.
func TestTheFingerprintOfWhatHasNoVersionIsThatOfItsCaptions(t *testing.T) {
	f := remote(t, 1, 5, 10)
	f.sequential, f.versions["http://x/0.tar"] = true, ""
	was := f.mustOpen(t, "http://x/0.tar").Info().Fingerprint
	f.files["http://x/0.tar"] = bytes.Replace(f.files["http://x/0.tar"], []byte("a3"), []byte("b3"), 1)
	if is := f.mustOpen(t, "http://x/0.tar").Info().Fingerprint; is == was {
		t.Error("another caption has the same fingerprint")
	}
}

func FuzzShardIndex(f *testing.F) {
	data, err := encodeIndex(shardHead{Name: "a", Notes: []string{"x"}}, []shardSample{
		{name: "a.jpg", captions: []string{"one", "two"}, label: 3, offset: 512, size: 10},
		{label: -1, bad: "broken", apart: "elsewhere", members: "; its members are txt"}, {label: -1},
	})
	if err != nil {
		f.Fatal(err)
	}
	f.Add(data)
	f.Add(data[:40])
	f.Fuzz(func(t *testing.T, data []byte) {
		_ = checkIndex(bytes.NewReader(data))
		x, err := decodeIndex(data)
		if err != nil {
			return
		}
		for i := range x.n {
			if one := x.sample(i); one.offset < 0 || one.size < 0 || one.label < -1 {
				t.Errorf("%+v", one)
			}
		}
	})
}

// gatheredStore answers reads only once as many as readers wait for an answer.
type gatheredStore struct {
	*fakeStore
	waiting atomic.Int64
	all     chan struct{} // closed once they wait
}

func (g *gatheredStore) ReadAt(ctx context.Context, o store.Object, p []byte, at int64) (int, error) {
	if g.waiting.Add(1) == remoteReaders {
		close(g.all)
	}
	select {
	case <-g.all:
		return g.fakeStore.ReadAt(ctx, o, p, at)
	case <-time.After(time.Minute):
		return 0, errors.New("the other readers don't come")
	}
}

// A read from elsewhere is mostly waiting: many are made at a time, while few pictures are decoded.
func TestReadersOfAServerWaitTogether(t *testing.T) {
	s := remote(t, 2, 30, 100).mustOpen(t, "http://x/{0..1}.tar")
	g := &gatheredStore{fakeStore: s.store.(*fakeStore), all: make(chan struct{})}
	s.store = g
	l := memberLoader(s)
	l.Workers, l.MaxSkip = 2, 0
	fill := l.Pixels
	var decoding, most atomic.Int64
	l.Pixels = func(dst []uint8, p Picture, key uint64) error {
		if n := decoding.Add(1); n > most.Load() {
			most.Store(n)
		}
		runtime.Gosched()
		defer decoding.Add(-1)
		return fill(dst, p, key)
	}
	if _, err := all(t, l, 0, 60); err != nil || most.Load() > 2 {
		t.Errorf("%d pictures were decoded at a time; %v", most.Load(), err)
	}
}
