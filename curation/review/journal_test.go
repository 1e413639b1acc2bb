package review

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"

	"clipgo/curation"
	"clipgo/internal/fault"
	"clipgo/internal/paths"
)

// pairs is a list of groups of two, of which the first is kept. It is too large to be written with each decision.
func pairs(n int) (rows []curation.Decision) {
	for i := range n {
		rows = append(rows, curation.Decision{Path: fmt.Sprintf("/p/%d/\xff%d.jpg", i/1000, i), Keep: i%2 == 0, Group: i/2 + 1, Score: 0.97,
			Reason: "like /p/0.jpg"})
	}
	return rows
}

func TestDecisionsOfALargeListOutliveAKill(t *testing.T) {
	file := write(t, "keep.csv", pairs(wholeRows+2))
	l := open(t, file)
	close(l.journal.stop) // the file doesn't follow
	l.journal.done.Wait()
	for _, d := range []struct {
		group, version int
		stay           []bool
	}{{0, 0, []bool{false, true}}, {7, 0, []bool{true, true}}, {9, 0, []bool{false, false}}, {9, 3, nil}} {
		if _, err := l.Decide(d.group, d.version, d.stay); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := os.Stat(l.out); err == nil {
		t.Fatal("the file is there already")
	}
	_, torn := l.journal.file.WriteString(`{"paths":["/p/0/`)
	if err := errors.Join(torn, l.journal.file.Close(), l.lock.Release()); err != nil { // as after a kill
		t.Fatal(err)
	}
	l = open(t, file)
	if c := l.Counts(); c.Groups-c.Open != 2 || c.Kept != wholeRows/2+2 {
		t.Errorf("%+v", c)
	}
	if got := stays(t, l.out); len(got) != wholeRows/2+2 || got[0] != "\xff1.jpg" {
		t.Errorf("%d stay, the first is %q", len(got), got[0])
	}
	closed(t, l)
	if _, err := os.Stat(l.out + paths.Journal); err == nil {
		t.Error("the journal is still there")
	}
}

func TestTheFileOfALargeListFollows(t *testing.T) {
	file := write(t, "keep.jsonl", pairs(wholeRows+2))
	l := open(t, file)
	for group := range 20 {
		if _, err := l.Decide(group, 0, []bool{true, true}); err != nil {
			t.Fatal(err)
		}
	}
	closed(t, l)
	if got := stays(t, l.out); len(got) != wholeRows/2+1+20 {
		t.Errorf("%d stay", len(got))
	}
}

// TestADecisionOutsideTheJournalDoesNotCount has a journal that can't be written.
func TestADecisionOutsideTheJournalDoesNotCount(t *testing.T) {
	l := open(t, write(t, "keep.csv", pairs(wholeRows+2)))
	whole := l.journal.file
	broken, err := os.Open(whole.Name()) // for reading alone
	if err != nil {
		t.Fatal(err)
	}
	l.journal.file = broken
	g, err := l.Decide(3, 0, []bool{false, false})
	if err == nil || g.Decided() || g.Version != 2 {
		t.Errorf("%+v, %v", g, err)
	}
	l.journal.file = whole
	broken.Close()
	if _, err := l.Decide(3, g.Version, []bool{false, false}); err != nil {
		t.Error(err)
	}
	closed(t, l)
	if got := stays(t, l.out); len(got) != wholeRows/2 {
		t.Errorf("%d stay", len(got))
	}
}

func TestADamagedJournalIsNamed(t *testing.T) {
	file := write(t, "keep.csv", list())
	name := Out(file) + paths.Journal
	if err := os.WriteFile(name, []byte("{\"paths\":[\"/p/a.png\"],\"stay\":[]}\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(file); fault.Of(err) != fault.Data || !strings.Contains(err.Error(), name+": line 1") {
		t.Errorf("%v", err)
	}
}
