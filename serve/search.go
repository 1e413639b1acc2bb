package serve

import (
	"cmp"
	"context"
	"errors"
	"net/http"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"clipgo/search"
	"clipgo/search/columns"
)

// found is the answer to a search.
type found struct {
	Index    string     `json:"index"`
	Snapshot string     `json:"snapshot"`      // the state of the index; further requests may name it
	Query    []saidTerm `json:"query"`         // as it was understood
	Cut      []string   `json:"cut,omitempty"` // texts of which the model reads only the beginning
	Total    int        `json:"total"`         // hits in all
	Rows     int        `json:"rows"`          // pictures that were compared
	Mean     float64    `json:"mean"`
	Dev      float64    `json:"deviation"`
	Levels   *levels    `json:"levels,omitempty"`
	Named    *named     `json:"named,omitempty"`
	Hits     []hit      `json:"hits"`
	Next     string     `json:"next,omitempty"` // the cursor of the next page; absent on the last
	Took     float64    `json:"took_ms"`
	// Pending: paths and captions are still being read, so that hits are not marked yet.
	Pending bool `json:"names_pending,omitempty"`
}

type saidTerm struct {
	Weight  float64 `json:"weight"`
	Text    string  `json:"text,omitempty"`
	Like    string  `json:"like,omitempty"`
	Picture string  `json:"picture,omitempty"`
}

// levels are the numbers of hits at or above thresholds in equal steps of standard deviations, which a slider shows while it moves.
type levels struct {
	From  float64 `json:"from"`
	Step  float64 `json:"step"`
	Count []int   `json:"count"`
}

// named are the pictures whose name or caption has the words of the query: the best of them, whatever their score.
type named struct {
	Total int   `json:"total"`
	Hits  []hit `json:"hits"`
}

// hit is a row found.
type hit struct {
	Row      int      `json:"row"`
	Key      string   `json:"key"`
	Score    float64  `json:"score"`
	Z        float64  `json:"z"`
	Name     string   `json:"name"`           // the path below its root
	Path     string   `json:"path,omitempty"` // where paths are shown
	Caption  string   `json:"caption"`
	Size     int64    `json:"size,omitempty"`
	Modified string   `json:"modified,omitempty"`
	Hash     string   `json:"hash,omitempty"`
	Match    []string `json:"match,omitempty"` // name, caption: where the words of the query occur
	hitFacts
	Metadata columns.Values `json:"metadata,omitempty"` // of the further columns
}

// search answers GET /api/search, and POST with pictures.
func (s *Server) search(w http.ResponseWriter, r *http.Request) error {
	begun := time.Now()
	q := r.URL.Query()
	var files [][]byte
	if r.Method == http.MethodPost {
		var err error
		if files, err = receive(r, q); err != nil {
			return err
		}
	}
	c, err := s.collection(q.Get("index"))
	if err != nil {
		return err
	}
	ids, err := s.keepPictures(r.Context(), c, files)
	if err != nil {
		return err
	}
	q["picture"] = append(q["picture"], ids...)
	var at cursor
	if text := q.Get("cursor"); text != "" {
		if at, err = parseCursor(text); err != nil {
			return err
		}
	}
	snap, err := c.acquire(cmp.Or(at.snapshot, q.Get("snapshot")))
	if err != nil {
		return err
	}
	defer c.release(snap)
	req, err := s.request(r.Context(), snap, q)
	if err != nil {
		return err
	}
	req.offset = at.offset
	if s.options.Queries {
		s.log.Info("search", "index", c.name, "query", q["q"], "like", len(req.rows))
	}
	out := found{Index: c.name, Snapshot: snap.id, Query: []saidTerm{}, Hits: []hit{}}
	if err := s.answer(r.Context(), c, snap, req, &out); err != nil {
		return err
	}
	out.Took = float64(time.Since(begun).Microseconds()) / 1000
	return writeJSON(w, out)
}

// answer fills the answer to a search.
func (s *Server) answer(ctx context.Context, c *collection, snap *snapshot, req searchRequest, out *found) error {
	if len(req.terms) == 0 {
		return s.browse(ctx, snap, req, out)
	}
	vector, err := search.Combine(ctx, snap.Index, req.terms, c.encoder)
	if errors.Is(err, search.ErrNoDirection) {
		return badRequest(search.ErrNoDirection.Error())
	} else if err != nil {
		return err
	}
	v, err := s.look(ctx, c, snap, lookup{vector.Vector, req.table, req.from, req.where, req.rows})
	if err != nil {
		return err
	}
	sc := v.scores
	floor := req.minScore
	if req.minZ != nil {
		floor = max(floor, sc.Mean+*req.minZ*sc.Deviation)
	}
	near, err := v.page(snap, req.offset, req.offset+req.limit, floor)
	if err != nil {
		return err
	}
	if out.Total, err = v.count(snap, floor); err != nil {
		return err
	}
	out.Rows, out.Mean, out.Dev = sc.Rows, sc.Mean, sc.Deviation
	out.Query = req.said
	for _, text := range req.texts {
		if c.encoder.model.Cuts(text) {
			out.Cut = append(out.Cut, text)
		}
	}
	mark := s.marksOf(req, c, snap)
	out.Pending = mark == nil && len(req.texts) == 1
	if out.Hits, err = s.hits(snap, near, sc, mark); err != nil {
		return err
	}
	if req.offset == 0 {
		out.Levels = levelsOf(v)
		if out.Named, err = s.named(snap, v, mark); err != nil {
			return err
		}
	}
	if next := req.offset + len(near); next < out.Total && len(near) > 0 {
		out.Next = cursor{snap.id, next}.String()
	}
	return nil
}

// levelsOf counts hits at thresholds from two deviations below the background to twelve above.
func levelsOf(v *view) *levels {
	const from, perUnit, n = -2, 10, 141
	if v.scores.Deviation == 0 {
		return nil
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.levels == nil {
		sc := v.scores
		v.levels = &levels{from, 1.0 / perUnit, sc.Above(sc.Mean+from*sc.Deviation, sc.Deviation/perUnit, n, v.keep)}
	}
	return v.levels
}

// marks are the rows whose name or caption has the words of the query.
type marks struct{ names, captions search.Set }

// words is the text of a query that is nothing else. A query of several terms has no words: which of them would count?
func (r searchRequest) words() (text string, ok bool) {
	if len(r.texts) != 1 || len(r.terms) != 1 || r.terms[0].Weight < 0 {
		return "", false
	}
	return r.texts[0], true
}

// marksOf are the marks of a query, from memory if a request before had the same words: the pages of a search have. nil: the query has no
// words, or the catalog isn't read yet.
func (s *Server) marksOf(req searchRequest, c *collection, snap *snapshot) *marks {
	words, ok := req.words()
	if !ok {
		return nil
	}
	key := c.name + "\x00" + snap.id + "\x00" + words
	if m, ok := s.marks.get(key); ok {
		return m
	}
	cat := snap.known()
	if cat == nil {
		return nil
	}
	names, captions := cat.Words(words)
	m := &marks{names, captions}
	s.marks.put(key, m, 8*(len(names)+len(captions))+len(key))
	return m
}

func (m *marks) of(row int) (out []string) {
	if m != nil && m.names.Has(row) {
		out = append(out, "name")
	}
	if m != nil && m.captions.Has(row) {
		out = append(out, "caption")
	}
	return out
}

// named are the best of the marked rows.
func (s *Server) named(snap *snapshot, v *view, m *marks) (*named, error) {
	const shown = 12
	if m == nil {
		return nil, nil
	}
	keep := m.names.Or(m.captions).And(v.keep)
	total := keep.Count()
	if total == 0 {
		return nil, nil
	}
	near, err := snap.Best(v.scores, shown, -maxScore, keep)
	if err != nil {
		return nil, err
	}
	hits, err := s.hits(snap, near, v.scores, m)
	return &named{total, hits}, err
}

// hits describes rows. scores may be nil.
func (s *Server) hits(snap *snapshot, near []search.Neighbor, scores *search.Scores, m *marks) ([]hit, error) {
	defer s.stats.since("metadata_get_time", time.Now())
	rows := make([]int, len(near))
	for i, n := range near {
		rows[i] = n.Row
	}
	all, err := snap.details(rows)
	if err != nil {
		return nil, err
	}
	out := make([]hit, len(near))
	for i, n := range near {
		out[i] = s.describe(snap, n.Row, all[i])
		out[i].Score, out[i].Match = n.Score, m.of(n.Row)
		if scores != nil {
			out[i].Z = scores.Standard(n.Score)
		}
	}
	return out, nil
}

// describe is what a client may know of a row.
func (s *Server) describe(snap *snapshot, row int, d search.Detail) hit {
	h := hit{Row: row, Key: keyOf(row, d), Name: shown(snap.short(d.Path)), Caption: d.Caption, Size: d.Size, Hash: d.Hash,
		hitFacts: factsOf(d.Facts), Metadata: d.Metadata}
	if s.options.ShowPaths {
		h.Path = shown(d.Path)
	}
	if d.MTime > 0 {
		h.Modified = time.Unix(0, d.MTime).UTC().Format(time.RFC3339)
	}
	return h
}

// short is a path below its root; of a picture elsewhere, the name of its file alone.
func (s *snapshot) short(path string) string {
	if !filepath.IsAbs(path) {
		return path
	}
	if !s.given && s.known() == nil { // where the pictures are is not known yet
		return filepath.Base(path)
	}
	if r, err := s.roots(); err == nil {
		for _, dir := range r.dirs() {
			if rest, ok := strings.CutPrefix(path, strings.TrimSuffix(dir, "/")+"/"); ok {
				return rest
			}
		}
	}
	return filepath.Base(path)
}

// browse lists pictures without a query: the newest first.
func (s *Server) browse(ctx context.Context, snap *snapshot, req searchRequest, out *found) error {
	cat, err := snap.catalog()
	if err != nil {
		return err
	}
	rows := cat.Newest(req.from)
	if len(req.where) > 0 {
		keep, err := snap.Where(ctx, req.where)
		if err != nil {
			return err
		}
		rows = slices.DeleteFunc(slices.Clone(rows), func(row int) bool { return !keep.Has(row) })
	}
	out.Total, out.Rows = len(rows), snap.info.Live
	var near []search.Neighbor
	for _, row := range rows[min(req.offset, len(rows)):min(req.offset+req.limit, len(rows))] {
		near = append(near, search.Neighbor{Row: row})
	}
	if out.Hits, err = s.hits(snap, near, nil, nil); err != nil {
		return err
	}
	if next := req.offset + len(near); next < out.Total && len(near) > 0 {
		out.Next = cursor{snap.id, next}.String()
	}
	return nil
}
