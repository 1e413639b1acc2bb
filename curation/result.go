package curation

import (
	"fmt"
)

// Result is what a method found: a decision for each picture of the collection, in the order of its rows.
type Result struct {
	Method    string     `json:"method"`
	Pictures  int        `json:"pictures"`
	Kept      int        `json:"kept"`
	Groups    int        `json:"groups,omitempty"`
	Left      int        `json:"rows_without_picture,omitempty"` // of the index
	Decisions []Decision `json:"-"`
	Summary   []string   `json:"-"` // lines for people
}

// keepAll has every picture, kept.
func (c *Collection) keepAll(method string) *Result {
	r := &Result{Method: method, Pictures: c.Len(), Left: c.Left, Decisions: make([]Decision, c.Len())}
	for i, item := range c.Items {
		r.Decisions[i] = Decision{Path: item.Path, Keep: true}
	}
	return r
}

// finish counts the decisions and puts the line that every result has in front.
func (r *Result) finish() *Result {
	for _, d := range r.Decisions {
		if d.Keep {
			r.Kept++
		}
		r.Groups = max(r.Groups, d.Group)
	}
	line := fmt.Sprintf("%d pictures, %d kept", r.Pictures, r.Kept)
	if r.Left > 0 {
		line += fmt.Sprintf("; %d rows of the index have no picture's feature", r.Left)
	}
	r.Summary = append([]string{line}, r.Summary...)
	return r
}

// shownRows is how many pictures or groups a summary names.
const shownRows = 10

// list appends lines for the first of n things, and how many more there are.
func (r *Result) list(n int, what string, line func(i int) string) {
	for i := range min(n, shownRows) {
		r.Summary = append(r.Summary, line(i))
	}
	if n > shownRows {
		r.Summary = append(r.Summary, fmt.Sprintf("... and %d more %s", n-shownRows, what))
	}
}
