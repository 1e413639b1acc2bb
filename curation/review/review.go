// Package review keeps what people decide about a list of package curation: which pictures of a group of duplicates stay, and whether an
// outlier is one.
//
// The list itself is never changed. Decisions are in a file beside it, in the same form, so that training, embedding and packing take it in
// place of the list. It is written as a whole after each decision, before the decision counts. For a large list a journal is written before
// a decision counts, and the file soon after: a process that is killed in between leaves the journal, which the next one takes over.
package review

import (
	"cmp"
	"errors"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"clipgo/curation"
	"clipgo/internal/durable"
	"clipgo/internal/fault"
)

// The reasons of rows that people decided. The file has no other mark, so that it keeps the columns of the list.
const (
	kept    = "kept in review"
	dropped = "dropped in review"
)

// ErrChanged is a decision about a group that somebody else decided since it was shown.
var ErrChanged = errors.New("somebody else has decided about this group since it was shown")

// ErrNotSaved is a decision that could not be written.
var ErrNotSaved = errors.New("the decision could not be saved")

// ErrNoGroup is a group that the list doesn't have.
var ErrNoGroup = errors.New("the list has no such group")

// Picture is a picture of a group.
type Picture struct {
	curation.Decision      // as the list has it
	Decided           bool // by a person
	Stays             bool // the decision, or before there is one the list's
}

// Group is pictures that are decided about together: a group of the list, or a picture without one that the list drops.
type Group struct {
	Number   int // from 0, in the order of the review
	Version  int // grows with each decision
	Pictures []Picture
}

// Decided reports whether a person has decided about all pictures of the group.
func (g Group) Decided() bool {
	return !slices.ContainsFunc(g.Pictures, func(p Picture) bool { return !p.Decided })
}

// Counts says how far a review is.
type Counts struct {
	Pictures int `json:"pictures"` // of the list
	Groups   int `json:"groups"`
	Open     int `json:"open"` // groups that nobody has decided about
	Kept     int `json:"kept"` // pictures of the list that stay
	Dropped  int `json:"dropped"`
}

// List is a list under review. Its methods may be called at the same time.
type List struct {
	file, out string
	lock      *durable.Lock

	mu       sync.Mutex
	rows     []curation.Decision
	named    map[string]bool // paths of rows
	verdicts map[string]bool // by path: it stays; of pictures, too, that the list doesn't have any more
	groups   [][]int         // rows
	versions map[string]int  // by path: the change that last decided about it
	changes  int

	saving sync.Mutex
	saved  int // changes that are in the file

	journal *journal // of a large list; nil: each decision writes the file
}

// Out is the file that has the decisions about a list: keep.csv's is keep.reviewed.csv.
func Out(file string) string {
	extension := filepath.Ext(file)
	return strings.TrimSuffix(file, extension) + ".reviewed" + extension
}

// Open opens a list for review and reads the decisions that were made before. One process reviews a list at a time: for others it is
// durable.ErrLocked.
func Open(file string) (l *List, err error) {
	if extension := filepath.Ext(file); strings.HasSuffix(strings.TrimSuffix(file, extension), ".reviewed") {
		return nil, fault.Usagef("%s: it has the decisions of a review; name the list that they are about", file)
	}
	rows, err := curation.ReadFile(file)
	if err != nil {
		return nil, err
	}
	if len(rows) == 0 {
		return nil, fault.Dataf("%s: it has no rows", file)
	}
	return begin(&List{file: file, out: Out(file), rows: rows})
}

// Keep opens a list that has no file of its own: its rows are given, and decisions go to a file, as Open has them. The file is made with
// the first decision.
func Keep(file string, rows []curation.Decision) (*List, error) {
	return begin(&List{file: file, out: file, rows: rows})
}

func begin(l *List) (_ *List, err error) {
	l.verdicts, l.versions = map[string]bool{}, map[string]int{}
	if l.lock, err = durable.Acquire(l.out + ".lock"); err != nil {
		return nil, err
	}
	durable.SweepFile(l.out) // of a review that was killed while it wrote
	before, err := curation.ReadFile(l.out)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, errors.Join(err, l.lock.Release())
	}
	for _, d := range before {
		if d.Reason == kept || d.Reason == dropped {
			l.verdicts[d.Path] = d.Keep
		}
	}
	l.use(l.rows)
	if err = l.replay(); err == nil {
		err = l.startJournal()
	}
	if err != nil {
		return nil, errors.Join(err, l.lock.Release())
	}
	return l, nil
}

func (l *List) use(rows []curation.Decision) {
	l.rows, l.groups = rows, groupsOf(rows)
	l.named = make(map[string]bool, len(rows))
	for _, d := range rows {
		l.named[d.Path] = true
	}
}

// Replace gives the list other rows, such as those of an index after a commit. Decisions stay. The file has the rows with the next
// decision.
func (l *List) Replace(rows []curation.Decision) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.use(rows)
}

// groupsOf are the rows that are decided about together, in the order of the list's groups; then those without one that the list drops, the
// most striking first.
func groupsOf(rows []curation.Decision) [][]int {
	members, single := map[int][]int{}, []int{}
	for i, d := range rows {
		if d.Group > 0 {
			members[d.Group] = append(members[d.Group], i)
		} else if !d.Keep {
			single = append(single, i)
		}
	}
	var out [][]int
	for _, g := range slices.Sorted(maps.Keys(members)) {
		out = append(out, members[g])
	}
	slices.SortStableFunc(single, func(a, b int) int {
		if strings.HasPrefix(rows[a].Reason, curation.CaptionReason) { // the caption that fits least
			return cmp.Compare(rows[a].Score, rows[b].Score)
		}
		return cmp.Compare(rows[b].Score, rows[a].Score)
	})
	for _, i := range single {
		out = append(out, []int{i})
	}
	return out
}

// File is the file that has the decisions.
func (l *List) File() string { return l.out }

// Name is the list's name without its folder and ending.
func (l *List) Name() string {
	return strings.TrimSuffix(filepath.Base(l.file), filepath.Ext(l.file))
}

// Close lets others review the list. A lock file of a review without decisions is removed.
func (l *List) Close() error {
	if err := l.end(); err != nil {
		return errors.Join(err, l.lock.Release())
	}
	if _, err := os.Stat(l.out); errors.Is(err, fs.ErrNotExist) {
		return l.lock.Discard()
	}
	return l.lock.Release()
}

func (l *List) group(n int) Group {
	pictures := make([]curation.Decision, len(l.groups[n]))
	for at, i := range l.groups[n] {
		pictures[at] = l.rows[i]
	}
	g := l.about(pictures)
	g.Number = n
	return g
}

// about is a group of any pictures. Its version is the latest change of one of them.
func (l *List) about(pictures []curation.Decision) (g Group) {
	for _, d := range pictures {
		p := Picture{Decision: d}
		p.Stays, p.Decided = l.verdicts[p.Path]
		if !p.Decided {
			p.Stays = p.Keep
		}
		g.Pictures = append(g.Pictures, p)
		g.Version = max(g.Version, l.versions[d.Path])
	}
	return g
}

// About is a group of any pictures, with what is decided about them. Keep is what is suggested.
func (l *List) About(pictures []curation.Decision) Group {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.about(pictures)
}

// Groups returns at most n groups from a number on; open: only those that nobody has decided about. next is where the following ones begin,
// and -1 after the last.
func (l *List) Groups(from, n int, open bool) (out []Group, next int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for i := max(from, 0); i < len(l.groups); i++ {
		if open && l.decided(i) {
			continue
		}
		if len(out) == n {
			return out, i
		}
		out = append(out, l.group(i))
	}
	return out, -1
}

func (l *List) decided(group int) bool {
	for _, i := range l.groups[group] {
		if _, ok := l.verdicts[l.rows[i].Path]; !ok {
			return false
		}
	}
	return true
}

// Counts counts groups and pictures.
func (l *List) Counts() Counts {
	l.mu.Lock()
	defer l.mu.Unlock()
	c := Counts{Pictures: len(l.rows), Groups: len(l.groups)}
	for g := range l.groups {
		if !l.decided(g) {
			c.Open++
		}
	}
	for _, d := range l.rows {
		keep, ok := l.verdicts[d.Path]
		if ok && keep || !ok && d.Keep {
			c.Kept++
		}
	}
	c.Dropped = c.Pictures - c.Kept
	return c
}
