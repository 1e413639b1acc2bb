package benchmark

import (
	"context"
	"math/rand/v2"
	"os"
	"path/filepath"
	"regexp"
	"syscall"
	"testing"

	"clipgo/eval/clipbenchmark"
	"clipgo/internal/durable"
	"clipgo/internal/share"
)

// seconds are the only numbers that differ between two runs.
var seconds = regexp.MustCompile(`"seconds":\s*[0-9.e+-]+`)

// untimed are the files of a folder without times.
func untimed(t *testing.T, dir string) map[string]string {
	t.Helper()
	all := files(t, dir)
	for name, text := range all {
		all[name] = seconds.ReplaceAllString(text, "")
	}
	return all
}

// A suite that dies 20 times at a random operation of the disk, and runs again, leaves the files of one that ran through, and nothing else.
func TestAKilledSuiteLeavesTheSameFiles(t *testing.T) {
	whole, killed := t.TempDir(), t.TempDir()
	other := filepath.Join(t.TempDir(), "other")
	if err := os.CopyFS(other, os.DirFS(smallSuite(t, whole).Models[0])); err != nil {
		t.Fatal(err)
	}
	run := func(ctx context.Context, out string) error {
		s := smallSuite(t, out)
		s.Models, s.Data, s.Tasks = append(s.Models, other), s.Data[1:], []string{ZeroShot, Neighbours}
		if err := s.Run(ctx); err != nil {
			return err
		}
		_, err := WriteTable(out)
		return err
	}
	operations := 0
	stop := durable.Observe(func(durable.Operation) error { operations++; return nil })
	err := run(context.Background(), whole)
	stop()
	if err != nil {
		t.Fatal(err)
	}
	want := untimed(t, whole)
	random := rand.New(rand.NewPCG(1, 2))
	const kills = 20
	died := 0
	for range kills {
		last, n := random.IntN(operations/8), 0
		ctx, cancel := context.WithCancel(context.Background())
		stop := durable.Observe(func(durable.Operation) error {
			if n++; n <= last {
				return nil
			}
			cancel() // nothing is written or removed any more
			return syscall.EIO
		})
		err := run(ctx, killed)
		stop()
		cancel()
		if err != nil {
			died++
		}
	}
	if err := run(context.Background(), killed); err != nil {
		t.Fatal(err)
	}
	got := untimed(t, killed)
	for name, text := range want {
		if got[name] != text {
			t.Errorf("%s:\n%.300s\nwant\n%.300s", name, got[name], text)
		}
	}
	for name := range got {
		if _, ok := want[name]; !ok {
			t.Errorf("%s is left over", name)
		}
	}
	t.Logf("%d of %d runs died; a whole run has %d operations", died, kills, operations)
	if died < kills/2 {
		t.Errorf("only %d runs died", died)
	}
}

// Parts fill one folder at the same time; the same part isn't computed twice at once.
func TestPartsShareAFolder(t *testing.T) {
	out := t.TempDir()
	part := func(i int) *Suite { return &Suite{Out: out, Share: share.Share{I: i, N: 2}} }
	first, err := part(1).lock()
	if err != nil {
		t.Fatal(err)
	}
	second, err := part(2).lock()
	if err != nil {
		t.Fatal(err)
	}
	if again, err := part(1).lock(); err == nil {
		t.Errorf("part 1 is locked twice: %v", again.Release())
	}
	for _, l := range []*durable.Lock{first, second} {
		if err := l.Release(); err != nil {
			t.Error(err)
		}
	}
}

// Whichever operation a process dies at, a cell that counts as complete has all of its files.
func TestACellIsCompleteWithAllItsFiles(t *testing.T) {
	c := Cell{Model: "m", Pretrained: "x", Data: "d", Task: ZeroShot}
	r := &clipbenchmark.Result{Dataset: "d", Model: "m", Pretrained: "x", Task: ZeroShot, Language: "en",
		Metrics: []clipbenchmark.Metric{{Key: "acc1", Value: 1.0}}}
	for last := 0; ; last++ {
		out, n := t.TempDir(), 0
		stop := durable.Observe(func(durable.Operation) error {
			if n++; n > last {
				return syscall.EIO
			}
			return nil
		})
		err := c.keep(out, r, &Details{Cell: c, Hits: "1"}, []Sample{{Sample: "a"}})
		stop()
		details, wrong := c.read(out)
		if wrong != nil {
			t.Fatal(wrong)
		}
		if n <= last {
			if err != nil || details == nil || last < 9 {
				t.Fatalf("%d operations: %v, %v", n, details, err)
			}
			return
		}
		samples, wrong := c.ReadSamples(out)
		if details != nil && (wrong != nil || len(samples) != 1) {
			t.Errorf("operation %d: the cell is complete and has %d samples, %v", last, len(samples), wrong)
		}
	}
}
