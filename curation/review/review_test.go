package review

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"clipgo/curation"
	"clipgo/internal/durable"
	"clipgo/internal/fault"
)

// list is what dedup and outliers write: two groups, a picture in none, and two that are dropped for themselves.
func list() []curation.Decision {
	return []curation.Decision{
		{Path: "/p/a.png", Keep: true, Group: 1, Score: 1, Reason: "kept of 3"},
		{Path: "/p/b.png", Group: 1, Score: 0.99, Reason: "like /p/a.png"},
		{Path: "/p/c.png", Keep: true}, {Path: "/p/d.png", Keep: true, Group: 2, Score: 1, Reason: "kept of 2"},
		{Path: "/p/e.png", Group: 2, Score: 1, Reason: "same bytes as /p/d.png"},
		{Path: "/p/f.png", Group: 1, Score: 0.96, Reason: "like /p/a.png"},
		{Path: "/p/g\xff.png", Score: 0.2, Reason: "outlier 2"}, {Path: "/p/h.png", Score: 0.4, Reason: "outlier 1"},
	}
}

func write(t testing.TB, name string, rows []curation.Decision) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), name)
	if err := curation.Write(file, rows); err != nil {
		t.Fatal(err)
	}
	return file
}

func open(t testing.TB, file string) *List {
	t.Helper()
	l, err := Open(file)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func closed(t testing.TB, l *List) {
	t.Helper()
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
}

// paths are those of the pictures that stay.
func stays(t *testing.T, file string) (out []string) {
	t.Helper()
	rows, err := curation.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range rows {
		if d.Keep {
			out = append(out, filepath.Base(d.Path))
		}
	}
	return out
}

func TestAReviewGoesOnWhereItStopped(t *testing.T) {
	for _, name := range []string{"keep.csv", "keep.jsonl", "keep.parquet"} {
		file := write(t, name, list())
		l := open(t, file)
		if c := l.Counts(); c != (Counts{Pictures: 8, Groups: 4, Open: 4, Kept: 3, Dropped: 5}) {
			t.Errorf("%s: %+v", name, c)
		}
		if _, err := os.Stat(l.File()); err == nil {
			t.Errorf("%s: a file of decisions before there is one", name)
		}
		if g, err := l.Decide(0, 0, []bool{false, true, true}); err != nil || !g.Decided() || g.Version != 1 {
			t.Errorf("%s: %+v, %v", name, g, err)
		}
		if _, err := l.Decide(3, 0, []bool{true}); err != nil {
			t.Error(err)
		}
		closed(t, l)
		if got := stays(t, Out(file)); !slices.Equal(got, []string{"b.png", "c.png", "d.png", "f.png", "g\xff.png"}) {
			t.Errorf("%s: %q stay", name, got)
		}
		l = open(t, file)
		open, next := l.Groups(0, 10, true)
		if len(open) != 2 || next != -1 || open[0].Pictures[0].Path != "/p/d.png" || open[1].Pictures[0].Path != "/p/h.png" {
			t.Errorf("%s: open groups %+v", name, open)
		}
		if c := l.Counts(); c != (Counts{Pictures: 8, Groups: 4, Open: 2, Kept: 5, Dropped: 3}) {
			t.Errorf("%s: %+v", name, c)
		}
		if _, err := l.Decide(0, 0, nil); err != nil {
			t.Error(err)
		}
		closed(t, l)
		if got := stays(t, Out(file)); !slices.Equal(got, []string{"a.png", "c.png", "d.png", "g\xff.png"}) {
			t.Errorf("%s: after it is taken back, %q stay", name, got)
		}
		if got := stays(t, file); len(got) != 3 {
			t.Errorf("%s: the list itself was changed: %q", name, got)
		}
	}
}

// TestALaterListKeepsDecisions makes a list with other groups: what was decided stays decided, and a group with a new picture is open.
func TestALaterListKeepsDecisions(t *testing.T) {
	file := write(t, "keep.csv", list())
	l := open(t, file)
	_, err := l.Decide(0, 0, []bool{true, true, true})
	_, err2 := l.Decide(1, 0, []bool{true, false})
	closed(t, l)
	later := []curation.Decision{{Path: "/p/a.png", Keep: true, Group: 1}, {Path: "/p/b.png", Group: 1},
		{Path: "/p/d.png", Keep: true, Group: 2},
		{Path: "/p/new.png", Group: 2}}
	if err := errors.Join(err, err2, curation.Write(file, later)); err != nil {
		t.Fatal(err)
	}
	l = open(t, file)
	if got, _ := l.Groups(0, 9, true); len(got) != 1 || got[0].Number != 1 {
		t.Errorf("open groups: %+v", got)
	}
	if _, err := l.Decide(1, 0, []bool{true, true}); err != nil {
		t.Error(err)
	}
	closed(t, l)
	if err := curation.Write(file, list()); err != nil {
		t.Fatal(err)
	}
	l = open(t, file) // e and f are not in the later list
	defer closed(t, l)
	if got, _ := l.Groups(0, 9, true); len(got) != 2 || len(got[0].Pictures) != 1 {
		t.Errorf("open groups of the first list: %+v", got)
	}
}

func TestReviewersKeepEachOthersDecisions(t *testing.T) {
	var rows []curation.Decision
	for i := range 80 {
		path := filepath.Join("/p", string(rune('A'+i/2)), string(rune('a'+i%2)))
		rows = append(rows, curation.Decision{Path: path, Keep: i%2 == 0, Group: i/2 + 1})
	}
	file := write(t, "keep.csv", rows)
	l := open(t, file)
	var all sync.WaitGroup
	for g := range 40 {
		all.Go(func() {
			if _, err := l.Decide(g, 0, []bool{true, true}); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	g, err := l.Decide(7, 0, []bool{false, false}) // of a page that was loaded before
	if !errors.Is(err, ErrChanged) || !g.Pictures[0].Stays || g.Version == 0 {
		t.Errorf("%+v, %v", g, err)
	}
	if _, err := Open(file); !errors.Is(err, durable.ErrLocked) {
		t.Errorf("a second process: %v", err)
	}
	closed(t, l)
	if got := stays(t, Out(file)); len(got) != 80 {
		t.Errorf("%d of 80 pictures stay", len(got))
	}
}

func TestADecisionThatIsNotSavedDoesNotCount(t *testing.T) {
	file := write(t, "keep.csv", list())
	l := open(t, file)
	defer closed(t, l)
	full := errors.New("no space left on device")
	stop := durable.Observe(func(o durable.Operation) error {
		if strings.HasSuffix(o.Path, ".csv") || strings.Contains(o.Path, "reviewed.csv.") {
			return full
		}
		return nil
	})
	g, err := l.Decide(0, 0, []bool{true, true, true})
	stop()
	if !errors.Is(err, full) || g.Decided() || l.Counts().Open != 4 {
		t.Errorf("%+v, %v", g, err)
	}
	if _, err := l.Decide(0, g.Version, []bool{true, true, false}); err != nil {
		t.Error(err)
	}
	if got := stays(t, Out(file)); !slices.Equal(got, []string{"a.png", "b.png", "c.png", "d.png"}) {
		t.Errorf("%q stay", got)
	}
}

func TestListsThatCannotBeReviewedAreRefused(t *testing.T) {
	dir := t.TempDir()
	for name, content := range map[string]string{
		"a.csv": "path,keep\n/a,maybe\n", "b.csv": "name,keep\n/a,1\n", "c.csv": "path,keep\n", "d.csv": "path,keep,group\n/a,1,-2\n",
		"e.jsonl": "{\"path\":\"/a\",\"keep\":true,\"score\":\"x\"}\n", "f.parquet": "PAR1", "g.csv": "path,keep\n,1\n", "h.jsonl": "{",
	} {
		file := filepath.Join(dir, name)
		if err := os.WriteFile(file, []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
		if _, err := Open(file); fault.Of(err) != fault.Data || !strings.Contains(err.Error(), file) {
			t.Errorf("%s: %v", name, err)
		}
	}
	for _, name := range []string{"x.txt", "keep.reviewed.csv"} {
		if _, err := Open(filepath.Join(dir, name)); fault.Of(err) != fault.Usage {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := Open(filepath.Join(dir, "none.csv")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("%v", err)
	}
}

// TestAReviewRemovesWhatAKilledOneLeft removes the half of a file that was never put in place, and nothing else.
func TestAReviewRemovesWhatAKilledOneLeft(t *testing.T) {
	file := write(t, "keep.csv", list())
	left, other := filepath.Join(filepath.Dir(file), ".keep.reviewed.csv.tmp-0123456789abcdef"),
		filepath.Join(filepath.Dir(file), ".other.csv.tmp-0123456789abcdef")
	if err := errors.Join(os.WriteFile(left, []byte("path,ke"), 0o600), os.WriteFile(other, nil, 0o600)); err != nil {
		t.Fatal(err)
	}
	closed(t, open(t, file))
	if _, err := os.Stat(left); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("half a file stays: %v", err)
	}
	if _, err := os.Stat(other); err != nil {
		t.Errorf("another's is gone: %v", err)
	}
}

// TestGroupsOfAnyPicturesShareDecisions decides about pictures in groups that overlap, as those of two thresholds do.
func TestGroupsOfAnyPicturesShareDecisions(t *testing.T) {
	rows := []curation.Decision{{Path: "/p/a", Keep: true}, {Path: "/p/b", Keep: true}, {Path: "/p/c", Keep: true}}
	file := filepath.Join(t.TempDir(), "p.duplicates.csv")
	l, err := Keep(file, rows)
	if err != nil {
		t.Fatal(err)
	}
	wide, narrow := []curation.Decision{rows[0], {Path: "/p/b"}, {Path: "/p/c"}}, []curation.Decision{rows[1], {Path: "/p/c"}}
	before := l.About(wide)
	if before.Pictures[1].Stays || before.Decided() {
		t.Errorf("%+v", before)
	}
	if _, err := os.Stat(file); err == nil {
		t.Error("a file before there is a decision")
	}
	if g, err := l.DecideAbout(narrow, 0, []bool{true, false}); err != nil || !g.Decided() {
		t.Errorf("%+v, %v", g, err)
	}
	if g, err := l.DecideAbout(wide, before.Version, []bool{true, false, false}); !errors.Is(err, ErrChanged) || !g.Pictures[1].Stays {
		t.Errorf("%+v, %v", g, err)
	}
	l.Replace(append(rows, curation.Decision{Path: "/p/new", Keep: true}))
	if _, err := l.DecideAbout(wide[:1], 0, []bool{true}); err != nil {
		t.Error(err)
	}
	closed(t, l)
	if got := stays(t, file); !slices.Equal(got, []string{"a", "b", "new"}) {
		t.Errorf("%q stay", got)
	}
	again, err := Keep(file, rows)
	if err != nil {
		t.Fatal(err)
	}
	defer closed(t, again)
	if g := again.About(wide); !g.Decided() || !g.Pictures[1].Stays || g.Pictures[2].Stays {
		t.Errorf("%+v", g)
	}
}
