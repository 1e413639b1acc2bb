package serve

import (
	"errors"
	"net/http"
	"path/filepath"
	"slices"
	"strings"

	"clipgo/curation/review"
	"clipgo/internal/fault"
	"clipgo/internal/paths"
	"clipgo/search"
)

// Review is a list that people decide about in the page.
type Review struct {
	Index string // the name of the index that has the pictures; empty: the first
	List  *review.List
}

// aboutReview is a review as clients see it.
type aboutReview struct {
	Name  string `json:"name"`
	Index string `json:"index"`
	File  string `json:"file"` // that has the decisions, without its folder
	review.Counts
}

// reviewPicture is a picture of a group: what a hit has, and what is decided.
type reviewPicture struct {
	hit
	Stays     bool   `json:"stays"`
	Suggested bool   `json:"suggested"` // the list keeps it
	Decided   bool   `json:"decided"`
	Why       string `json:"why,omitempty"`
	Gone      bool   `json:"gone,omitempty"` // the index doesn't have it
}

type reviewGroup struct {
	Number   int             `json:"number"`
	Version  int             `json:"version"`        // that a decision has to name
	Name     string          `json:"name,omitempty"` // what the list says of all of its pictures, such as the words of a group of cluster
	Decided  bool            `json:"decided"`
	Pictures []reviewPicture `json:"pictures"`
}

// OpenReviews opens lists that are given as FILE or NAME=FILE, where NAME is that of an index. A file that exists may have = in its path.
func OpenReviews(args []string) (out []Review, err error) {
	for _, arg := range args {
		index, file := "", arg
		if name, rest, ok := strings.Cut(arg, "="); ok && !paths.Exists(arg) {
			index, file = name, rest
		}
		if file == "" {
			err = fault.Setting("review", "the name of a file is missing")
		} else if slices.ContainsFunc(out, func(r Review) bool {
			return paths.Absolute(r.List.File()) == paths.Absolute(review.Out(file))
		}) {
			err = fault.Setting("review", "%s is given twice", file)
		}
		var l *review.List
		if err == nil {
			l, err = review.Open(file)
		}
		if err != nil {
			for _, r := range out {
				err = errors.Join(err, r.List.Close())
			}
			return nil, err
		}
		out = append(out, Review{index, l})
	}
	return out, nil
}

// checkReviews refuses lists of one name, and those without an index.
func (s *Server) checkReviews() error {
	for i, r := range s.options.Reviews {
		if _, err := s.collection(r.Index); err != nil {
			return fault.Setting("review", "%s: %v", r.List.Name(), err)
		}
		if slices.ContainsFunc(s.options.Reviews[:i], func(other Review) bool { return other.List.Name() == r.List.Name() }) {
			return fault.Setting("review", "two lists are called %q: rename a file", r.List.Name())
		}
	}
	return nil
}

// review finds a review by its name and acquires the newest state of its index. The caller releases the state.
func (s *Server) review(name string) (Review, *collection, *snapshot, error) {
	for _, r := range s.options.Reviews {
		if r.List.Name() == name || name == "" {
			c, snap, err := s.open(r.Index, "")
			return r, c, snap, err
		}
	}
	return Review{}, nil, nil, &statusError{404, "there is no such review"}
}

func (s *Server) aboutReview(r Review, c *collection) aboutReview {
	return aboutReview{shown(r.List.Name()), c.name, shown(filepath.Base(r.List.File())), r.List.Counts()}
}

// reviews answers GET /api/reviews.
func (s *Server) reviews(w http.ResponseWriter, _ *http.Request) error {
	out := []aboutReview{}
	for _, r := range s.options.Reviews {
		c, err := s.collection(r.Index)
		if err != nil {
			return err
		}
		out = append(out, s.aboutReview(r, c))
	}
	return writeJSON(w, map[string]any{"reviews": out})
}

// The limits of an answer with groups. One group is never divided.
const maxGroups, manyPictures = 100, 1000

// reviewGroups answers GET /api/review: groups from a number on.
func (s *Server) reviewGroups(w http.ResponseWriter, r *http.Request) error {
	p := params{q: r.URL.Query()}
	from, limit, open := p.number("from", 0, maxOffset), p.number("limit", 20, maxGroups), p.q.Get("open") == "1"
	if p.err != nil {
		return p.err
	}
	it, c, snap, err := s.review(p.q.Get("name"))
	if err != nil {
		return err
	}
	defer c.release(snap)
	groups, next := it.List.Groups(from, max(limit, 1), open)
	out, pictures := []reviewGroup{}, 0
	for _, g := range groups {
		if pictures += len(g.Pictures); pictures > manyPictures && len(out) > 0 {
			next = g.Number
			break
		}
		one, err := s.reviewGroup(snap, g)
		if err != nil {
			return err
		}
		out = append(out, one)
	}
	return writeJSON(w, map[string]any{"review": s.aboutReview(it, c), "snapshot": snap.id, "groups": out, "next": next})
}

func (s *Server) reviewGroup(snap *snapshot, g review.Group) (out reviewGroup, err error) {
	cat, err := snap.catalog()
	if err != nil {
		return out, err
	}
	out = reviewGroup{g.Number, g.Version, s.groupName(g), g.Decided(), make([]reviewPicture, len(g.Pictures))}
	var near []search.Neighbor
	var at []int
	for i, p := range g.Pictures {
		out.Pictures[i] = reviewPicture{hit{Name: shown(filepath.Base(p.Path))}, p.Stays, p.Keep, p.Decided, s.why(p.Reason), true}
		if row := cat.RowAt(p.Path); row >= 0 {
			near, at = append(near, search.Neighbor{Row: row}), append(at, i)
		}
	}
	hits, err := s.hits(snap, near, nil, nil)
	if err != nil {
		return out, err
	}
	for k, i := range at {
		out.Pictures[i].hit, out.Pictures[i].Gone = hits[k], false
	}
	for i, p := range g.Pictures {
		out.Pictures[i].Score = p.Score
	}
	return out, nil
}

// groupName is the reason that all pictures of a group share.
func (s *Server) groupName(g review.Group) string {
	first := g.Pictures[0].Reason
	if len(g.Pictures) < 2 || slices.ContainsFunc(g.Pictures, func(p review.Picture) bool { return p.Reason != first }) {
		return ""
	}
	return s.why(first)
}

// why is a reason of the list, without the path that it may end in.
func (s *Server) why(reason string) string {
	if s.options.ShowPaths {
		return shown(reason)
	}
	short, _, cut := strings.Cut(reason, " /")
	if cut {
		short = strings.TrimSuffix(strings.TrimSuffix(short, " as"), " in")
	}
	return short
}

// decide answers POST /api/review: it records which pictures of a group stay.
func (s *Server) decide(w http.ResponseWriter, r *http.Request) error {
	var in struct {
		Name    string `json:"name"`
		Group   int    `json:"group"`
		Version int    `json:"version"`
		Stay    []bool `json:"stay"` // null takes a decision back
	}
	if err := readJSON(r, 1<<20, &in); err != nil {
		return err
	}
	it, c, snap, err := s.review(in.Name)
	if err != nil {
		return err
	}
	defer c.release(snap)
	g, err := it.List.Decide(in.Group, in.Version, in.Stay)
	if err != nil {
		return s.undecided(it.List, err)
	}
	one, err := s.reviewGroup(snap, g)
	if err != nil {
		return err
	}
	return writeJSON(w, map[string]any{"review": s.aboutReview(it, c), "group": one})
}
