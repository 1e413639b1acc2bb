package review

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"os"
	"sync"

	"clipgo/curation"
	"clipgo/internal/bounded"
	"clipgo/internal/durable"
	"clipgo/internal/fault"
	"clipgo/internal/paths"
)

// wholeRows is the size up to which a list is written as a whole with each decision. A larger one takes too long for that: its decisions
// are appended to a journal first, and the file follows in the background.
const wholeRows = 4000

// entry is a decision in the journal; without Stay it is taken back.
type entry struct {
	Paths []string `json:"paths"`
	Stay  []bool   `json:"stay"`
}

// journal has the decisions that the file may not have yet.
type journal struct {
	file *os.File
	size int64
	wake chan struct{} // there is something to write
	stop chan struct{}
	done sync.WaitGroup

	mu     sync.Mutex // held while decisions are made and appended
	behind error      // why the file can't be written
}

// startJournal opens the journal of a large list, and begins to write the file in the background.
func (l *List) startJournal() error {
	if len(l.rows) <= wholeRows {
		return nil
	}
	name := l.out + paths.Journal
	if err := durable.WriteFile(name, 0o644, func(io.Writer) error { return nil }); err != nil {
		return err
	}
	f, err := os.OpenFile(name, os.O_WRONLY|os.O_APPEND, 0)
	if err != nil {
		return err
	}
	l.journal = &journal{file: f, wake: make(chan struct{}, 1), stop: make(chan struct{})}
	l.journal.done.Go(l.follow)
	return nil
}

// follow writes the file after decisions. An error comes with the next decision.
func (l *List) follow() {
	for {
		select {
		case <-l.journal.stop:
			return
		case <-l.journal.wake:
			_ = l.settle()
		}
	}
}

// settle writes the file, and empties the journal unless somebody has decided since.
func (l *List) settle() error {
	j := l.journal
	at, err := l.writeAll()
	j.mu.Lock()
	defer j.mu.Unlock()
	l.mu.Lock()
	same := l.changes == at
	l.mu.Unlock()
	if err == nil && same {
		if err = j.file.Truncate(0); err == nil {
			j.size = 0
		}
	}
	j.behind = err
	return err
}

// decideInJournal is Decide for a large list.
func (l *List) decideInJournal(pictures []curation.Decision, version int, stay []bool) (Group, error) {
	j := l.journal
	j.mu.Lock()
	behind := j.behind
	j.mu.Unlock()
	if behind != nil {
		if err := l.settle(); err != nil {
			return l.About(pictures), errors.Join(ErrNotSaved, err)
		}
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	g, before, err := l.change(pictures, version, stay)
	if err != nil {
		return g, err
	}
	e := entry{Stay: stay}
	for _, p := range g.Pictures {
		e.Paths = append(e.Paths, paths.Text(p.Path))
	}
	if err = errors.Join(l.lock.Check(), j.behind); err == nil {
		err = j.add(e)
	}
	if err != nil {
		return l.revert(pictures, g.Version, before), errors.Join(ErrNotSaved, err)
	}
	select {
	case j.wake <- struct{}{}:
	default: // the next writing has this decision
	}
	return g, nil
}

// add appends an entry; it is on disk when add returns. After an error the journal is as before.
func (j *journal) add(e entry) error {
	line, err := json.Marshal(e)
	if err != nil {
		return err
	}
	line = append(line, '\n')
	if _, err = j.file.Write(line); err == nil {
		err = j.file.Sync()
	}
	if err != nil {
		j.behind = j.file.Truncate(j.size)
		return err
	}
	j.size += int64(len(line))
	return nil
}

// replay takes over the decisions of a journal that an earlier process left, and writes the file.
func (l *List) replay() error {
	name := l.out + paths.Journal
	data, err := bounded.ReadFile(name, bounded.Table)
	if errors.Is(err, fs.ErrNotExist) || err == nil && len(data) == 0 {
		return nil
	} else if err != nil {
		return err
	}
	lines := bytes.SplitAfter(data, []byte("\n"))
	for i, line := range lines[:len(lines)-1] { // the last one is empty, or was cut off before its decision counted
		var e entry
		if err := json.Unmarshal(line, &e); err != nil || e.Stay != nil && len(e.Stay) != len(e.Paths) {
			return fault.Dataf("%s: line %d has no decision: remove the file to go on with the decisions of %s", name, i+1, l.out)
		}
		for k, path := range e.Paths {
			if path = paths.FromText(path); e.Stay == nil {
				delete(l.verdicts, path)
			} else {
				l.verdicts[path] = e.Stay[k]
			}
		}
	}
	if err := curation.Write(l.out, l.decisions()); err != nil {
		return err
	}
	return os.Remove(name)
}

// end writes what the file doesn't have, and removes the journal.
func (l *List) end() error {
	j := l.journal
	if j == nil {
		return nil
	}
	close(j.stop)
	j.done.Wait()
	var err error
	if j.size > 0 {
		err = l.settle()
	}
	if err == nil {
		err = os.Remove(j.file.Name())
	}
	return errors.Join(err, j.file.Close())
}
