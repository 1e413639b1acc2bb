package search

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"
)

const killRows = 300

// fill does what a run of embedding does: it plans, and adds what is missing.
func fill(dir string, pause time.Duration) error {
	w, err := Update(dir, space)
	if err != nil {
		return err
	}
	defer w.Close()
	w.SegmentRows = 25
	var found []File
	for i := range killRows {
		found = append(found, source(fmt.Sprintf("/p/%03d", i), i))
	}
	plan := w.Plan(found, Scope{Roots: []string{"/p"}}, func(int) (string, error) { return "", errors.New("not asked for") })
	if err := w.Follow(plan); err != nil {
		return err
	}
	for _, i := range plan.Embed {
		f := found[i]
		time.Sleep(pause)
		if err := w.Add(Row{File: f, Image: axis(int(f.Size)), Text: axis(int(f.Size) + 1)}); err != nil {
			return err
		}
	}
	return w.Commit()
}

// Killed at random times and started again until it is through, a run ends with the bytes of one that was never killed;
// after each kill the index opens, verifies, and the dead owner's lock is free.
func TestKilledRunsEndAsAnUnbrokenOne(t *testing.T) {
	if dir := os.Getenv("CLIPGO_TEST_FILL"); dir != "" {
		if err := fill(dir, 100*time.Microsecond); err != nil {
			t.Fatal(err)
		}
		return
	}
	whole, broken := t.TempDir(), filepath.Join(t.TempDir(), "index")
	if err := fill(whole, 0); err != nil {
		t.Fatal(err)
	}
	r := rand.New(rand.NewPCG(1, 1))
	kills, patience := 0, 40*time.Millisecond // it grows, so that a slow machine gets through as well
	for done := false; !done; {
		child := exec.Command(os.Args[0], "-test.run=^TestKilledRunsEndAsAnUnbrokenOne$")
		child.Env = append(os.Environ(), "CLIPGO_TEST_FILL="+broken)
		if err := child.Start(); err != nil {
			t.Fatal(err)
		}
		timer := time.AfterFunc(time.Duration(r.Int64N(int64(patience))), func() { _ = child.Process.Kill() })
		patience += patience / 16
		done = child.Wait() == nil
		timer.Stop()
		if done {
			break
		}
		kills++
		if err := openAndVerify(broken); err != nil && !errors.Is(err, os.ErrNotExist) && !begun(broken) {
			t.Fatalf("after %d kills: %v", kills, err)
		}
	}
	t.Logf("%d kills", kills)
	if got, want := folder(t, broken), folder(t, whole); fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("after %d kills the index has other bytes", kills)
	}
}

// begun tells a folder whose maker died before it had a meta.json.
func begun(dir string) bool {
	_, err := os.Stat(filepath.Join(dir, metaName))
	return errors.Is(err, os.ErrNotExist)
}

// A disk that refuses one of the files leaves the index as it was, and the changes to be committed later.
func TestAFailedCommitChangesNothing(t *testing.T) {
	for _, name := range []string{imageFile(1), textFile(1), rowsFile(1)} {
		dir := t.TempDir()
		update(t, dir, func(w *Writer) { add(t, w, "a", 0); add(t, w, "b", 1) })
		obstacle := filepath.Join(dir, name)
		update(t, dir, func(w *Writer) {
			if err := os.MkdirAll(filepath.Join(obstacle, "x"), 0o755); err != nil {
				t.Fatal(err)
			}
			add(t, w, "b", 2)
			if err := w.Commit(); err == nil {
				t.Fatalf("%s could not be written, and nobody said so", name)
			}
			check(t, dir, map[string]int{"a": 0, "b": 1})
			if err := os.RemoveAll(obstacle); err != nil {
				t.Fatal(err)
			}
		})
		check(t, dir, map[string]int{"a": 0, "b": 2})
	}
}
