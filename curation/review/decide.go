package review

import (
	"fmt"
	"slices"

	"clipgo/curation"
)

// Decide records which pictures of a group stay, in the order of the group, and returns the group. nil takes the decision back. version is
// that of the group as it was shown: if somebody decided since then, it is ErrChanged with the group as it is. The decision is on disk when
// Decide returns; if it can't be written, it doesn't count.
func (l *List) Decide(group, version int, stay []bool) (Group, error) {
	l.mu.Lock()
	if group < 0 || group >= len(l.groups) {
		l.mu.Unlock()
		return Group{}, ErrNoGroup
	}
	g := l.group(group)
	l.mu.Unlock()
	pictures := make([]curation.Decision, len(g.Pictures))
	for i, p := range g.Pictures {
		pictures[i] = p.Decision
	}
	g, err := l.DecideAbout(pictures, version, stay)
	g.Number = group
	return g, err
}

// DecideAbout is Decide for a group of any pictures, as About has them.
func (l *List) DecideAbout(pictures []curation.Decision, version int, stay []bool) (Group, error) {
	if l.journal != nil {
		return l.decideInJournal(pictures, version, stay)
	}
	g, before, err := l.change(pictures, version, stay)
	if err != nil {
		return g, err
	}
	if err := l.save(); err != nil {
		return l.revert(pictures, g.Version, before), fmt.Errorf("%w: %w", ErrNotSaved, err)
	}
	return g, nil
}

// verdict is the decision about a picture; made: there is one.
type verdict struct{ stays, made bool }

// change makes a decision in memory, and returns what was there before.
func (l *List) change(pictures []curation.Decision, version int, stay []bool) (g Group, before []verdict, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if g = l.about(pictures); version != g.Version {
		return g, nil, ErrChanged
	}
	if stay != nil && len(stay) != len(pictures) {
		return g, nil, fmt.Errorf("%d decisions about %d pictures", len(stay), len(pictures))
	}
	l.changes++
	for at, d := range pictures {
		stays, made := l.verdicts[d.Path]
		before = append(before, verdict{stays, made})
		if stay == nil {
			delete(l.verdicts, d.Path)
		} else {
			l.verdicts[d.Path] = stay[at]
		}
		l.versions[d.Path] = l.changes
	}
	return l.about(pictures), before, nil
}

// revert takes a decision back that could not be saved, but for pictures that somebody decided about since.
func (l *List) revert(pictures []curation.Decision, version int, before []verdict) Group {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.changes++ // a save of somebody else may have had it
	for at, d := range pictures {
		if l.versions[d.Path] != version {
			continue
		}
		if before[at].made {
			l.verdicts[d.Path] = before[at].stays
		} else {
			delete(l.verdicts, d.Path)
		}
		l.versions[d.Path] = l.changes
	}
	return l.about(pictures)
}

// save writes all decisions, unless a later save already did: decisions that come while a file is written share the next one.
func (l *List) save() error {
	l.mu.Lock()
	want := l.changes
	l.mu.Unlock()
	l.saving.Lock()
	defer l.saving.Unlock()
	if l.saved >= want {
		return nil
	}
	at, err := l.writeAll()
	if err == nil {
		l.saved = at
	}
	return err
}

// writeAll writes the file, and says which changes it has.
func (l *List) writeAll() (at int, err error) {
	l.mu.Lock()
	at, list := l.changes, l.decisions()
	l.mu.Unlock()
	if err := l.lock.Check(); err != nil {
		return at, err
	}
	return at, curation.Write(l.out, list)
}

// decisions are the rows of the list with what was decided, and then those about pictures that the list doesn't have: a later list may have
// them again.
func (l *List) decisions() []curation.Decision {
	out := slices.Clone(l.rows)
	for i := range out {
		if stays, ok := l.verdicts[out[i].Path]; ok {
			out[i] = decided(out[i], stays)
		}
	}
	var others []string
	for path := range l.verdicts {
		if !l.named[path] {
			others = append(others, path)
		}
	}
	slices.Sort(others)
	for _, path := range others {
		out = append(out, decided(curation.Decision{Path: path}, l.verdicts[path]))
	}
	return out
}

func decided(d curation.Decision, stays bool) curation.Decision {
	d.Keep, d.Reason = stays, dropped
	if stays {
		d.Reason = kept
	}
	return d
}
