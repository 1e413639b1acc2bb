package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"clipgo/datasets"
	"clipgo/search"
)

type embedOptions struct {
	inference
	Index string       `json:"index"`
	DType search.DType `json:"dtype"`
}

// embedResult is what a run did, counted in files.
type embedResult struct {
	Added     int     `json:"added"`
	Updated   int     `json:"updated"`
	Unchanged int     `json:"unchanged"`
	Moved     int     `json:"moved"`
	Removed   int     `json:"removed"`
	Failed    int     `json:"failed"`
	Rate      float64 `json:"images_per_second"`
}

func newEmbed(a *app) *cobra.Command {
	o := embedOptions{inference: defaultInference()}
	c := &cobra.Command{
		Use:   "embed --model M SRC... --index DIR",
		Short: "Embed pictures, and their captions, into an index for search",
		Long: `embed computes the features of every picture of SRC and keeps them in an index. A second run embeds only
what is new or changed (by size, time, and content), follows files that were renamed, and drops those that are gone.
A picture's EXIF orientation is applied, since people search photos; --set preprocess.orientation=ignore leaves it.`,
		Example: `  clipgo embed --model runs/emoji ~/Pictures --index pictures.index
  clipgo embed --model runs/emoji photos.csv --index photos.index --json`,
		Args: cobra.MinimumNArgs(1),
	}
	k := newKnobs(c)
	k.inferenceFlags()
	k.dataFlags("data.")
	k.flag("index", "index", "dir", "index directory; made where it does not exist")
	k.flag("dtype", "dtype", "name", "float32 or float16, of a new index (default float32)")
	c.RunE = func(c *cobra.Command, args []string) error {
		if err := k.apply(&o); err != nil {
			return err
		}
		if o.Index == "" {
			return usagef("--index is missing: the directory that the index is kept in")
		}
		return o.run(c.Context(), a, k, args)
	}
	return c
}

func (o *embedOptions) run(ctx context.Context, a *app, k *knobs, args []string) (err error) {
	src, err := openAll(args, o.Data)
	if err != nil {
		return err
	}
	defer closeWith(&err, src)
	tellNotes(a.console, src.Info())
	k.before("preprocess.orientation=apply")
	m, err := o.load(ctx, a, k, o)
	if err != nil {
		return err
	}
	defer m.Free()
	space, err := m.space(o.DType)
	if err != nil {
		return err
	}
	w, err := search.Update(o.Index, space)
	if err != nil {
		return err
	}
	defer closeWith(&err, w)
	e := &embedding{app: a, model: m, source: src, writer: w, maxSkip: o.MaxSkip}
	m.options.MaxSkip = 1 // what can't be embedded is counted, and judged against all pictures at the end
	return e.run(ctx, pictureRoots(args))
}

// space is where this model's vectors live.
func (m *loaded) space(dtype search.DType) (search.Space, error) {
	if dtype == "" {
		dtype = search.Float32
	}
	digest, err := m.source.fingerprint(m.options.Seed)
	if err != nil {
		return search.Space{}, err
	}
	pp, err := json.Marshal(m.Preprocess)
	return search.Space{Model: m.where(), Fingerprint: digest, Preprocess: pp, Dim: m.Dim(), DType: dtype}, err
}

// where is how a search finds this model again: a path is made absolute, a name stays one.
func (m *loaded) where() string {
	if abs, err := filepath.Abs(m.source.Name); err == nil && exists(m.source.Name) {
		return abs
	}
	return m.source.Name
}

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

func (e *embedding) run(ctx context.Context, roots []string) error {
	plan := e.writer.Plan(e.files(), roots, func(path string) (string, error) {
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

// files lists what was found as the index knows it.
func (e *embedding) files() []search.File {
	e.byPath = map[string]int{}
	var out []search.File
	for i := range e.source.Len() {
		entry := e.source.Entry(i)
		f := search.File{Path: picturePath(entry), Size: entry.Size, MTime: entry.ModTime.UnixNano()}
		if len(entry.Captions) > 0 {
			f.Caption = entry.Captions[0]
		}
		e.byPath[f.Path] = i
		out = append(out, f)
	}
	return out
}

// picturePath is the absolute path of a picture, or of its shard followed by its name there; a built-in picture has its
// key alone.
func picturePath(e datasets.Entry) string {
	if e.File == "" {
		return e.Key
	}
	if abs, err := filepath.Abs(e.Key); err == nil {
		return abs
	}
	return e.Key
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
	texts, err := e.captions(plan, b)
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
func (e *embedding) captions(plan search.Plan, b *datasets.Batch) ([][]float32, error) {
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
	features, err := e.model.encodeText(texts)
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

// pictureRoots are the absolute paths of the arguments: what is gone below those that are folders leaves the index.
func pictureRoots(args []string) []string {
	var out []string
	for _, a := range args {
		if abs, err := filepath.Abs(a); err == nil {
			out = append(out, abs)
		}
	}
	return out
}
