package main

import (
	"context"
	"slices"

	"github.com/spf13/cobra"

	"clipgo/internal/config"
	"clipgo/model"
	"clipgo/pretrained"
	"clipgo/search"
)

type searchOptions struct {
	pretrained.Settings
	Index     string  `json:"index" flag:"index" arg:"dir" help:"index directory"`
	Top       int     `json:"top" min:"1" flag:"top" arg:"K" help:"hits shown (default 10)"`
	Threshold float64 `json:"threshold" min:"-1" max:"1" flag:"threshold" arg:"T" help:"lowest cosine shown, -1 to 1 (default all)"`
	Captions  bool    `json:"captions" flag:"captions" help:"search the captions of the pictures instead of the pictures"`
}

func newSearch(a *app) *cobra.Command {
	o := searchOptions{Settings: pretrained.DefaultSettings(), Top: 10, Threshold: -1}
	c := &cobra.Command{
		Use:   "search --index DIR QUERY...",
		Short: "Find the pictures of an index that are nearest to words, pictures, or both",
		Long: `search compares a query with every picture of an index, exactly.

A QUERY is a text, or the path of a picture. Several terms are added; a term that begins with - is subtracted; 2:text
has weight 2. Write -- before a query that begins with a minus.`,
		Example: `  clipgo search --index pictures.index "a red heart"
  clipgo search --index pictures.index cat.png
  clipgo search --index pictures.index -- cat.png "+2:at night" "-a dog"`,
		Args: cobra.MinimumNArgs(1),
	}
	b := bind(c, &o, "data")
	c.RunE = func(c *cobra.Command, args []string) error {
		said, err := b.apply()
		if err != nil {
			return err
		}
		return o.run(c.Context(), a, said, args)
	}
	return c
}

func (o *searchOptions) run(ctx context.Context, a *app, said config.Layer, args []string) error {
	if o.Index == "" {
		return usagef("--index is missing: the directory that embed made")
	}
	terms, err := search.Parse(args)
	if err != nil {
		return usagef("%v", err)
	}
	pretrained.LoadLibtorch()
	if !slices.ContainsFunc(terms, func(t search.Term) bool { return len(t.Picture) > 0 }) {
		o.Towers = model.TextTower
	}
	ix, err := search.Open(o.Index)
	if err != nil {
		return err
	}
	defer ix.Close()
	if o.Captions && !ix.Has(search.Texts) {
		return usagef("--captions: no picture in %s has a caption", o.Index)
	}
	if err := verifySmall(ix); err != nil {
		return err
	}
	if o.Model == "" {
		if o.Model = ix.Info().Model; o.Model == "" {
			return usagef("--model is missing, and the index does not say which model made it")
		}
	}
	o.Follow(ix.Info().Preprocess)
	m, err := openModel(ctx, a, &o.Settings, said)
	if err != nil {
		return err
	}
	defer m.Free()
	space, err := m.Space(ix.Info().Fingerprint, "")
	if err != nil {
		return err
	}
	if err := ix.Accepts(space); err != nil {
		return err
	}
	return o.find(ctx, a, m, ix, terms)
}

func (o *searchOptions) find(ctx context.Context, a *app, m *pretrained.Embedder, ix search.Index, terms []search.Term) error {
	q, err := search.Combine(ctx, ix, terms, m)
	if err != nil {
		return err
	}
	q.Top, q.Threshold = o.Top, o.Threshold
	if o.Captions {
		q.Table = search.Texts
	}
	hits, err := ix.Find(ctx, q)
	if err != nil {
		return err
	}
	for _, h := range hits {
		if a.console.json {
			err = a.console.result(h)
		} else {
			a.console.print("%3d  %.4f  %s%s", h.Rank, h.Score, h.Path, captionNote(h.Caption))
		}
		if err != nil {
			return err
		}
	}
	if len(hits) == 0 {
		a.console.say("nothing found above %g", o.Threshold)
	}
	return nil
}

// verifySmall checks every byte of an index where that takes no longer than a blink.
func verifySmall(ix *search.Folder) error {
	const blink = 128 << 20 // bytes
	if ix.Info().Bytes > blink {
		return nil
	}
	return ix.Verify()
}

func captionNote(caption string) string {
	if caption == "" {
		return ""
	}
	return "  (" + caption + ")"
}
