package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"clipgo/internal/cli"
	"clipgo/internal/config"
	"clipgo/internal/fault"
	"clipgo/internal/hub"
	"clipgo/model"
	"clipgo/pretrained"
	"clipgo/search"
	"clipgo/search/columns"
	"clipgo/search/preview"
	"clipgo/search/sheet"
)

type searchOptions struct {
	pretrained.Settings
	databaseOptions
	Index     string  `json:"index" flag:"index" arg:"dir" help:"index directory"`
	Top       int     `json:"top" min:"1" flag:"top" arg:"K" help:"hits shown (default 10)"`
	Threshold float64 `json:"threshold" flag:"threshold" arg:"T" help:"lowest cosine shown, -1 to 1 (default all)"`
	Captions  bool    `json:"captions" flag:"captions" help:"search the captions of the pictures instead of the pictures"`
	HTML      string  `json:"html" flag:"html" arg:"file" help:"write a page that shows the hits as small pictures"`
	Sheet     string  `json:"sheet" flag:"sheet" arg:"file" help:"write the hits as a contact sheet, a .jpg"`
	Preview   string  `json:"preview" flag:"preview" arg:"auto|kitty|iterm2|sixel" help:"show the pictures in the terminal"`
	Paths     bool    `json:"paths" flag:"paths" help:"print only the paths of the hits, one a line"`
	Null      bool    `json:"null" flag:"null" short:"0" help:"print only the paths, each followed by a zero byte"`

	OneBit search.OneBit `json:"one_bit"` // whether 1-bit codes are used

	Query queryFlags `json:"query"`

	preview preview.Form
	where   []columns.Condition
}

// previewSide is the side of a picture in the terminal, in pixels.
const previewSide = 256

// choosePreview finds out how the terminal is given pictures.
func (o *searchOptions) choosePreview() (err error) {
	switch o.Preview {
	case "":
	case "auto":
		if o.preview = preview.Detect(os.Getenv); o.preview == preview.None {
			return usagef("--preview auto: this terminal is none that is known to show pictures; --preview sixel, kitty or iterm2 tries")
		}
	default:
		if o.preview, err = preview.Parse(o.Preview); err != nil {
			return usagef("--preview: %v", err)
		}
	}
	return nil
}

func newSearch(a *app) *cobra.Command {
	o := searchOptions{Settings: pretrained.DefaultSettings(), Top: 10, Threshold: -1}
	c := &cobra.Command{
		Use:   "search --index DIR QUERY...",
		Short: "Find the pictures of an index that are nearest to words, pictures, or both",
		Long: `search compares a query with every picture of an index, exactly up to 20 million rows.

A QUERY is a text, or the path of a picture. Several are added; one that begins with - is subtracted. A weight has a sign
in front and a colon behind: +2:QUERY, -0.5:QUERY. Write -- before a query that begins with a minus, or use the flags:
--plus and --minus take a QUERY, --text takes its value as a text and --image as a path, whatever it looks like; each
may be repeated and may begin with a weight, as in --minus "+0.5:a dog". How the query was understood is printed to
stderr.

With --json each hit is an object with rank, score, path and caption on a line of its own. A path that is not UTF-8 is
printed as a file: URI there, which search accepts as a QUERY. --null is for xargs -0: the exact bytes of the paths.
--html writes one file for a browser, with small copies of the pictures in it.

--where "rating>=4" leaves out pictures by a column that embed --metadata keeps: = and != for texts, < <= > >= too for
numbers. A picture without a value is in no such result. Several conditions must all be met.`,
		Example: `  clipgo search --index pictures.index "a red heart"
  clipgo search --index pictures.index --where author=Ada --where "rating>=4" "a red heart"
  clipgo search --index pictures.index cat.png --plus "+2:at night" --minus "a dog"
  clipgo search --index pictures.index --null "a red heart" | xargs -0 ls -l`,
	}
	b := cli.Bind(c, &o, "data")
	c.RunE = b.Runs(func(ctx context.Context, said config.Layer, args []string) error {
		if err := afterDashes(c, args); err != nil {
			return err
		}
		return o.run(ctx, a, said, args)
	})
	return c
}

func (o *searchOptions) check(a *app) error {
	switch {
	case o.Index == "" && (o.Database == "" || o.Collection == ""):
		return usagef("--index is missing: the directory that embed made")
	case !(o.Threshold >= -1 && o.Threshold <= 1):
		return usagef("--threshold is a cosine similarity between -1 and 1, not %g", o.Threshold)
	case a.console.json && (o.Paths || o.Null):
		return usagef("--json and --paths exclude each other")
	case o.Sheet != "" && !slices.Contains([]string{".jpg", ".jpeg"}, strings.ToLower(filepath.Ext(o.Sheet))):
		return usagef("--sheet %s: the ending is not .jpg; --html writes a page", o.Sheet)
	case o.Sheet != "" && o.Top > sheet.Most:
		return usagef("--sheet: it has at most %d pictures; --top is %d", sheet.Most, o.Top)
	}
	return o.choosePreview()
}

func (o *searchOptions) run(ctx context.Context, a *app, said config.Layer, args []string) error {
	if err := o.check(a); err != nil {
		return err
	}
	terms, err := o.Query.terms(args)
	if err != nil {
		return usagef("%v", err)
	}
	if o.where, err = columns.ParseConditions(o.Query.Where); err != nil {
		return usagef("--where: %v", err)
	}
	if !slices.ContainsFunc(terms, func(t search.Term) bool { return len(t.Picture) > 0 }) {
		o.Towers = model.TextTower
	}
	o.StartLibtorch() // while the index is opened
	ix, err := o.openIndex(ctx, o.Index)
	if err != nil {
		return err
	}
	defer ix.Close()
	if err := o.approximate(a.console, ix); err != nil {
		return err
	}
	if o.Captions && !ix.Has(search.Texts) {
		return usagef("--captions: no picture in %s has a caption", o.Index)
	}
	m, err := openIndexModel(ctx, a, &o.Settings, said, o.Index, ix.Info())
	if err != nil {
		return err
	}
	defer m.Free()
	if err := acceptsModel(ix, m); err != nil {
		return err
	}
	return o.find(ctx, a, m, ix, terms)
}

// approximate chooses 1-bit codes, and says what they find.
func (o *searchOptions) approximate(c *console, ix search.Index) error {
	folder, ok := ix.(*search.Folder)
	if !ok {
		return nil
	}
	table := search.Images
	if o.Captions {
		table = search.Texts
	}
	if err := folder.UseOneBit(o.OneBit); err != nil {
		return err
	}
	if folder.Approximate(table) {
		c.say("approximate: 1-bit codes, which find %.4f of the ten best rows; --set one_bit=never is exact", ix.Info().OneBit.At10)
	}
	return nil
}

// openIndexModel opens the model of --model, or the one that the index names. An index alone doesn't make anything be downloaded.
func openIndexModel(ctx context.Context, a *app, o *pretrained.Settings, said config.Layer, dir string,
	info search.Info) (*pretrained.Embedder, error) {
	named := o.Model != ""
	if !named {
		if o.Model = info.Model; o.Model == "" {
			return nil, usagef("--model is missing, and the index does not say which model made it")
		}
		o.Find = pretrained.Hub{Log: a.console.log, Cached: true}.Find
	}
	o.Follow(info.Preprocess)
	m, err := openModel(ctx, a, o, said)
	if err != nil && !named {
		return nil, indexModelError(ctx, dir, o.Model, err)
	}
	return m, err
}

// acceptsModel compares a model with an index.
func acceptsModel(ix search.Index, m *pretrained.Embedder) error {
	space, err := m.Space(ix.Info().Fingerprint, "")
	if err != nil {
		return err
	}
	return ix.Accepts(space)
}

// indexModelError says that the name of the model that can't be used comes from the index.
func indexModelError(ctx context.Context, index, name string, err error) error {
	if ctx.Err() != nil {
		return err
	}
	reason := err.Error()
	if f, ok := errors.AsType[*fault.Error](err); ok {
		reason = f.Reason
	}
	text := fmt.Sprintf("index %s records that model %s made it, which can't be used: %s; --model names the model's present place",
		index, name, reason)
	if strings.HasPrefix(name, hub.Scheme) {
		text = fmt.Sprintf("index %s records that model %s made it, which is not in the cache; --model %s downloads it", index, name, name)
	}
	if fault.Of(err) == fault.Model {
		return fault.Modelf(index, "%s", strings.TrimPrefix(text, "index "+index+" "))
	}
	return usagef("%s", text)
}

func (o *searchOptions) find(ctx context.Context, a *app, m *pretrained.Embedder, ix search.Index, terms []search.Term) error {
	q, err := search.Combine(ctx, ix, terms, m)
	if err != nil {
		return err
	}
	a.console.say("query: %s", describeTerms(terms))
	for _, t := range terms {
		if t.Text != "" && m.Cuts(t.Text) {
			a.console.log.Warn("the model reads only the beginning of this text", "tokens", m.Config.Text.ContextLength, "text", t.Text)
		}
	}
	q.Top, q.Threshold, q.Where = o.Top, o.Threshold, o.where
	if o.Captions {
		q.Table = search.Texts
	}
	hits, err := ix.Find(ctx, q)
	if err != nil {
		return err
	}
	if o.HTML != "" {
		if err := sheet.Write(o.HTML, describeTerms(terms), o.Index, hits); err != nil {
			return err
		}
	}
	if o.Sheet != "" {
		if err := sheet.WriteJPEG(o.Sheet, hits); err != nil {
			return err
		}
	}
	for _, h := range hits {
		if err := o.show(a.console, h); err != nil {
			return err
		}
	}
	if len(hits) == 0 {
		a.console.say("nothing found above %g", o.Threshold)
	}
	return nil
}

// show prints a hit.
func (o *searchOptions) show(c *console, h search.Hit) (err error) {
	switch {
	case c.json:
		return c.result(h)
	case o.Null: // for programs: the bytes as they are
		_, err = fmt.Fprintf(c.out, "%s\x00", h.Path)
	case o.Paths:
		c.print("%s", h.Path)
	default:
		c.print("%3d  %.4f  %s%s", h.Rank, h.Score, h.Path, captionNote(h.Caption))
		if o.preview != preview.None {
			if small, failed := sheet.Picture(h.Path, previewSide); failed == nil {
				return preview.Write(c.out, o.preview, small)
			}
		}
	}
	return err
}

func captionNote(caption string) string {
	if caption == "" {
		return ""
	}
	return "  (" + caption + ")"
}
