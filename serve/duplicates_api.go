package serve

import (
	"context"
	"errors"
	"fmt"
	"math"
	"net/http"
	"path/filepath"
	"strconv"
	"time"

	"clipgo/curation"
	"clipgo/curation/review"
)

// aboutDuplicates is the state of a comparison as clients see it.
type aboutDuplicates struct {
	Index     string           `json:"index"`
	Snapshot  string           `json:"snapshot"`
	Done      bool             `json:"done"`
	Share     float64          `json:"share"` // that is done, 0 to 1
	Levels    []curation.Level `json:"levels,omitempty"`
	Identical int              `json:"identical"`      // groups of the same content
	File      string           `json:"file,omitempty"` // that has the decisions, without its folder
	Why       string           `json:"why,omitempty"`  // decisions are not kept
}

// findDuplicates answers POST /api/duplicates: it starts the comparison of an index.
func (s *Server) findDuplicates(w http.ResponseWriter, r *http.Request) error {
	var in struct {
		Index string `json:"index"`
	}
	if err := readJSON(r, jsonBytes, &in); err != nil {
		return err
	}
	c, err := s.collection(in.Index)
	if err != nil {
		return err
	}
	j, err := s.compare(c)
	if err != nil {
		return err
	}
	return s.writeState(w, c, j)
}

// duplicatesState answers GET /api/duplicates: how far the comparison is. It waits a moment for its end.
func (s *Server) duplicatesState(w http.ResponseWriter, r *http.Request) error {
	c, err := s.collection(r.URL.Query().Get("index"))
	if err != nil {
		return err
	}
	c.duplicates.mu.Lock()
	j := c.duplicates.job
	c.duplicates.mu.Unlock()
	if j == nil {
		return &statusError{404, "the pictures of this index are not compared; POST starts it"}
	}
	j.lease.Reset(leaseTime)
	wait := time.NewTimer(pollTime)
	defer wait.Stop()
	select {
	case <-j.done:
	case <-wait.C:
	case <-r.Context().Done():
		return r.Context().Err()
	}
	return s.writeState(w, c, j)
}

func (s *Server) writeState(w http.ResponseWriter, c *collection, j *comparison) error {
	out := aboutDuplicates{Index: c.name, Snapshot: j.snapshot, Share: math.Float64frombits(j.share.Load())}
	if !j.finished() {
		return writeJSON(w, out)
	}
	if errors.Is(j.err, context.Canceled) {
		return &statusError{http.StatusConflict, "the comparison was ended, as nobody asked about it; POST starts it again"}
	} else if j.err != nil {
		return j.err
	}
	out.Done, out.Share, out.Levels, out.Identical = true, 1, j.levels, len(j.identical)
	list, why := c.duplicates.kept()
	if out.Why = why; list != nil {
		out.File = shown(filepath.Base(list.File()))
	}
	return writeJSON(w, out)
}

// asked is the finished comparison that a request is about, with its groups at a threshold.
type asked struct {
	c      *collection
	snap   *snapshot
	job    *comparison
	groups []curation.Group
	list   *review.List // nil: decisions are not kept
	why    string
}

// askedAbout finds what a request is about. A threshold of 0 stands for the same content. The caller releases the snapshot.
func (s *Server) askedAbout(index, id string, threshold float64) (a asked, err error) {
	thousandths := int(math.Round(threshold * 1000))
	if thousandths != 0 && !(threshold <= 1 && thousandths >= lowestAlike && thousandths <= highestAlike) {
		return a, badRequest(fmt.Sprintf("threshold: it is not 0 or from %g to %g", lowestAlike/1000.0, highestAlike/1000.0))
	}
	if a.c, err = s.collection(index); err != nil {
		return a, err
	}
	if a.job, err = a.c.duplicates.compared(id); err != nil {
		return a, err
	}
	if lowest := a.job.lowest(); thousandths != 0 && thousandths < lowest {
		return a, badRequest(fmt.Sprintf("threshold: below %g nearly all pictures of this index are alike", float64(lowest)/1000))
	}
	a.groups = a.job.groups(thousandths)
	a.list, a.why = a.c.duplicates.kept()
	a.snap, err = a.c.acquire(id)
	return a, err
}

// askedIn finds what the parameters of a request are about, with the errors of all that were read.
func (s *Server) askedIn(p *params) (asked, error) {
	threshold := p.float("threshold", 0)
	if p.err != nil {
		return asked{}, p.err
	}
	return s.askedAbout(p.q.Get("index"), p.q.Get("snapshot"), threshold)
}

// group is a group with its decisions.
func (a *asked) group(n int) review.Group {
	g := review.Group{}
	if list := a.job.suggestion(a.groups[n]); a.list != nil {
		g = a.list.About(list)
	} else {
		for _, d := range list {
			g.Pictures = append(g.Pictures, review.Picture{Decision: d, Stays: d.Keep})
		}
	}
	g.Number = n
	return g
}

// counts says how far the review of these groups is.
func (a *asked) counts() (c review.Counts) {
	c.Groups = len(a.groups)
	for n := range a.groups {
		g := a.group(n)
		if c.Pictures += len(g.Pictures); !g.Decided() {
			c.Open++
			continue
		}
		for _, p := range g.Pictures {
			if p.Stays {
				c.Kept++
			}
		}
		c.Dropped = c.Dropped + len(g.Pictures)
	}
	c.Dropped -= c.Kept
	return c
}

func (s *Server) duplicatesOf(a asked) aboutReview {
	out := aboutReview{Name: a.c.name, Index: a.c.name, Counts: a.counts()}
	if a.list != nil {
		out.File = shown(filepath.Base(a.list.File()))
	}
	return out
}

func (s *Server) duplicateGroup(a asked, g review.Group) (reviewGroup, error) {
	if err := a.snap.score(g.Pictures); err != nil {
		return reviewGroup{}, err
	}
	out, err := s.reviewGroup(a.snap, g)
	out.Name = ""
	return out, err
}

// duplicateGroups answers GET /api/duplicates/groups: groups from a number on.
func (s *Server) duplicateGroups(w http.ResponseWriter, r *http.Request) error {
	p := params{q: r.URL.Query()}
	from, limit := p.number("from", 0, maxOffset), p.number("limit", 20, maxGroups)
	a, err := s.askedIn(&p)
	if err != nil {
		return err
	}
	defer a.c.release(a.snap)
	out, next, pictures := []reviewGroup{}, -1, 0
	for n := from; n < len(a.groups); n++ {
		g := a.group(n)
		if p.q.Get("open") == "1" && g.Decided() {
			continue
		}
		if pictures += len(g.Pictures); len(out) > 0 && (len(out) >= limit || pictures > manyPictures) {
			next = n
			break
		}
		one, err := s.duplicateGroup(a, g)
		if err != nil {
			return err
		}
		out = append(out, one)
	}
	return writeJSON(w, map[string]any{"review": s.duplicatesOf(a), "snapshot": a.snap.id, "groups": out, "next": next})
}

// decideDuplicates answers POST /api/duplicates/groups: it records which pictures of a group stay.
func (s *Server) decideDuplicates(w http.ResponseWriter, r *http.Request) error {
	var in struct {
		Index     string  `json:"index"`
		Snapshot  string  `json:"snapshot"`
		Threshold float64 `json:"threshold"`
		Group     int     `json:"group"`
		Version   int     `json:"version"`
		Stay      []bool  `json:"stay"` // null takes a decision back
	}
	if err := readJSON(r, jsonBytes, &in); err != nil {
		return err
	}
	a, err := s.askedAbout(in.Index, in.Snapshot, in.Threshold)
	if err != nil {
		return err
	}
	defer a.c.release(a.snap)
	switch {
	case a.list == nil:
		return &statusError{http.StatusForbidden, "decisions are not kept: " + a.why}
	case in.Group < 0 || in.Group >= len(a.groups):
		return &statusError{http.StatusNotFound, review.ErrNoGroup.Error()}
	}
	g, err := a.list.DecideAbout(a.job.suggestion(a.groups[in.Group]), in.Version, in.Stay)
	if err != nil {
		return s.undecided(a.list, err)
	}
	g.Number = in.Group
	one, err := s.duplicateGroup(a, g)
	if err != nil {
		return err
	}
	return writeJSON(w, map[string]any{"review": s.duplicatesOf(a), "group": one})
}

// undecided is the answer to a decision that does not count.
func (s *Server) undecided(list *review.List, err error) error {
	switch {
	case errors.Is(err, review.ErrChanged):
		return &statusError{http.StatusConflict, err.Error()}
	case errors.Is(err, review.ErrNoGroup):
		return &statusError{http.StatusNotFound, err.Error()}
	case errors.Is(err, review.ErrNotSaved):
		s.log.Error("a decision is not saved", "review", list.Name(), "error", err)
		return &statusError{http.StatusInsufficientStorage, review.ErrNotSaved.Error()}
	}
	return badRequest(err.Error())
}

// duplicateList answers GET /api/duplicates/list: the pictures that are dropped, as rows of a list that --filter takes. A list that only
// drops keeps what it doesn't name.
func (s *Server) duplicateList(w http.ResponseWriter, r *http.Request) error {
	a, err := s.askedIn(&params{q: r.URL.Query()})
	if err != nil {
		return err
	}
	defer a.c.release(a.snap)
	rows := []map[string]string{}
	for n := range a.groups {
		if err := r.Context().Err(); err != nil {
			return err
		}
		for _, picture := range a.group(n).Pictures {
			if picture.Stays {
				continue
			}
			path := a.snap.short(picture.Path)
			if s.options.ShowPaths {
				path = picture.Path
			}
			rows = append(rows, map[string]string{"path": shown(path), "keep": "0", "group": strconv.Itoa(n + 1), "reason": picture.Reason})
		}
	}
	return writeJSON(w, map[string]any{"rows": rows})
}
