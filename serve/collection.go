package serve

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"clipgo/search"
)

// When indexes are looked at for commits, and how long the state before a commit still answers: a page that is read for some minutes gets
// its further rows and thumbnails from the rows that it began with.
const (
	reloadEvery = 2 * time.Second
	keepFor     = 5 * time.Minute
)

// collection is an index under a name, in its present state and the states of the last minutes.
type collection struct {
	name    string
	space   search.Space
	encoder *encoder
	given   []string // roots of the options

	returned []string // columns that clip-retrieval's endpoints answer with

	duplicates duplicates

	mu      sync.Mutex
	current *snapshot
	old     []*snapshot
	problem string // why the last commit is not used; empty: it is
}

// snapshot is one state of an index.
type snapshot struct {
	Index
	id      string
	info    search.Info
	catalog func() (*search.Catalog, error) // waits until it is read
	read    chan struct{}                   // is closed after the first attempt
	loaded  atomic.Pointer[search.Catalog]  // nil: not read yet
	roots   func() (*roots, error)
	given   bool // the roots are those of the options
	cancel  context.CancelFunc

	issuing sync.Mutex
	issued  search.Set // row numbers that clients of clip-retrieval were given

	users   int // requests that use it, and the reading of its catalog
	retired time.Time
}

func newCollection(ctx context.Context, src Source, e *encoder, given []string) (*collection, error) {
	c := &collection{name: src.Name, space: src.Index.Info().Space, encoder: e, given: given, returned: src.Returned}
	if c.returned == nil {
		c.returned = knnReturned
	}
	c.current = c.open(ctx, src.Index)
	if len(given) == 0 {
		return c, nil
	}
	_, err := c.current.roots() // a root that doesn't exist is found before the first request
	return c, err
}

// open makes a snapshot and begins to read its catalog.
func (c *collection) open(ctx context.Context, ix Index) *snapshot {
	ctx, cancel := context.WithCancel(ctx)
	s := &snapshot{Index: ix, id: ix.Version(), info: ix.Info(), read: make(chan struct{}), given: len(c.given) > 0, cancel: cancel,
		users: 1}
	s.issued = search.NewSet(s.info.Rows)
	if s.id == "" {
		s.id = "fixed"
	}
	first := sync.OnceFunc(func() { close(s.read) })
	s.catalog = onceAvailable(func() (cat *search.Catalog, err error) {
		defer first()
		err = recovered(func() (err error) {
			cat, err = ix.Catalog(ctx)
			return err
		})
		if err == nil && len(c.given) > 0 {
			cat.SkipRoots(c.given)
		}
		if err == nil {
			s.loaded.Store(cat)
		}
		return cat, err
	})
	s.roots = onceAvailable(func() (*roots, error) {
		if len(c.given) > 0 {
			return openRoots(c.given)
		}
		cat, err := s.catalog()
		if err != nil || cat.Root == "" || cat.Root == "/" {
			return &roots{}, err
		}
		return openRoots([]string{cat.Root})
	})
	go func() {
		_, _ = s.catalog() // an error comes with the first use
		c.release(s)
	}()
	return s
}

// retry reads the catalog of a state again if the first attempt found the index unavailable.
func (c *collection) retry(s *snapshot) {
	select {
	case <-s.read:
		if s.known() == nil {
			_, _ = s.catalog() // at once, where it failed for good
		}
	default:
	}
}

// onceAvailable calls a function once, and again after each search.ErrUnavailable.
func onceAvailable[T any](f func() (T, error)) func() (T, error) {
	var mu sync.Mutex
	var done bool
	var value T
	var err error
	return func() (T, error) {
		mu.Lock()
		defer mu.Unlock()
		if !done {
			value, err = f()
			done = !errors.Is(err, search.ErrUnavailable)
		}
		return value, err
	}
}

// known is the catalog if it has been read, and nil before.
func (s *snapshot) known() *search.Catalog { return s.loaded.Load() }

// details are what the index knows of some rows. The catalog has no further columns, which are read from the index's files.
func (s *snapshot) details(rows []int) ([]search.Detail, error) {
	cat := s.known()
	if further, err := s.Columns(); err != nil || cat == nil || len(further) > 0 {
		if err != nil {
			return nil, err
		}
		return s.Details(rows)
	}
	out := make([]search.Detail, len(rows))
	for i, row := range rows {
		var err error
		if out[i], err = cat.Detail(row); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// acquire returns a state of the index: the present one, or the one with an id. The caller releases it.
func (c *collection) acquire(id string) (*snapshot, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, s := range append(slices.Clone(c.old), c.current) {
		if s.id == id || id == "" && s == c.current {
			s.users++
			return s, nil
		}
	}
	return nil, &statusError{410, "the index has changed since then; search again"}
}

// issue notes that a client was given some row numbers.
func (s *snapshot) issue(rows []int) {
	s.issuing.Lock()
	defer s.issuing.Unlock()
	for _, row := range rows {
		s.issued.Add(row)
	}
}

// gave tells whether clients were given all of some row numbers.
func (s *snapshot) gave(rows []int) bool {
	s.issuing.Lock()
	defer s.issuing.Unlock()
	return !slices.ContainsFunc(rows, func(row int) bool { return row < 0 || row >= s.info.Rows || !s.issued.Has(row) })
}

// issuer is the latest state that gave a client some row numbers, and the present one if none did. A commit may renumber rows, and the
// numbers that a client of clip-retrieval asks for don't say of which state they are. The caller releases it.
func (c *collection) issuer(rows []int) *snapshot {
	c.mu.Lock()
	defer c.mu.Unlock()
	found := c.current
	if !found.gave(rows) {
		for _, s := range slices.Backward(c.old) {
			if s.gave(rows) {
				found = s
				break
			}
		}
	}
	found.users++
	return found
}

func (c *collection) release(s *snapshot) {
	c.mu.Lock()
	defer c.mu.Unlock()
	s.users--
}

// reload takes a commit over, and closes states that nobody needs any more.
func (c *collection) reload(ctx context.Context, now time.Time, log *slog.Logger) {
	c.mu.Lock()
	current := c.current
	c.mu.Unlock()
	if current.Version() != "" {
		next, err := current.Reload(ctx)
		if err == nil {
			err = next.Accepts(c.space)
		}
		ix, ours := next.(Index)
		switch {
		case err != nil:
			c.fail(err, log)
			if next != nil && next != search.Index(current.Index) {
				_ = next.Close()
			}
		case ours && next != search.Index(current.Index):
			c.replace(c.open(ctx, ix), now)
			log.Info("the index has changed", "index", c.name, "pictures", ix.Info().Live)
		default:
			c.fail(nil, log)
			c.retry(current)
		}
	}
	c.sweep(now)
}

// fail notes why the index can't be opened again, once; nil: it can.
func (c *collection) fail(err error, log *slog.Logger) {
	problem, says := "", "the index can't be opened again; its last state still answers"
	switch {
	case errors.Is(err, search.ErrUnavailable): // whose texts name ports, and differ each time
		problem, says = search.ErrUnavailable.Error(), "the index can't be reached; requests are refused until it answers"
	case err != nil:
		problem = err.Error()
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case problem == c.problem:
	case problem == "":
		log.Info("the index answers again", "index", c.name)
	default:
		log.Warn(says, "index", c.name, "reason", err)
	}
	c.problem = problem
}

func (c *collection) replace(next *snapshot, now time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.current.retired = now
	c.old = append(c.old, c.current)
	c.current, c.problem = next, ""
}

// sweep closes old states without users.
func (c *collection) sweep(now time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.old = slices.DeleteFunc(c.old, func(s *snapshot) bool {
		if s.users > 0 || now.Sub(s.retired) < keepFor {
			return false
		}
		_ = s.end()
		return true
	})
}

// end closes a state. Nobody uses it.
func (s *snapshot) end() error {
	s.cancel()
	<-s.read
	if r, err := s.roots(); err == nil {
		r.close()
	}
	return s.Close()
}

func (c *collection) close() error {
	c.mu.Lock()
	states := append(c.old, c.current)
	c.mu.Unlock()
	var first error
	for _, s := range states {
		if err := s.end(); err != nil && first == nil {
			first = err
		}
	}
	return first
}
