package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"clipgo/datasets"
	"clipgo/search"
)

// embedding is one run of embed.
type embedding struct {
	*app
	model  *loaded
	source datasets.Source
	writer *search.Writer
	result embedResult
	byPath map[string]int // the sample of each path

	maxSkip float64
}

func (e *embedding) run(ctx context.Context, args []string) error {
	plan := e.writer.Plan(e.files(), e.scope(args), func(path string) (string, error) {
		return datasets.Hash(ctx, e.source, e.byPath[path])
	})
	if err := e.writer.Follow(plan); err != nil {
		return err
	}
	e.result.Unchanged, e.result.Moved, e.result.Removed = plan.Unchanged, plan.Moved, len(plan.Remove)
	begun := time.Now()
	err := e.embed(ctx, plan)
	// What is embedded stays, also when the run is interrupted.
	committed := e.writer.Commit()
	if committed != nil && ctx.Err() != nil {
		return committed // nothing was saved: not what an interrupt's exit code promises
	}
	if committed != nil || err != nil {
		return errors.Join(err, committed)
	}
	done := e.result.Added + e.result.Updated
	e.result.Rate = rate(int64(done), begun)
	return e.tell(done)
}

// embed computes the features of the plan's files, in order.
func (e *embedding) embed(ctx context.Context, plan search.Plan) error {
	var indices []int
	isNew := map[string]bool{}
	for _, f := range plan.Embed {
		indices = append(indices, e.byPath[f.Path])
		isNew[f.Path] = !e.writer.Has(f.Path)
	}
	bar := e.console.progress("embed", int64(len(plan.Embed)))
	defer bar.done()
	part := datasets.Select(e.source, indices)
	err := e.model.eachBatch(ctx, part, func(b *datasets.Batch, features []float32) error {
		bar.set(b.Next)
		return e.add(ctx, plan, b, features, isNew)
	}, func(s datasets.Skip) { e.result.Failed++; e.console.tellSkip(s) })
	if isAny[*datasets.DataError](err) {
		return nil // none of the new ones can be used: they are counted
	}
	return err
}

// add puts a batch's rows into the index.
func (e *embedding) add(ctx context.Context, plan search.Plan, b *datasets.Batch, features []float32, isNew map[string]bool) error {
	texts, err := e.captions(ctx, plan, b)
	if err != nil {
		return err
	}
	dim := e.model.Dim()
	for i, n := range b.Index {
		f := plan.Embed[n]
		if f.Hash == "" {
			if f.Hash, err = datasets.Hash(ctx, e.source, e.byPath[f.Path]); err != nil {
				e.result.Failed++ // it went away after it was read
				e.console.tellSkip(datasets.Skip{Key: f.Path, Reason: err.Error()})
				continue
			}
		}
		row := search.Row{File: f, Image: features[i*dim : (i+1)*dim], Text: texts[i]}
		if err := e.writer.Add(row); err != nil {
			return err
		}
		if isNew[f.Path] {
			e.result.Added++
		} else {
			e.result.Updated++
		}
	}
	return nil
}

// captions embeds the captions of a batch; rows without one stay nil.
func (e *embedding) captions(ctx context.Context, plan search.Plan, b *datasets.Batch) ([][]float32, error) {
	out := make([][]float32, b.N)
	var texts []string
	var at []int
	for i, n := range b.Index {
		if c := plan.Embed[n].Caption; c != "" {
			texts, at = append(texts, c), append(at, i)
		}
	}
	if len(texts) == 0 {
		return out, nil
	}
	features, err := e.model.encodeText(ctx, texts)
	if err != nil {
		return nil, err
	}
	dim := e.model.Dim()
	for k, i := range at {
		out[i] = features[k*dim : (k+1)*dim]
	}
	return out, nil
}

func (e *embedding) tell(done int) error {
	r := e.result
	var err error
	if total := e.source.Len(); float64(r.Failed) > e.maxSkip*float64(total) {
		err = &datasets.DataError{Source: e.source.Info().Name, Reason: fmt.Sprintf("%d of %d pictures could not be used, more than --max-skip %g; the others are in the index", r.Failed, total, e.maxSkip)}
	}
	if e.console.json {
		return errors.Join(e.console.result(r), err)
	}
	e.console.print("added %d, updated %d, unchanged %d, moved %d, removed %d, failed %d", r.Added, r.Updated, r.Unchanged, r.Moved, r.Removed, r.Failed)
	if done > 0 {
		e.console.print("%.1f pictures a second", r.Rate)
	}
	return err
}
