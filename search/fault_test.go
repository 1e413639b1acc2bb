package search

import (
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"clipgo/internal/bounded"
)

// step is one operation of a file system.
type step struct {
	what     string // write, rename, sync, remove
	from, to string
	data     []byte
}

func (s step) apply() error {
	switch s.what {
	case "write":
		return errors.Join(os.MkdirAll(filepath.Dir(s.to), 0o755), os.WriteFile(s.to, s.data, 0o644))
	case "rename":
		return os.Rename(s.from, s.to)
	case "remove":
		return os.Remove(s.to)
	}
	return nil
}

// faultDisk does what durable.WriteFile does, step by step. The step number failAt, from 1, fails, and in a crash all after it. Before
// each step it shows the directory to watch: that is what a process that ends here leaves.
type faultDisk struct {
	failAt, count int
	crash         bool
	watch         func()
}

var errFault = errors.New("the disk fails")

func (d *faultDisk) do(s step) error {
	if d.count++; d.count == d.failAt || d.crash && d.failAt > 0 && d.count > d.failAt {
		return errFault
	}
	if d.watch != nil {
		d.watch()
	}
	return s.apply()
}

func (d *faultDisk) write(path string, data []byte) error {
	tmp := filepath.Join(filepath.Dir(path), "."+filepath.Base(path)+".tmp-0123456789abcdef")
	for _, s := range []step{{"write", "", tmp, nil}, {"write", "", tmp, data[:len(data)/2]}, {"write", "", tmp, data},
		{"sync", "", tmp, nil}, {"rename", tmp, path, nil}} {
		if err := d.do(s); err != nil {
			if !d.crash {
				_ = os.Remove(tmp)
			}
			return err
		}
	}
	return d.do(step{what: "sync", to: filepath.Dir(path)})
}

func (d *faultDisk) remove(path string) error { return d.do(step{what: "remove", to: path}) }

// begin makes a writer ready on a disk on which each step of that fails first.
func (d *faultDisk) begin(t *testing.T, dir string) *Writer {
	t.Helper()
	for d.failAt = 1; ; d.failAt++ {
		w, err := OpenWriter(dir)
		if err != nil {
			t.Fatal(err)
		}
		w.disk, d.count = d, 0
		if err := w.Begin(space); err == nil {
			d.failAt = 0
			return w
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

// change makes random changes, to the writer and to what it should hold.
func change(t *testing.T, r *rand.Rand, w *Writer, want map[string]int) {
	t.Helper()
	for range 1 + r.IntN(4) {
		path := fmt.Sprint("/p/", r.IntN(9))
		if r.IntN(3) == 0 {
			w.Remove(path)
			delete(want, path)
			continue
		}
		want[path] = r.IntN(4)
		add(t, w, path, want[path])
	}
}

// read is what an index holds: the axis of each row, and whether it is whole.
func readIndex(t *testing.T, dir string) map[string]int {
	t.Helper()
	ix, err := Open(dir)
	if err != nil {
		t.Fatalf("a broken index: %v", err)
	}
	defer ix.Close()
	out := map[string]int{}
	for _, p := range ix.parts {
		if err := p.verifyDigests(); err != nil {
			t.Fatalf("a broken index: %v", err)
		}
		err := p.eachDetails(func(row int, d details) error {
			if !p.dead[row] {
				_, fault := out[d.Path]
				if out[d.Path] = int(d.Size); fault {
					return errors.New("two rows of " + d.Path)
				}
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	return out
}

// Each step of each commit fails once, and each point between two steps is a crash: the index is the one before the commit or the one
// after. A writer whose commit failed goes on, with more changes, and one that comes after a crash does too.
func TestEveryFaultLeavesTheIndexBeforeOrAfter(t *testing.T) {
	states := 0
	for seed := range uint64(2) {
		r := rand.New(rand.NewPCG(seed, 7))
		dir := filepath.Join(t.TempDir(), "index")
		before, after := map[string]int{}, map[string]int{}
		check := func() {
			if states++; !indexExists(dir) {
				return // not even begun
			}
			if got := readIndex(t, dir); !maps.Equal(got, before) && !maps.Equal(got, after) {
				t.Fatalf("seed %d, state %d: the index holds %v, not %v or %v", seed, states, got, before, after)
			}
		}
		for commit := range 6 {
			d := &faultDisk{watch: check}
			w := d.begin(t, dir)
			change(t, r, w, after)
			for fail := 1; ; fail++ {
				d.count, d.failAt, d.crash = 0, fail, commit%3 == 2 && fail%5 == 0
				err := w.Commit()
				check()
				if err == nil && d.count < fail { // there was nothing left to fail
					break
				}
				if err == nil { // what was to be removed is swept later
					d.failAt = 0
					before = maps.Clone(after)
					change(t, r, w, after)
					continue
				}
				before = readIndexOr(t, dir, before)
				if d.crash { // the process ends, and another one makes its changes
					if err := w.Close(); err != nil {
						t.Fatal(err)
					}
					after = maps.Clone(before)
					d.crash = false
					w = d.begin(t, dir)
				}
				if r.IntN(2) == 0 {
					change(t, r, w, after)
				}
			}
			before = maps.Clone(after)
			check()
			if err := w.Close(); err != nil {
				t.Fatal(err)
			}
		}
	}
	t.Logf("%d states", states)
	if states < 2000 {
		t.Errorf("only %d states", states)
	}
}

func indexExists(dir string) bool {
	_, err := os.Stat(filepath.Join(dir, metaName))
	return err == nil
}

// readIndexOr is what an index holds, or otherwise where there is none yet.
func readIndexOr(t *testing.T, dir string, otherwise map[string]int) map[string]int {
	t.Helper()
	if !indexExists(dir) {
		return otherwise
	}
	return readIndex(t, dir)
}

// A meta.json that is too large to be read back is not written: the index stays as it was, and the changes pending.
func TestAMetaThatIsTooLargeIsNotWritten(t *testing.T) {
	dir, limit := t.TempDir(), bounded.IndexMeta.Limit
	t.Cleanup(func() { bounded.IndexMeta.Limit = limit })
	update(t, dir, func(w *Writer) {
		for i := range 9 {
			add(t, w, fmt.Sprint("p", i), i)
		}
	})
	before := folder(t, dir)
	w, err := Update(dir, space)
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	if err := w.Follow(Plan{Remove: []string{"p0", "p1", "p2", "p3"}}); err != nil {
		t.Fatal(err)
	}
	bounded.IndexMeta.Limit = int64(len(before[metaName]))
	if err := w.Commit(); err == nil || !strings.Contains(err.Error(), dir) || !strings.Contains(err.Error(), "embed into a new index") {
		t.Errorf("%v", err)
	}
	if after := folder(t, dir); !maps.Equal(after, before) {
		t.Error("something was written")
	}
	bounded.IndexMeta.Limit = limit
	if err := w.Commit(); err != nil {
		t.Error(err)
	}
	if got := contents(t, dir); len(got) != 5 {
		t.Errorf("%v", got)
	}
}
