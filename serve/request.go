package serve

import (
	"context"
	"errors"
	"fmt"
	"math"
	"net/url"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"clipgo/search"
	"clipgo/search/columns"
)

// The limits of a search.
const (
	maxHits, defaultHits = 10_000, 40
	maxTerms             = 64
	maxText              = 10 << 10 // bytes of a text
)

// searchRequest is a search as its parameters say it.
type searchRequest struct {
	terms    []search.Term
	said     []saidTerm
	texts    []string // of the terms
	rows     []int    // of the index that the terms are made of
	table    search.Table
	from     search.Selection
	where    []columns.Condition
	limit    int
	offset   int
	minScore float64
	minZ     *float64
}

// request reads the parameters of a search over a snapshot.
func (s *Server) request(ctx context.Context, snap *snapshot, q url.Values) (r searchRequest, err error) {
	if n := len(q["q"]) + len(q["like"]) + len(q["picture"]); n > maxTerms {
		return r, badRequest(fmt.Sprintf("a search has at most %d terms, not %d", maxTerms, n))
	}
	p := params{q: q}
	r.limit, r.minScore = p.number("limit", defaultHits, maxHits), p.float("min_score", -maxScore)
	if q.Get("min_z") != "" {
		z := p.float("min_z", 0)
		r.minZ = &z
	}
	r.from = search.Selection{Text: q.Get("text"), MinSize: int64(p.number("min_size", 0, maxOffset)),
		MaxSize: int64(p.number("max_size", 0, maxOffset)), After: p.date("after"), Before: p.date("before")}
	p.facts(&r.from)
	switch q.Get("in") {
	case "", "pictures":
	case "captions":
		r.table = search.Texts
	default:
		p.err = badRequest("in: it is neither pictures nor captions")
	}
	if len(q.Get("text")) > maxText {
		p.err = badRequest(fmt.Sprintf("text: it has more than %d bytes", maxText))
	}
	if p.err != nil {
		return r, p.err
	}
	if r.where, err = snap.conditions(q["where"]); err != nil {
		return r, err
	}
	if folder := q.Get("folder"); folder != "" {
		if r.from.Folders, err = snap.folders(folder, s.options.ShowPaths); err != nil {
			return r, err
		}
	}
	if err := r.addTexts(q["q"]); err != nil {
		return r, err
	}
	if err := r.addRows(snap, q["like"]); err != nil {
		return r, err
	}
	return r, s.addUploads(&r, q["picture"])
}

// conditions reads conditions on further columns, which the index has.
func (s *snapshot) conditions(texts []string) ([]columns.Condition, error) {
	if len(texts) == 0 {
		return nil, nil
	}
	if len(texts) > maxTerms || slices.ContainsFunc(texts, func(t string) bool { return len(t) > maxText }) {
		return nil, badRequest(fmt.Sprintf("where: it is not at most %d conditions of at most %d bytes", maxTerms, maxText))
	}
	read, err := columns.ParseConditions(texts)
	if err != nil {
		return nil, badRequest("where: " + err.Error())
	}
	have, err := s.Columns()
	if err != nil {
		return nil, err
	}
	if read, err = columns.Resolve(read, have); err != nil {
		return nil, badRequest("where: " + err.Error())
	}
	return read, nil
}

func (r *searchRequest) add(t search.Term, said saidTerm) {
	said.Weight = t.Weight
	r.terms, r.said = append(r.terms, t), append(r.said, said)
}

func (r *searchRequest) addTexts(values []string) error {
	for _, v := range values {
		if strings.TrimSpace(v) == "" {
			continue // a form's empty field
		}
		if len(v) > maxText {
			return badRequest(fmt.Sprintf("q: it has more than %d bytes", maxText))
		}
		terms, err := search.ParseTexts([]string{v})
		if err != nil {
			return badRequest(err.Error())
		}
		r.add(terms[0], saidTerm{Text: terms[0].Text})
		r.texts = append(r.texts, terms[0].Text)
	}
	return nil
}

// addRows adds rows of the index, whose features are taken, with signs and weights as a text has them.
func (r *searchRequest) addRows(snap *snapshot, values []string) error {
	for _, v := range values {
		t, key, err := weighted(v)
		if err != nil {
			return err
		}
		row, err := snap.rowOf(key)
		if err != nil {
			return err
		}
		image, text, err := snap.RowFeatures(row)
		if err != nil {
			return err
		}
		if t.Feature = image; image == nil {
			t.Feature = text
		}
		if t.Feature == nil {
			return badRequest("like: the row has no feature")
		}
		r.add(t, saidTerm{Like: key})
		r.rows = append(r.rows, row)
	}
	return nil
}

// addUploads adds pictures that were sent before.
func (s *Server) addUploads(r *searchRequest, values []string) error {
	for _, v := range values {
		t, id, err := weighted(v)
		if err != nil {
			return err
		}
		feature, ok := s.uploads.get(id)
		if !ok {
			return &statusError{404, "picture: the server doesn't have it any more; send it again"}
		}
		t.Feature = feature
		r.add(t, saidTerm{Picture: id})
	}
	return nil
}

// weighted splits a sign and a weight off a name, as search.ParseTexts does.
func weighted(value string) (t search.Term, name string, err error) {
	terms, err := search.ParseTexts([]string{value})
	if err != nil {
		return t, "", badRequest(err.Error())
	}
	return search.Term{Weight: terms[0].Weight}, terms[0].Text, nil
}

// keyOf names a row for as long as its picture stays the same: by its number and the beginning of the hash.
func keyOf(row int, d search.Detail) string {
	if len(d.Hash) < keyDigits {
		return strconv.Itoa(row)
	}
	return strconv.Itoa(row) + "." + d.Hash[:keyDigits]
}

const keyDigits = 12

// rowOf finds the row of a key. Commits renumber rows: then it is the row with the hash of the key.
func (s *snapshot) rowOf(key string) (int, error) {
	number, hash, hashed := strings.Cut(key, ".")
	row, err := strconv.Atoi(number)
	if err != nil || hashed && len(hash) < keyDigits {
		return 0, badRequest("key: it is not one that an answer had")
	}
	d, err := s.details([]int{row})
	switch {
	case err != nil && !errors.Is(err, search.ErrNoRow):
		return 0, err
	case err == nil && d[0].Live && (!hashed || strings.HasPrefix(d[0].Hash, hash)):
		return row, nil
	case !hashed:
		return 0, search.ErrNoRow
	}
	cat, err := s.catalog()
	if err != nil {
		return 0, err
	}
	if row = cat.RowOf(hash); row < 0 {
		return 0, search.ErrNoRow
	}
	return row, nil
}

// folders are the absolute paths of a folder that is given below the roots, one for each root. They never lead out. An absolute path
// outside of the roots is for clients that are shown such paths.
func (s *snapshot) folders(name string, everywhere bool) (out []string, err error) {
	cat, err := s.catalog()
	if err != nil {
		return nil, err
	}
	dirs := []string{cat.Root}
	if r, err := s.roots(); err == nil { // the folder may be gone, and its rows still be there
		dirs = r.dirs()
	}
	if name = fromShown(name); filepath.IsAbs(name) {
		name = filepath.Clean(name)
		below := func(dir string) bool { return name == dir || strings.HasPrefix(name, strings.TrimSuffix(dir, "/")+"/") }
		if !everywhere && !slices.ContainsFunc(dirs, below) {
			return nil, badRequest("folder: it is not below a folder that this server shows")
		}
		return []string{name}, nil
	}
	for _, dir := range dirs {
		if dir != "" {
			out = append(out, filepath.Join(dir, filepath.Clean("/"+name)))
		}
	}
	if len(out) == 0 {
		return nil, badRequest("folder: the pictures of this index have none")
	}
	return out, nil
}

// params reads parameters; err is the first that can't be read.
type params struct {
	q   url.Values
	err error
}

func (p *params) fail(name, want string) {
	if p.err == nil {
		p.err = badRequest(name + ": it is not " + want)
	}
}

func (p *params) number(name string, otherwise, most int) int {
	text := p.q.Get(name)
	if text == "" {
		return otherwise
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 0 || n > most {
		p.fail(name, fmt.Sprintf("a whole number from 0 to %d", most))
	}
	return n
}

func (p *params) float(name string, otherwise float64) float64 {
	text := p.q.Get(name)
	if text == "" {
		return otherwise
	}
	x, err := strconv.ParseFloat(text, 64)
	if err != nil || !(x >= -maxScore && x <= maxScore) {
		p.fail(name, "a number")
	}
	return x
}

// date reads a day or a time of a day, as nanoseconds since 1970.
func (p *params) date(name string) int64 { return p.dateIn(name, time.Local) }

func (p *params) dateIn(name string, zone *time.Location) int64 {
	text := p.q.Get(name)
	if text == "" {
		return 0
	}
	for _, layout := range []string{time.RFC3339, "2006-01-02T15:04", "2006-01-02"} {
		if t, err := time.ParseInLocation(layout, text, zone); err == nil {
			return nanoseconds(t)
		}
	}
	p.fail(name, "a date such as 2024-07-31, or a time such as 2024-07-31T12:00:00Z")
	return 0
}

// nanoseconds since 1970; of a time that they can't hold, the nearest that they can. 0 would be no limit.
func nanoseconds(t time.Time) int64 {
	switch {
	case t.After(time.Unix(0, math.MaxInt64)):
		return math.MaxInt64
	case t.Before(time.Unix(0, math.MinInt64)):
		return math.MinInt64
	case t.UnixNano() == 0:
		return -1
	}
	return t.UnixNano()
}
