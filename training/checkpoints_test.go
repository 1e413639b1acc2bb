package training

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"clipgo/internal/durable"
)

// copied makes a copy of a directory of files.
func copied(t *testing.T, from, to string) {
	t.Helper()
	if err := os.CopyFS(to, os.DirFS(from)); err != nil {
		t.Fatal(err)
	}
}

// TestANameThatIsNotTheStatesStepIsNoCheckpoint has a whole checkpoint under a later step's name.
func TestANameThatIsNotTheStatesStepIsNoCheckpoint(t *testing.T) {
	c := &Checkpoints{Every: 1}
	saved(t, c, 3)
	copied(t, filepath.Join(c.Dir, "step-00000002"), filepath.Join(c.Dir, "step-00000999"))
	path, damaged, err := Latest(c.Dir)
	if err != nil || filepath.Base(path) != "step-00000003" || len(damaged) != 1 {
		t.Errorf("got %s, %v, %v", path, damaged, err)
	}
	if _, err := Check(filepath.Join(c.Dir, "step-00000999")); err == nil || !strings.Contains(err.Error(), "step 999") {
		t.Errorf("got %v", err)
	}
}

// TestOnlyWhatVerifiesCountsForKeep has directories that look like later checkpoints.
func TestOnlyWhatVerifiesCountsForKeep(t *testing.T) {
	c := &Checkpoints{Every: 1, Keep: 2, Dir: filepath.Join(t.TempDir(), "checkpoints")}
	for _, name := range []string{"step-99999998", "step-99999999"} {
		if err := os.MkdirAll(filepath.Join(c.Dir, name), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	if got := saved(t, c, 4); !slices.Equal(got, []string{"3", "4", "99999998", "99999999"}) {
		t.Errorf("left %v", got)
	}
}

func TestLaterTellsWholeCheckpointsFromDamagedOnes(t *testing.T) {
	c := &Checkpoints{Every: 1}
	saved(t, c, 4)
	if err := os.Truncate(filepath.Join(c.Dir, "step-00000003", stateFile), 1); err != nil {
		t.Fatal(err)
	}
	valid, damaged, err := Later(c.Dir, 2)
	if err != nil || len(valid) != 1 || len(damaged) != 1 || filepath.Base(valid[0]) != "step-00000004" {
		t.Errorf("got %v, %v, %v", valid, damaged, err)
	}
}

// TestAdoptCopiesAWholeCheckpoint takes one of another run over.
func TestAdoptCopiesAWholeCheckpoint(t *testing.T) {
	one, other := &Checkpoints{Every: 1}, &Checkpoints{Every: 1, State: State{Seed: 5}}
	saved(t, one, 2)
	saved(t, other, 3)
	from, to := filepath.Join(other.Dir, "step-00000002"), filepath.Join(one.Dir, "step-00000002")
	if _, replaces, err := Replaces(from, one.Dir); !replaces || err != nil {
		t.Errorf("step 2 of the other run replaces step 2: %t, %v", replaces, err)
	}
	for range 2 { // the second time it is there
		if err := Adopt(from, one.Dir); err != nil {
			t.Fatal(err)
		}
		if s, err := Check(to); err != nil || s.Seed != 5 {
			t.Errorf("got %+v, %v", s, err)
		}
	}
	if _, replaces, err := Replaces(from, one.Dir); replaces || err != nil {
		t.Errorf("a copy of it replaces it: %t, %v", replaces, err)
	}
	if err := os.Truncate(filepath.Join(to, stateFile), 1); err != nil { // its MANIFEST is still that of from
		t.Fatal(err)
	}
	if err := Adopt(from, one.Dir); err != nil {
		t.Fatal(err)
	}
	if _, err := Check(to); err != nil {
		t.Errorf("a damaged copy is taken for the checkpoint: %v", err)
	}
	if err := durable.Verify(from); err != nil {
		t.Error(err)
	}
}
