package pack

import (
	"context"
	"errors"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"clipgo/datasets"
	"clipgo/internal/durable"
	"clipgo/internal/fault"
)

// A disk that fails from one operation on, whichever it is, leaves what a killed process leaves: nothing is removed either.
func TestAPackThatIsKilledAtAnyOperationIsCompleted(t *testing.T) {
	f := newFake(t, 5)
	o := Options{ShardCount: 3, MaxSkip: 1}
	whole := t.TempDir()
	packed(t, f, whole, o)
	want := content(t, whole)
	for last := 0; ; last++ {
		dir := filepath.Join(t.TempDir(), "out")
		n := 0
		stop := durable.Observe(func(durable.Operation) error {
			if n++; n > last {
				return syscall.ENOSPC
			}
			return nil
		})
		_, err := Pack(t.Context(), f, dir, o, Watch{})
		stop()
		if n <= last {
			if err != nil || last < 20 {
				t.Fatalf("%d operations: %v", n, err)
			}
			return // all operations were made
		}
		if !errors.Is(err, syscall.ENOSPC) || fault.Of(err) != fault.Failed {
			t.Errorf("operation %d: %v", last, err)
		}
		packed(t, f, dir, o)
		same(t, content(t, dir), want)
	}
}

func TestACompletedPackReadsOnlyWhatWasLeft(t *testing.T) {
	f := newFake(t, 12)
	dir := t.TempDir()
	o := Options{ShardCount: 3, MaxSkip: 1}
	ctx, cancel := context.WithCancel(t.Context())
	_, err := Pack(ctx, f, dir, o, Watch{Progress: func(done, _ int) {
		if done == 8 {
			cancel()
		}
	}})
	if !errors.Is(err, context.Canceled) {
		t.Fatal(err)
	}
	first := f.Len()
	f.reads = func(i int) { first = min(first, i) }
	packed(t, f, dir, o)
	if first < 4 || first > 8 {
		t.Errorf("it began again at sample %d", first)
	}
}

// A shard that is missing, or was cut, is written again with those after it.
func TestAShardThatWasDamagedMeanwhileIsWrittenAgain(t *testing.T) {
	f := newFake(t, 12)
	o := Options{ShardCount: 3, MaxSkip: 1}
	whole := t.TempDir()
	packed(t, f, whole, o)
	dir := t.TempDir()
	ctx, cancel := context.WithCancel(t.Context())
	_, err := Pack(ctx, f, dir, o, Watch{Progress: func(done, _ int) {
		if done == 11 {
			cancel()
		}
	}})
	if !errors.Is(err, context.Canceled) {
		t.Fatal(err)
	}
	if err := os.Truncate(filepath.Join(dir, "00001.tar"), 100); err != nil {
		t.Fatal(err)
	}
	packed(t, f, dir, o)
	same(t, content(t, dir), content(t, whole))

	if err := os.Remove(filepath.Join(dir, "00000.tar")); err != nil {
		t.Fatal(err)
	}
	if _, err := Pack(t.Context(), f, dir, o, Watch{}); fault.Of(err) != fault.Data || !strings.Contains(err.Error(), "00000.tar") {
		t.Errorf("a finished pack without its first shard: %v", err)
	}
}

func TestAFolderWithOtherFilesIsRefused(t *testing.T) {
	f := newFake(t, 3)
	for _, name := range []string{"notes.txt", "00000.tar", ".hidden"} {
		dir := t.TempDir()
		if err := os.WriteFile(filepath.Join(dir, name), []byte("mine"), 0o644); err != nil {
			t.Fatal(err)
		}
		_, err := Pack(t.Context(), f, dir, Options{}, Watch{})
		if fault.Of(err) != fault.Usage || !strings.Contains(err.Error(), name) {
			t.Errorf("%s: %v", name, err)
		}
		if got := content(t, dir); len(got) != 1 || got[name] != "mine" {
			t.Errorf("%s: the folder holds %q", name, slices.Sorted(maps.Keys(got)))
		}
	}
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	for _, dir := range []string{file, filepath.Join(file, "below")} {
		if _, err := Pack(t.Context(), f, dir, Options{}, Watch{}); fault.Of(err) != fault.Usage || !strings.Contains(err.Error(), dir) {
			t.Errorf("a file in place of the folder: %v", err)
		}
	}
}

func TestAFolderThatCannotBeWritten(t *testing.T) {
	if os.Geteuid() == 0 {
		t.Skip("permissions don't bind root")
	}
	dir := t.TempDir()
	if err := os.Chmod(dir, 0o500); err != nil {
		t.Fatal(err)
	}
	if _, err := Pack(t.Context(), newFake(t, 3), filepath.Join(dir, "out"), Options{}, Watch{}); !errors.Is(err, os.ErrPermission) {
		t.Errorf("%v", err)
	}
}

func TestAFolderInUseIsRefused(t *testing.T) {
	dir := t.TempDir()
	lock, err := durable.AcquireDir(dir, lockFile)
	if err != nil {
		t.Fatal(err)
	}
	defer lock.Release()
	if _, err := Pack(t.Context(), newFake(t, 3), dir, Options{}, Watch{}); fault.Of(err) != fault.InUse {
		t.Errorf("%v", err)
	}
}

func TestTooManyUnusableSamplesEndAPack(t *testing.T) {
	f := newFake(t, 30) // 4 are broken
	dir := t.TempDir()
	var told []datasets.Skip
	o := Options{ShardCount: 5, MaxSkip: 0.1}
	_, err := Pack(t.Context(), f, dir, o, Watch{Skipped: func(s datasets.Skip) { told = append(told, s) }})
	if fault.Of(err) != fault.Data || !strings.Contains(err.Error(), "4 of 30 samples can't be used, more than 10 %") || len(told) != 4 {
		t.Errorf("%v, %d skips", err, len(told))
	}
	if _, there := content(t, dir)[RecordFile]; there {
		t.Error("the pack went on to its end")
	}
	if r := packed(t, f, dir, o); r.Skipped != 4 || r.Used != 26 { // with MaxSkip 1 it goes on
		t.Errorf("%+v", r)
	}
	if _, err := Pack(t.Context(), f, dir, o, Watch{}); fault.Of(err) != fault.Data {
		t.Errorf("a finished pack: %v", err)
	}
	whole := t.TempDir()
	packed(t, f, whole, o)
	same(t, content(t, dir), content(t, whole))
}

func TestASourceWithoutUsableSamplesLeavesNothing(t *testing.T) {
	broken := newFake(t, 3)
	for i := range broken.samples {
		broken.samples[i].file = []byte("broken")
	}
	for _, f := range []*fake{broken, newFake(t, 0)} {
		dir := filepath.Join(t.TempDir(), "out")
		_, err := Pack(t.Context(), f, dir, Options{MaxSkip: 1}, Watch{})
		if fault.Of(err) != fault.Data || !strings.Contains(err.Error(), "none of its") {
			t.Errorf("%v", err)
		}
		if got := content(t, dir); len(got) != 0 {
			t.Errorf("%q is left", slices.Sorted(maps.Keys(got)))
		}
	}
}

// An error that concerns the source as a whole ends a pack, and is not one of the folder.
func TestASourceThatChangesEndsAPack(t *testing.T) {
	f := newFake(t, 6)
	gone := &changing{f, 4}
	_, err := Pack(t.Context(), gone, t.TempDir(), Options{ShardCount: 2, MaxSkip: 1}, Watch{})
	if err == nil || err.Error() != "photos: it changed" {
		t.Errorf("%v", err)
	}
}

type changing struct {
	*fake
	from int
}

func (c *changing) Picture(ctx context.Context, i int) (datasets.Picture, error) {
	if i >= c.from {
		return datasets.Picture{}, &datasets.DataError{Source: "photos", Reason: "it changed"}
	}
	return c.fake.Picture(ctx, i)
}
