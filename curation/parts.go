package curation

import (
	"context"
	"fmt"
	"slices"
	"strings"
)

// Spread keeps n pictures that are far from each other, as Diverse chooses them. The score is the similarity to those before it, and the
// reason its place; the rest has the similarity to the nearest that is kept.
func (c *Collection) Spread(ctx context.Context, n int) (*Result, error) {
	order, scores, err := c.Diverse(ctx, n)
	if err != nil {
		return nil, err
	}
	r := c.keepAll("diverse")
	for i := range r.Decisions {
		r.Decisions[i].Keep = false
	}
	for at, i := range order {
		r.Decisions[i].Keep, r.Decisions[i].Reason = true, fmt.Sprintf("number %d", at+1)
		if at > 0 {
			r.Decisions[i].Score = scores[at]
		}
	}
	r.list(len(order), "pictures", func(at int) string { return c.Items[order[at]].Path })
	return r.finish(), nil
}

// Balance keeps at most n pictures of each folder: those that Spread would keep of it. The group is the folder.
func (c *Collection) Balance(ctx context.Context, n int) (*Result, error) {
	r := c.keepAll("balance")
	members := map[string][]int{}
	for i, item := range c.Items {
		name := Folder(item.Path)
		members[name] = append(members[name], i)
	}
	names := slices.Sorted(func(yield func(string) bool) {
		for name := range members {
			if !yield(name) {
				return
			}
		}
	})
	for g, name := range names {
		rows := members[name]
		for _, i := range rows {
			r.Decisions[i].Group = g + 1
		}
		if len(rows) <= n {
			continue
		}
		order, _, err := c.part(rows).Diverse(ctx, n)
		if err != nil {
			return nil, err
		}
		for _, i := range rows {
			r.Decisions[i].Keep, r.Decisions[i].Reason = false, fmt.Sprintf("%s has %d pictures", name, len(rows))
		}
		for _, at := range order {
			r.Decisions[rows[at]].Keep, r.Decisions[rows[at]].Reason = true, ""
		}
	}
	r.list(len(names), "folders", func(at int) string {
		return fmt.Sprintf("%6d pictures in %s", len(members[names[at]]), names[at])
	})
	return r.finish(), nil
}

// part is the collection of some rows.
func (c *Collection) part(rows []int) *Collection {
	out := &Collection{Name: c.Name, Dim: c.Dim, Features: make([]float32, 0, len(rows)*c.Dim)}
	for _, i := range rows {
		out.Items, out.Features = append(out.Items, c.Items[i]), append(out.Features, c.Feature(i)...)
	}
	return out
}

// Grouped describes a division into groups. Groups are numbered from the largest. names are those of the groups, or nil. The score is the
// similarity to the group's centre.
func (c *Collection) Grouped(k *Clusters, names [][]string) *Result {
	r := c.keepAll("cluster")
	size := make([]float64, len(k.Centers))
	central := make([]int, len(k.Centers)) // the picture nearest to the centre
	for i, g := range k.Of {
		if g < 0 {
			continue
		}
		if size[g]++; size[g] == 1 || k.Scores[i] > k.Scores[central[g]] {
			central[g] = i
		}
	}
	order := descending(size)
	number := make([]int, len(order))
	for at, g := range order {
		number[g] = at + 1
	}
	label := func(g int) string {
		if names == nil {
			return ""
		}
		return strings.Join(names[g], ", ")
	}
	for i, g := range k.Of {
		if g >= 0 {
			r.Decisions[i].Group, r.Decisions[i].Score, r.Decisions[i].Reason = number[g], k.Scores[i], label(g)
		}
	}
	r.list(len(order), "groups", func(at int) string {
		g := order[at]
		line := fmt.Sprintf("%3d: %5.0f pictures, such as %s", at+1, size[g], c.Items[central[g]].Path)
		if names != nil {
			line += " (" + label(g) + ")"
		}
		return line
	})
	return r.finish()
}
