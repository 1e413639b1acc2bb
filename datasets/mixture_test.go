package datasets

import (
	"errors"
	"fmt"
	"io/fs"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"clipgo/internal/golden"
)

// mixed is a fake source with parts.
type mixed struct {
	*fake
	parts []int // samples of each
}

func (m mixed) Info() Info {
	info := Info{Name: "mixed"}
	for i, n := range m.parts {
		info.Parts = append(info.Parts, Part{Name: fmt.Sprint("part", i), Kind: "fake", Samples: n})
	}
	return info
}

// mixture is a source of parts; bad samples are those that reasons names.
func newMixed(reasons map[int]string, parts ...int) mixed {
	n := 0
	for _, p := range parts {
		n += p
	}
	return mixed{&fake{n: n, reasons: reasons}, parts}
}

func (m mixed) loader(factors ...float64) *Loader {
	l := m.fake.loader()
	l.Source, l.Factors = m, factors
	return l
}

// order lists the places of the slots before one.
func order(l *Loader, slots int64) (out []place) {
	w := l.newWalk()
	for slot := range slots {
		out = append(out, w.plain(slot))
	}
	return out
}

// A sample comes again only after all of its part came, whatever the weights are.
func TestAPartComesWholeBeforeItRepeats(t *testing.T) {
	for seed := range uint64(20) {
		r := rand.New(rand.NewPCG(seed, 8))
		parts, factors := make([]int, 1+r.IntN(5)), []float64{}
		for i := range parts {
			parts[i] = 1 + r.IntN(60)
			factors = append(factors, math.Exp(r.NormFloat64()))
		}
		m := newMixed(nil, parts...)
		l := m.loader(factors...)
		l.Seed = seed
		seen := map[[2]uint64]map[int]bool{} // by part and pass
		newest := make([]uint64, len(parts))
		for _, p := range order(l, 2000) {
			part := uint64(partOf(spans(m), p.index))
			key := [2]uint64{part, p.epoch}
			if seen[key] == nil {
				seen[key] = map[int]bool{}
				if p.epoch > 0 && len(seen[[2]uint64{part, p.epoch - 1}]) != parts[part] {
					t.Fatalf("seed %d: part %d begins pass %d too early", seed, part, p.epoch)
				}
			}
			if p.epoch < newest[part] || seen[key][p.index] {
				t.Fatalf("seed %d: part %d repeats sample %d in pass %d", seed, part, p.index, p.epoch)
			}
			newest[part], seen[key][p.index] = p.epoch, true
		}
	}
}

// A part has a slot in proportion to its factor times its samples, as in open_clip, where a shard is drawn by its source's factor.
func TestAPartIsDrawnByFactorAndLength(t *testing.T) {
	m := newMixed(nil, 1000, 500, 10)
	for window := range 10 {
		counts := make([]float64, 3)
		for _, p := range order(m.loader(1, 4, 100), 3000)[300*window:][:300] {
			counts[partOf(spans(m), p.index)]++
		}
		for i, share := range []float64{0.25, 0.5, 0.25} {
			if math.Abs(counts[i]-300*share) > 4 {
				t.Errorf("window %d: parts have %v of 300 slots", window, counts)
			}
		}
	}
	if got, want := order(m.loader(2, 2, 2), 500), order(m.loader(1, 1, 1), 500); !slices.Equal(got, want) {
		t.Error("factors count as they are, not their ratios")
	}
}

// Neither the order of a mixture nor its random numbers differ from those of the same samples as one source, unless there are factors.
func TestAMixtureWithoutFactorsIsOneSource(t *testing.T) {
	bad := badSamples(90, 0.1, 2)
	one, parts := (&fake{n: 90, reasons: bad}).loader(), newMixed(bad, 50, 10, 30).loader()
	want, got := good(t, one, 0, 300), good(t, parts, 0, 300)
	for i := range want {
		for k := range want[i].Skipped {
			want[i].Skipped[k].Source = got[i].Skipped[k].Source
		}
		want[i].Slots = got[i].Slots
	}
	if !reflect.DeepEqual(got, want) {
		t.Error("other batches")
	}
}

// Batches are the same from any slot on, with any number of workers, with and without pools.
func TestMixturesAreResumedExactly(t *testing.T) {
	for _, pool := range []int{0, 24} {
		make := func(workers int) *Loader {
			l := newMixed(badSamples(60, 0.2, 6), 11, 9, 40).loader(1, 5, 0.3)
			l.Pool, l.Workers = pool, workers
			return l
		}
		whole := good(t, make(3), 0, 400)
		for k, b := range whole {
			rest := good(t, make(1+k%5), b.Next, 400)
			if !slices.EqualFunc(rest, whole[k+1:], func(a, b Batch) bool { return reflect.DeepEqual(a, b) }) {
				t.Errorf("pool %d: from batch %d on, slot %d, the rest is another", pool, k+1, b.Next)
			}
		}
	}
}

// Other seeds give other orders, and the passes over a part differ.
func TestOrdersOfAPartDiffer(t *testing.T) {
	l := newMixed(nil, 40, 40).loader(1, 2)
	first := order(l, 300)
	l.Seed++
	if slices.Equal(first, order(l, 300)) {
		t.Error("two seeds have one order")
	}
	passes := map[string]bool{}
	for pass := range uint64(3) {
		var of []int
		for _, p := range first {
			if p.index >= 40 && p.epoch == pass {
				of = append(of, p.index)
			}
		}
		passes[fmt.Sprint(of)] = true
	}
	if len(passes) != 3 {
		t.Errorf("%d different orders in 3 passes", len(passes))
	}
}

// With factors an unusable sample is replaced by one of its own part.
func TestReplacementsKeepTheShares(t *testing.T) {
	m := newMixed(badSamples(200, 0.4, 9), 100, 100)
	for _, b := range good(t, m.loader(1, 3), 0, 600) {
		for _, s := range b.Slots {
			if s.Part < 0 || s.Part > 1 {
				t.Fatal(s)
			}
		}
		for _, s := range b.Skipped {
			var from, to int
			fmt.Sscanf(s.Key, "key%d", &from)
			fmt.Sscanf(s.ReplacedBy, "key%d", &to)
			if s.Source != fmt.Sprint("part", from/100) {
				t.Errorf("%s is of %s", s.Key, s.Source)
			}
			if s.ReplacedBy != "" && from/100 != to/100 {
				t.Errorf("%s is replaced by %s", s.Key, s.ReplacedBy)
			}
		}
	}
}

func TestFactorsHaveToFit(t *testing.T) {
	m := newMixed(nil, 5, 5)
	for _, factors := range [][]float64{{1}, {1, 2, 3}, {0, 1}, {-1, 1}, {math.NaN(), 1}, {math.Inf(1), 1}} {
		if _, err := all(t, m.loader(factors...), 0, 5); err == nil {
			t.Errorf("%v are taken", factors)
		}
	}
	l := m.loader(1, 2)
	l.Order = Sequential
	if _, err := all(t, l, 0, 5); err == nil {
		t.Error("an evaluation is weighted")
	}
	if _, err := all(t, newMixed(nil, 5, 0).loader(1, 1), 0, 5); err == nil || !strings.Contains(err.Error(), "part1") {
		t.Errorf("a part without samples: %v", err)
	}
}

// sources writes a folder with captions and a table of its pictures, and returns their names.
func sources(t *testing.T) (folder, table string) {
	t.Helper()
	folder = filepath.Join(t.TempDir(), "photos")
	for i := range 4 {
		putFile(t, filepath.Join(folder, fmt.Sprint(i, ".png")), fmt.Sprint("picture ", i))
		putFile(t, filepath.Join(folder, fmt.Sprint(i, ".txt")), fmt.Sprint("caption ", i))
	}
	table = filepath.Join(folder, "list.csv")
	putFile(t, table, "filepath,title\n0.png,one\n1.png,two\n")
	return folder, table
}

func putFile(t *testing.T, path, text string) {
	t.Helper()
	if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o755), os.WriteFile(path, []byte(text), 0o644)); err != nil {
		t.Fatal(err)
	}
}

func TestAMixtureHasPartsOfAnyKind(t *testing.T) {
	folder, table := sources(t)
	shards := filepath.Join(golden.Own(t, "webdataset"), "pairs")
	names := []string{folder, table, shards, "builtin:shapes?n=3", table}
	name := strings.Join(names, "::")
	s := openForTest(t, name, Options{Need: NeedCaptions})
	info, at := s.Info(), 0
	if info.Name != name || info.Kind != "several" || len(info.Parts) != 5 || info.Classes != nil {
		t.Fatalf("%+v", info)
	}
	for i, kind := range []string{"folder", "table", "shards", "builtin", "table"} {
		alone := openForTest(t, names[i], Options{Need: NeedCaptions})
		if p := info.Parts[i]; p.Kind != kind || p.Samples != alone.Len() || (p.Name == names[i]) != (i < 4) {
			t.Errorf("part %d is %+v", i, p)
		}
		for n := range alone.Len() {
			if got, want := entryOf(t, s, at), entryOf(t, alone, n); got.Key != want.Key || !slices.Equal(got.Captions, want.Captions) {
				t.Errorf("sample %d is %+v, want %+v", at, got, want)
			}
			at++
		}
	}
	if at != s.Len() || !strings.Contains(strings.Join(info.Notes, "\n"), table+" is named twice") {
		t.Errorf("%d samples of %d, notes %q", at, s.Len(), info.Notes)
	}
	if Sample(s, 3).Info().Parts != nil {
		t.Error("some of the samples have the parts of all")
	}
	for i := range names {
		other := slices.Clone(names)
		other[i] = "builtin:shapes?n=4"
		if openForTest(t, strings.Join(other, "::"), Options{}).Info().Fingerprint == info.Fingerprint {
			t.Errorf("another part %d has the same fingerprint", i)
		}
	}
}

// A part that can't be opened is named, and the exit is that of the part alone.
func TestAPartThatCannotBeOpenedIsNamed(t *testing.T) {
	folder, table := sources(t)
	bare := t.TempDir()
	putFile(t, filepath.Join(bare, "a.png"), "picture")
	for part, want := range map[string]func(error) bool{
		filepath.Join(folder, "gone.csv"): func(err error) bool { return errors.Is(err, fs.ErrNotExist) },
		bare:                              func(err error) bool { var e *DataError; return errors.As(err, &e) },
		"builtin:nothing":                 func(err error) bool { var e *UsageError; return errors.As(err, &e) },
		"":                                func(err error) bool { return strings.Contains(fmt.Sprint(err), "2 of 3: it has no name") },
	} {
		_, err := Open(t.Context(), table+"::"+part+"::"+folder, Options{Need: NeedCaptions})
		if !want(err) || !strings.Contains(fmt.Sprint(err), part) {
			t.Errorf("%s: %v", part, err)
		}
	}
}

func TestAMixtureHasTheClassesThatItsPartsShare(t *testing.T) {
	tree := func(classes ...string) string {
		dir := t.TempDir()
		for _, class := range classes {
			putFile(t, filepath.Join(dir, class, "a.png"), "picture")
		}
		return dir
	}
	a, b, c := tree("cat", "dog"), tree("cat", "dog"), tree("cat", "horse")
	s := openForTest(t, a+"::"+b, Options{Need: NeedLabels})
	if !slices.Equal(s.Info().Classes, []string{"cat", "dog"}) || entryOf(t, s, 3).Label != 1 {
		t.Errorf("%v, %+v", s.Info().Classes, entryOf(t, s, 3))
	}
	if s := openForTest(t, a+"::"+c, Options{}); s.Info().Classes != nil || entryOf(t, s, 3).Label != -1 {
		t.Errorf("%v, %+v", s.Info().Classes, entryOf(t, s, 3))
	}
	_, err := Open(t.Context(), a+"::"+c, Options{Need: NeedLabels})
	if data := (*DataError)(nil); !errors.As(err, &data) || !strings.Contains(err.Error(), c+": its classes are not those of "+a) {
		t.Error(err)
	}
}

// A file whose name has the separator in it is a file.
func TestAFileMayHaveTheSeparatorInItsName(t *testing.T) {
	folder, _ := sources(t)
	odd := filepath.Join(folder, "a::b.csv")
	putFile(t, odd, "filepath,title\n0.png,one\n")
	if s := openForTest(t, odd, Options{}); s.Info().Kind != "table" {
		t.Errorf("%+v", s.Info())
	}
}

// Several names on a command line that are mixtures are the parts of all of them.
func TestMixturesAmongSeveralNames(t *testing.T) {
	folder, table := sources(t)
	s, err := OpenAll(t.Context(), []string{table + "::builtin:shapes?n=3", folder}, Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if s.Len() != 2+3+4 || s.Info().Parts != nil {
		t.Errorf("%d samples, %+v", s.Len(), s.Info())
	}
}
