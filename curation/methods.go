package curation

import (
	"context"
	"fmt"

	"clipgo/internal/fault"
	"clipgo/internal/vec"
)

// Dedup keeps one picture of each group of near-duplicates. The score is the similarity to the picture that is kept.
func (c *Collection) Dedup(ctx context.Context, threshold float64) (*Result, error) {
	pairs, err := c.Connected(ctx, threshold)
	if err != nil {
		return nil, err
	}
	r := c.keepAll("dedup")
	groups := c.Duplicates(pairs)
	for g, group := range groups {
		keeper := c.Items[group.Keeper]
		for _, i := range group.Members {
			d := &r.Decisions[i]
			d.Group, d.Score = g+1, c.similarity(i, group.Keeper)
			switch {
			case i == group.Keeper:
				d.Reason = fmt.Sprintf("kept of %d", len(group.Members))
			case keeper.Hash != "" && c.Items[i].Hash == keeper.Hash:
				d.Keep, d.Reason = false, "same bytes as "+keeper.Path
			default:
				d.Keep, d.Reason = false, "like "+keeper.Path
			}
		}
	}
	r.list(len(groups), "groups", func(i int) string {
		return fmt.Sprintf("%4d pictures like %s", len(groups[i].Members), c.Items[groups[i].Keeper].Path)
	})
	return r.finish(), nil
}

func (c *Collection) similarity(i, j int) float64 { return min(vec.Dot(c.Feature(i), c.Feature(j)), 1) }

// Outliers drops the n pictures that are least like their neighbours. The score is 1 minus the mean similarity to the Outlying nearest.
func (c *Collection) Outliers(ctx context.Context, n int) (*Result, error) {
	near, err := c.Neighbours(ctx, Outlying)
	if err != nil {
		return nil, err
	}
	r := c.keepAll("outliers")
	scores := Outlyingness(near)
	order := descending(scores)[:min(n, c.Len())]
	for i := range r.Decisions {
		r.Decisions[i].Score = scores[i]
	}
	for at, i := range order {
		r.Decisions[i].Keep, r.Decisions[i].Reason = false, fmt.Sprintf("outlier %d", at+1)
	}
	r.list(len(order), "pictures", func(at int) string {
		return fmt.Sprintf("%.4f %s", scores[order[at]], c.Items[order[at]].Path)
	})
	return r.finish(), nil
}

// CaptionReason is how the reasons of Fit begin.
const CaptionReason = "the caption is number"

// Fit drops the n pictures whose caption fits least. The score is the cosine of picture and caption; the reason has the caption's rank.
func (c *Collection) Fit(ctx context.Context, n int) (*Result, error) {
	if c.Captions == nil {
		return nil, fault.Dataf("%s: no picture has a caption", c.Name)
	}
	r := c.keepAll("pairs")
	scores, err := c.PairScores(ctx)
	if err != nil {
		return nil, err
	}
	var cosines []float64
	var have []int
	for i, s := range scores {
		d := &r.Decisions[i]
		if s.Rank == 0 {
			d.Reason = "no caption"
			continue
		}
		have, cosines = append(have, i), append(cosines, s.Cosine)
		d.Score, d.Reason = s.Cosine, fmt.Sprintf(CaptionReason+" %d of %d", s.Rank, s.Of)
	}
	order := ascending(cosines)[:min(n, len(have))]
	for _, at := range order {
		r.Decisions[have[at]].Keep = false
	}
	r.list(len(order), "pictures", func(at int) string {
		i := have[order[at]]
		s := scores[i]
		return fmt.Sprintf("%.4f rank %d of %d: %s: %s", s.Cosine, s.Rank, s.Of, c.Items[i].Path, c.Items[i].Caption)
	})
	return r.finish(), nil
}

// Leaks drops the pictures of a training collection that are like one of a test collection. The score is the similarity to the nearest
// one.
func (c *Collection) Leaks(ctx context.Context, test *Collection, threshold float64) (*Result, error) {
	if err := c.Space.Accepts(c.Name, test.Space); err != nil {
		return nil, err
	}
	if test.Dim != c.Dim {
		return nil, fault.Dataf("%s has features of %d entries, %s of %d", c.Name, c.Dim, test.Name, test.Dim)
	}
	near, err := c.NeighboursIn(ctx, test, 1)
	if err != nil {
		return nil, err
	}
	r := c.keepAll("leaks")
	var found []int
	for i, list := range near {
		d := &r.Decisions[i]
		d.Score = min(list[0].Score, 1)
		if list[0].Score < threshold {
			continue
		}
		other := test.Items[list[0].Row]
		d.Keep, d.Reason = false, "like "+other.Path
		if other.Hash != "" && other.Hash == c.Items[i].Hash {
			d.Reason = "same bytes as " + other.Path
		}
		found = append(found, i)
	}
	r.list(len(found), "pictures", func(at int) string {
		d := r.Decisions[found[at]]
		return fmt.Sprintf("%.4f %s: %s", d.Score, d.Path, d.Reason)
	})
	return r.finish(), nil
}

// Refile drops the pictures whose k nearest are rather in another folder. The score is the margin.
func (c *Collection) Refile(ctx context.Context, k int) (*Result, error) {
	if len(c.Folders()) < 2 {
		return nil, fault.Dataf("%s: all pictures are in one folder", c.Name)
	}
	near, err := c.Neighbours(ctx, k)
	if err != nil {
		return nil, err
	}
	r := c.keepAll("misfiled")
	found := c.Misfiled(near)
	for _, m := range found {
		d := &r.Decisions[m.Row]
		d.Keep, d.Score, d.Reason = false, m.Margin, "its neighbours are in "+m.Other
	}
	r.list(len(found), "pictures", func(at int) string {
		return fmt.Sprintf("%.2f %s: its neighbours are in %s", found[at].Margin, c.Items[found[at].Row].Path, found[at].Other)
	})
	return r.finish(), nil
}
