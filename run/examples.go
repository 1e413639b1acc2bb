package run

import (
	"cmp"
	"slices"

	"clipgo/internal/vec"
	"clipgo/report"
)

// examples asks for a few captions of the validation data and shows what came first.
func (v *validation) examples(captions, hits int) []report.Example {
	var out []report.Example
	last, dim := v.Last(), v.Last().Dim
	seen := map[string]bool{}
	step := max(1, len(last.Captions)/max(captions, 1))
	for t := 0; t < len(last.Captions) && len(out) < captions; t += step {
		caption := last.Captions[t]
		if seen[caption] {
			continue
		}
		seen[caption] = true
		example := report.Example{Caption: caption}
		for _, n := range nearest(last.Texts[t*dim:(t+1)*dim], last.Images, hits) {
			hit := v.hit(caption, n.row)
			hit.Score = n.score
			example.Hits = append(example.Hits, hit)
		}
		out = append(out, example)
	}
	return out
}

// hit shows a row of the last features.
func (v *validation) hit(caption string, row int) report.Hit {
	entry := v.Last().Entries[row]
	h := report.Hit{Verdict: report.Wrong}
	if len(entry.Captions) > 0 {
		h.Label = entry.Captions[0]
	}
	if slices.Contains(entry.Captions, caption) {
		h.Verdict = report.Right
	}
	// A picture that has gone since, or can't be read any more, has no thumbnail; the training goes on.
	h.Thumbnail, _ = v.Embedder.Thumbnail(v.Source, v.Last().Index[row])
	return h
}

// neighbour is a row of a table of features with its cosine.
type neighbour struct {
	row   int
	score float64
}

// nearest finds the rows most similar to a unit feature, best first.
func nearest(query, rows []float32, top int) []neighbour {
	dim := len(query)
	var all []neighbour
	for r := 0; (r+1)*dim <= len(rows); r++ {
		all = append(all, neighbour{r, vec.Dot(query, rows[r*dim:][:dim])})
	}
	slices.SortStableFunc(all, func(a, b neighbour) int { return cmp.Compare(b.score, a.score) })
	return all[:min(top, len(all))]
}
