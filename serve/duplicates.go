package serve

import (
	"context"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"clipgo/curation"
	"clipgo/curation/review"
	"clipgo/internal/fault"
	"clipgo/internal/vec"
	"clipgo/search"
)

// What the comparison of all pictures of an index may take. A larger index has clipgo dedup.
const (
	maxCompared = 300_000          // pictures: their features are in memory meanwhile, and the time grows with the square
	leaseTime   = 15 * time.Second // without a request: then nobody waits for it any more
	pollTime    = time.Second      // that a request for the state waits for news
)

// The thresholds of groups, in thousandths. The lowest is higher where about more pairs than these are alike, in all or for each picture:
// an exact comparison of nearly all pairs would take hours.
const (
	lowestAlike, highestAlike = 900, 999
	alikePairs, alikeEach     = 1 << 20, 64
)

// duplicates are the groups of an index that people decide about, and where decisions go.
type duplicates struct {
	file string // empty: decisions are not kept

	mu   sync.Mutex
	job  *comparison  // the last one
	list *review.List // nil: decisions are not kept
	why  string       // they are not
}

// KeepDecisions names the files of decisions about duplicates, which are in a directory that is made if it is missing. Without a directory
// decisions are not kept. One that can't be written is no error here: the page says so, and has lists to download.
func KeepDecisions(dir string, sources []Source) error {
	if dir == "" {
		return nil
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return fault.Setting("review_dir", "%v", err)
	}
	for i := range sources {
		name := sources[i].Name
		if name != filepath.Base(name) || !filepath.IsLocal(name) {
			return fault.Setting("review_dir", "the name of the index %q can't be that of a file: give it another, as in NAME=DIR",
				name)
		}
		sources[i].Decisions = filepath.Join(dir, name+".duplicates.csv")
	}
	return nil
}

// comparison finds the pictures of a state of an index that are alike.
type comparison struct {
	snapshot string
	cancel   context.CancelFunc
	lease    *time.Timer   // cancels it when nobody has asked about it for leaseTime
	share    atomic.Uint64 // that is done, the bits of a float64
	done     chan struct{} // is closed when what follows is set

	err       error
	all       *curation.Collection // without features
	linkage   *curation.Linkage
	levels    []curation.Level
	identical []curation.Group
	alike     *lru[[]curation.Group]
}

// comparable tells whether the pictures of a state can be compared with each other.
func (s *snapshot) comparable() bool {
	_, ok := s.Index.(curation.Source)
	return ok && s.info.Live <= maxCompared
}

// compare starts the comparison of an index in its present state, unless there is one.
func (s *Server) compare(c *collection) (*comparison, error) {
	snap, err := c.acquire("")
	if err != nil {
		return nil, err
	}
	d := &c.duplicates
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.job != nil && d.job.snapshot == snap.id && !(d.job.finished() && d.job.err != nil) {
		c.release(snap)
		d.job.lease.Reset(leaseTime)
		return d.job, nil
	}
	from, ok := snap.Index.(curation.Source)
	if !ok || !snap.comparable() {
		c.release(snap)
		return nil, badRequest(fmt.Sprintf(
			"pictures are compared here if the features are in a folder and are at most %d; clipgo dedup has no limit", maxCompared))
	}
	if d.job != nil {
		d.job.cancel()
	}
	ctx, cancel := context.WithCancel(s.background)
	job := &comparison{snapshot: snap.id, cancel: cancel, lease: time.AfterFunc(leaseTime, cancel), done: make(chan struct{}),
		alike: newLRU[[]curation.Group](64 << 20)}
	d.job = job
	s.jobs.Go(func() {
		defer c.release(snap)
		defer cancel()
		defer close(job.done)
		if job.err = recovered(func() error { return s.find(ctx, job, from, c) }); job.err != nil && ctx.Err() == nil {
			s.log.Error("duplicates can't be found", "index", c.name, "error", job.err)
		}
	})
	return job, nil
}

// finished tells whether a comparison has ended, with a result or with an error. One that was cancelled may still run.
func (j *comparison) finished() bool {
	select {
	case <-j.done:
		return true
	default:
		return false
	}
}

// find compares all pictures. One index is compared at a time.
func (s *Server) find(ctx context.Context, j *comparison, from curation.Source, c *collection) error {
	if err := take(ctx, s.comparing); err != nil {
		return err
	}
	defer func() { <-s.comparing }()
	all, err := curation.Read(ctx, from, c.name)
	if err != nil {
		return err
	}
	floor, err := all.Floor(ctx, lowestAlike/1000.0, 0.001, highestAlike/1000.0, max(alikePairs, alikeEach*all.Len()))
	if err != nil {
		return err
	}
	if j.linkage, err = all.Linkage(ctx, floor, func(share float64) { j.share.Store(math.Float64bits(share)) }); err != nil {
		return err
	}
	all.Features, all.Captions = nil, nil
	var thresholds []float64
	for t := j.lowest(); t <= highestAlike; t++ {
		thresholds = append(thresholds, float64(t)/1000)
	}
	j.all, j.levels, j.identical = all, all.Levels(j.linkage, thresholds), all.Identical()
	c.duplicates.keep(s, all)
	return nil
}

// keep opens the file of decisions, or gives it the rows of a new state. A picture is in it as kept until somebody decides.
func (d *duplicates) keep(s *Server, all *curation.Collection) {
	rows := make([]curation.Decision, all.Len())
	for i, item := range all.Items {
		rows[i] = curation.Decision{Path: item.Path, Keep: true}
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	var err error
	switch {
	case d.file == "":
		d.why = "this server was not given a place for decisions; --review-dir names one"
	case d.list != nil:
		d.list.Replace(rows)
	default:
		if d.list, err = review.Keep(d.file, rows); err != nil {
			s.log.Warn("decisions about duplicates can't be kept", "file", d.file, "reason", err)
			d.why = "the file for decisions can't be used here, or another server uses it; the log says why"
			return
		}
		d.why = ""
	}
}

// kept is the list of decisions; nil: there is none, and why.
func (d *duplicates) kept() (*review.List, string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.list, d.why
}

// compared is the finished comparison of a state.
func (d *duplicates) compared(id string) (*comparison, error) {
	d.mu.Lock()
	j := d.job
	d.mu.Unlock()
	if j == nil || j.snapshot != id {
		return nil, &statusError{410, "the index has changed since then; load the page again"}
	}
	if !j.finished() {
		return nil, &statusError{409, "the pictures are still compared"}
	}
	return j, j.err
}

func (d *duplicates) close() error {
	if d.list == nil {
		return nil
	}
	return d.list.Close()
}

// lowest is the threshold, in thousandths, from which groups are known. The comparison is finished.
func (j *comparison) lowest() int { return int(math.Round(1000 * j.linkage.Floor)) }

// groups are those of pictures that are alike at a threshold in thousandths; 0: those with the same content.
func (j *comparison) groups(threshold int) []curation.Group {
	if threshold == 0 {
		return j.identical
	}
	key := fmt.Sprint(threshold)
	if found, ok := j.alike.get(key); ok {
		return found
	}
	var out []curation.Group
	bytes := 0
	for _, g := range j.all.Duplicates(j.linkage.At(float64(threshold) / 1000)) {
		if !j.all.OnlyIdentical(g) {
			out = append(out, g)
			bytes += 48 + 8*len(g.Members)
		}
	}
	j.alike.put(key, out, bytes)
	return out
}

// suggestion is what a group's pictures are shown with: its keeper stays.
func (j *comparison) suggestion(g curation.Group) []curation.Decision {
	out := make([]curation.Decision, len(g.Members))
	keeper := j.all.Items[g.Keeper]
	for at, i := range g.Members {
		item := j.all.Items[i]
		out[at] = curation.Decision{Path: item.Path, Keep: i == g.Keeper, Reason: "like"}
		if item.Hash != "" && item.Hash == keeper.Hash {
			out[at].Reason = "same bytes"
		}
	}
	return out
}

// score fills in the similarity to the picture that stays by the suggestion.
func (s *snapshot) score(pictures []review.Picture) error {
	cat, err := s.catalog()
	if err != nil {
		return err
	}
	feature := func(path string) []float32 {
		row := cat.RowAt(path)
		if row < 0 {
			return nil
		}
		image, _, err := s.RowFeatures(row)
		if errors.Is(err, search.ErrNoRow) {
			return nil
		}
		return image
	}
	var keeper []float32
	for _, p := range pictures {
		if p.Keep {
			keeper = feature(p.Path)
		}
	}
	for i := range pictures {
		if f := feature(pictures[i].Path); f != nil && keeper != nil {
			pictures[i].Score = min(vec.Dot(f, keeper), 1)
		}
	}
	return nil
}
