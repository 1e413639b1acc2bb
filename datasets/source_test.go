package datasets

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"testing"
)

// faulty is a source whose entries fail as a remote one's might.
type faulty struct {
	*fake
	errs map[int]error
}

func (f faulty) Entry(ctx context.Context, i int) (Entry, error) {
	if err := f.errs[i]; err != nil {
		return Entry{}, err
	}
	return f.fake.Entry(ctx, i)
}

func TestAnEntryThatCannotBeReadCostsItsSampleAlone(t *testing.T) {
	for _, pool := range []int{0, 16} {
		f := &fake{n: 40}
		l := f.loader()
		l.Source, l.Pool = faulty{f, map[int]error{7: errors.New("no answer"), 9: errors.New("no answer")}}, pool
		skips, samples := map[string]string{}, 0
		for _, b := range good(t, l, 0, 40) {
			for _, s := range b.Skipped {
				skips[s.Key] = s.Reason
			}
			samples += b.N
			for i, e := range b.Entries {
				if want := f.entry(b.Index[i]); e.Key != want.Key || len(e.Captions) != 3 {
					t.Errorf("sample %d has the entry %+v", b.Index[i], e)
				}
			}
		}
		if fmt.Sprint(skips) != "map[sample 7:no answer sample 9:no answer]" || samples != 40 {
			t.Errorf("pool of %d: %d samples, skips %v", pool, samples, skips)
		}
	}
}

func TestADataErrorOfTheSourceEndsTheStream(t *testing.T) {
	gone := &DataError{Source: "fake", Reason: "a shard has changed"}
	for _, order := range []Order{Sequential, Shuffled} {
		f := &fake{n: 40, reasons: badSamples(40, 0.2, 1)}
		l := f.loader()
		l.Order, l.Source = order, faulty{f, map[int]error{21: fmt.Errorf("entry: %w", gone)}}
		batches, err := all(t, l, 0, 1000)
		if data := (*DataError)(nil); !errors.As(err, &data) || data != gone {
			t.Errorf("%v, want %v", err, gone)
		}
		if last := batches[len(batches)-1]; last.N != 0 || last.Next >= 40 {
			t.Errorf("the last batch has %d samples, next %d", last.N, last.Next)
		}
	}
}

func TestOpeningEndsWithItsContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	folder := tree(t, map[string]string{"a.jpg": "x", "a.txt": "a"})
	table := tableTree(t, "t.csv", "filepath,title\na.jpg,one\n")
	judged := tableTree(t, "p.csv", "image,better_caption,worse_caption\na.jpg,one,two\n")
	shard := shardTree(t, map[string]string{"0.tar": "a.jpg=x a.txt=y"})
	for _, src := range []string{folder, filepath.Join(folder, "a.jpg"), table, shard, filepath.Join(shard, "0.tar")} {
		if s, err := Open(ctx, src, Options{}); !errors.Is(err, context.Canceled) {
			t.Errorf("%s: %v, %v", src, s, err)
		}
	}
	if s, err := OpenPreferences(ctx, judged, Options{}); !errors.Is(err, context.Canceled) {
		t.Errorf("%v, %v", s, err)
	}
	if s, err := OpenAll(ctx, []string{table, folder}, Options{}); !errors.Is(err, context.Canceled) {
		t.Errorf("%v, %v", s, err)
	}
}
