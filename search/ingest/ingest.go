// Package ingest brings an index of package search up to date with a source of pictures: it embeds what is new or changed,
// follows files that were renamed, and removes what is gone.
package ingest

import (
	"context"
	"errors"
	"fmt"
	"time"

	"clipgo/datasets"
	"clipgo/internal/paths"
	"clipgo/internal/share"
	"clipgo/search"
)

// Embedder makes features of pictures and captions in one space. Features are rows of Dim values, normalized or not.
type Embedder interface {
	Dim() int
	// EmbedTexts returns a row for each text, [len(texts), Dim].
	EmbedTexts(ctx context.Context, texts []string) ([]float32, error)
	// EmbedSource embeds the pictures of a source in its own order, some at a time. It hands their numbers in the source and
	// their features, [len(samples), Dim], to use, and to skip each sample that can't be used. An error of use ends it. A source
	// of which nothing can be used is a *datasets.DataError.
	EmbedSource(ctx context.Context, src datasets.Source, use func(samples []int, features []float32) error, skip func(datasets.Skip)) error
}

// PairEmbedder is an Embedder that has its own way to embed pictures with their captions, such as several processes.
type PairEmbedder interface {
	Embedder
	// EmbedPairs embeds samples of a source in their order, some at a time, each with a caption, which is empty if there is none. It hands
	// their places in samples, their features, [len(places), Dim], those of their captions, nil for none, and their notes to use, and each
	// sample that can't be used to skip. A note is what Note returned where the picture was embedded; nil: it wasn't called. An error of
	// use ends it.
	EmbedPairs(ctx context.Context, src datasets.Source, samples []int, captions []string,
		use func(places []int, features []float32, texts [][]float32, notes [][]byte) error, skip func(datasets.Skip)) error
}

// Index is what takes the rows, such as a *search.Writer that has begun.
type Index interface {
	Plan(found []search.File, scope search.Scope, hash func(i int) (string, error)) search.Plan
	Follow(search.Plan) error
	Has(path string) bool
	Add(search.Row) error
	Commit() error
}

// Options are the settings of an update.
type Options struct {
	// Paths are what the source was opened from. Rows of pictures in or below them that the source doesn't have are removed, and so
	// are those of its tables and archives. Paths that don't exist, such as the name of a built-in set, count for nothing.
	Paths    []string
	MaxSkip  float64                   // share of the source's pictures that may be unusable, 0 to 1
	Share    share.Share               // of the pictures, which is all that the index is to have; the zero value is all
	Skipped  func(datasets.Skip)       // is called with each picture that could not be used; may be nil
	Progress func(done, goal int)      // is called with the number of pictures done, of those to embed; may be nil
	Cut      func(caption string) bool // reports whether the embedder reads only the beginning of a caption; may be nil
	// Columns are names of columns of the source's tables whose values the index keeps: those of Options.Metadata of the source, in their
	// order. A column that the index doesn't have yet holds numbers if all values of the source are numbers, and texts otherwise.
	Columns []string
	// Odd is called with each value that is no number, of a column of numbers: the row has none then. It may be nil.
	Odd func(path, column, value string)
	// Facts also reads when, where and with what those pictures were taken that an earlier version put into the index without looking.
	Facts bool
}

// Result is what a run did, counted in files.
type Result struct {
	Added     int `json:"added"` // new paths, those included whose content the index had under another one
	Updated   int `json:"updated"`
	Unchanged int `json:"unchanged"`
	Moved     int `json:"moved"` // files that have another path now; the row of the old one is among the removed
	Removed   int `json:"removed"`
	Failed    int `json:"failed"`       // pictures that can't be used, and folders that can't be read
	Cut       int `json:"captions_cut"` // captions that are longer than what the model reads, of the pictures embedded
	// CaptionsLeft is the number of captions that are not in the index, since a picture's row has one.
	CaptionsLeft int     `json:"captions_left_out"`
	Facts        int     `json:"facts_added,omitempty"`      // unchanged pictures whose EXIF data was read now
	Described    int     `json:"metadata_updated,omitempty"` // unchanged pictures with new values of further columns
	OtherParts   int     `json:"of_other_parts,omitempty"`   // samples that belong to other shares
	Rate         float64 `json:"images_per_second"`          // of the pictures embedded
}

// Update makes an index hold the pictures of a source, with their first captions, and commits. Whether a picture is unchanged
// is decided by size, time and content, as search.Writer's Plan says.
//
// What was embedded before an error, or before ctx was done, is committed too: a later run embeds the rest. More unusable pictures
// than Options.MaxSkip allows are a *datasets.DataError; the others are in the index then.
func Update(ctx context.Context, ix Index, src datasets.Source, e Embedder, o Options) (Result, error) {
	u := &update{ix: ix, source: src, embedder: e, options: o}
	l, err := listed(ctx, src, o.Share)
	if err != nil {
		return u.result, err
	}
	if err := u.columns(l); err != nil {
		return u.result, err
	}
	plan := ix.Plan(l.files, l.scope(o.Paths), func(i int) (string, error) { return datasets.Hash(ctx, src, l.samples[i]) })
	plan.Remove = keep(plan.Remove, src.Info().Unread)
	if err := ix.Follow(plan); err != nil {
		return u.result, err
	}
	for _, s := range l.failed {
		u.fail(s)
	}
	u.result.CaptionsLeft, u.result.OtherParts = l.captions, l.others
	u.result.Unchanged, u.result.Moved, u.result.Removed = plan.Unchanged, plan.Moved, len(plan.Remove)
	u.result.Described = plan.Described
	if o.Facts {
		if err := u.addFacts(ctx, l, &plan); err != nil {
			return u.result, errors.Join(err, ix.Commit())
		}
	}
	for _, i := range plan.Embed {
		u.todo = append(u.todo, picture{l.files[i], l.samples[i]})
	}
	begun, copied := time.Now(), plan.Copied+plan.Replaced
	u.result.Added, u.result.Updated = plan.Copied, plan.Replaced
	err = u.embed(ctx)
	committed := ix.Commit()
	if committed != nil && ctx.Err() != nil {
		return u.result, committed // nothing was saved: not what an interrupt promises
	}
	if committed != nil || err != nil {
		return u.result, errors.Join(err, committed)
	}
	if seconds := time.Since(begun).Seconds(); seconds > 0 {
		u.result.Rate = float64(u.result.Added+u.result.Updated-copied) / seconds
	}
	err = u.judge(src.Len() - l.others)
	for _, folder := range src.Info().Unread { // which are no pictures, so that no share of them is limited
		if o.Share.Has(paths.Absolute(folder.Key)) {
			u.fail(folder)
		}
	}
	return u.result, err
}

// judge refuses a run in which too many of all pictures failed.
func (u *update) judge(total int) error {
	if float64(u.result.Failed) <= u.options.MaxSkip*float64(total) {
		return nil
	}
	return &datasets.DataError{Source: u.source.Info().Name, Reason: fmt.Sprintf(
		"%d of %d pictures could not be used, more than the share of %g; the others are in the index; max_skip must be 1 to accept "+
			"any number", u.result.Failed, total, u.options.MaxSkip)}
}

// update is one run.
type update struct {
	ix       Index
	source   datasets.Source
	embedder Embedder
	options  Options
	todo     []picture
	result   Result
}

// picture is one to embed.
type picture struct {
	search.File
	sample int // its number in the source
}

// embed adds rows for all that is to do.
func (u *update) embed(ctx context.Context) error {
	samples := make([]int, len(u.todo))
	for i, p := range u.todo {
		samples[i] = p.sample
	}
	done := 0
	progress := func(n int) {
		if done += n; u.options.Progress != nil {
			u.options.Progress(done, len(u.todo))
		}
	}
	progress(0)
	err := u.pairs(ctx, samples, func(batch []int, features []float32, texts [][]float32, notes [][]byte) error {
		progress(len(batch))
		return u.add(ctx, batch, features, texts, notes)
	}, func(s datasets.Skip) {
		progress(1)
		u.fail(s)
	})
	if data := (*datasets.DataError)(nil); errors.As(err, &data) {
		return nil // none of the new ones can be used: they are counted
	}
	return err
}

// pairs embeds samples with their captions. batch holds places in todo.
func (u *update) pairs(ctx context.Context, samples []int,
	use func(batch []int, features []float32, texts [][]float32, notes [][]byte) error, skip func(datasets.Skip)) error {
	if p, ok := u.embedder.(PairEmbedder); ok {
		captions := make([]string, len(u.todo))
		for i, one := range u.todo {
			captions[i] = one.Caption
		}
		return p.EmbedPairs(ctx, u.source, samples, captions, use, skip)
	}
	return u.embedder.EmbedSource(ctx, datasets.Select(u.source, samples), func(batch []int, features []float32) error {
		texts, err := u.captions(ctx, batch)
		if err != nil {
			return err
		}
		return use(batch, features, texts, make([][]byte, len(batch)))
	}, skip)
}

func (u *update) fail(s datasets.Skip) {
	u.result.Failed++
	if u.options.Skipped != nil {
		u.options.Skipped(s)
	}
}

// add puts a batch's rows into the index; batch holds places in todo.
func (u *update) add(ctx context.Context, batch []int, features []float32, texts [][]float32, notes [][]byte) error {
	dim := u.embedder.Dim()
	for i, n := range batch {
		p := u.todo[n]
		if u.options.Cut != nil && texts[i] != nil && u.options.Cut(p.Caption) {
			u.result.Cut++
		}
		if err := u.learn(ctx, &p, notes[i]); ctx.Err() != nil {
			return ctx.Err()
		} else if err != nil { // it went away after it was read
			u.fail(datasets.Skip{Source: u.source.Info().Name, Key: p.Path, Reason: err.Error()})
			continue
		}
		count := &u.result.Added
		if u.ix.Has(p.Path) {
			count = &u.result.Updated
		}
		if err := u.ix.Add(search.Row{File: p.File, Image: features[i*dim : (i+1)*dim], Text: texts[i]}); err != nil {
			return err
		}
		*count++
	}
	return nil
}

// captions embeds the captions of a batch; rows without one stay nil.
func (u *update) captions(ctx context.Context, batch []int) ([][]float32, error) {
	out := make([][]float32, len(batch))
	var texts []string
	var at []int
	for i, n := range batch {
		if c := u.todo[n].Caption; c != "" {
			texts, at = append(texts, c), append(at, i)
		}
	}
	if len(texts) == 0 {
		return out, nil
	}
	features, err := u.embedder.EmbedTexts(ctx, texts)
	if err != nil {
		return nil, err
	}
	dim := u.embedder.Dim()
	for k, i := range at {
		out[i] = features[k*dim : (k+1)*dim]
	}
	return out, nil
}
