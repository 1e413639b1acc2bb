package main

import (
	"context"
	"errors"
	"fmt"
	"os"

	"github.com/spf13/cobra"

	"clipgo/datasets"
	"clipgo/internal/cli"
	"clipgo/internal/config"
	"clipgo/internal/paths"
	"clipgo/internal/share"
	"clipgo/model"
	"clipgo/pretrained"
	"clipgo/run"
	"clipgo/search"
	"clipgo/search/ingest"
	"clipgo/search/postgres"
)

type embedOptions struct {
	pretrained.Settings
	databaseOptions
	Index    string       `json:"index" flag:"index" arg:"dir" help:"index directory; created if it does not exist"`
	DType    search.DType `json:"dtype" flag:"dtype" arg:"name" help:"float32 or float16, of a new index (default float32)"`
	Part     string       `json:"part" flag:"part" arg:"i/n" help:"embed the i-th of n shares of the pictures into --index/part-i-of-n; auto: what the launcher's variables say"`
	Metadata string       `json:"metadata" flag:"metadata" arg:"col,col" help:"keep these columns of the tables in the index too; a later embed keeps them on"`
	Repair   bool         `json:"repair" flag:"repair" help:"drop what is damaged in the index and embed its pictures again; read the EXIF data of pictures of older indexes"`
	// SegmentRows is the number of rows between two saves of the index: at most this many are lost when the process is killed.
	SegmentRows int `json:"segment_rows"`
	// OneBit says whether codes of 1 bit an entry are made, which search then uses.
	OneBit search.OneBit `json:"one_bit"`

	share   share.Share // that Part says
	asked   []string    // columns: those of Metadata
	columns []string    // and those that the index has
}

func newEmbed(a *app) *cobra.Command {
	o := embedOptions{Settings: pretrained.DefaultSettings(), SegmentRows: search.SegmentRows}
	c := &cobra.Command{
		Use:   "embed --model M SRC... --index DIR",
		Short: "Embed pictures, and their captions, into an index for search",
		Long: `embed computes the features of every picture of each SRC and keeps them in an index. A SRC is a picture, a
folder, a table, a set of shards, Parquet files, or a built-in set, on this machine or elsewhere, as for train; several
may be mixed. Folders that hold no pictures of the user (@eaDir, node_modules and the like) are left out.

A second run embeds only what is new or changed (by size, time and content), recognizes renamed files, and removes
deleted pictures: those of the given folders and archives, and those that a given table no longer lists. Pictures of
other sources stay in the index; clipgo index prune and clipgo index rm remove them.

Each run checks the index first. If a file of it is damaged, nothing is added; --repair drops the damaged part and embeds
the pictures again that a SRC has.

The EXIF orientation of a picture is applied; --set preprocess.orientation=ignore turns that off.
--set preprocess.draft=true decodes large JPEGs at a half, a quarter or an eighth of their size where that is enough
(Pillow's draft): it is faster on photos, and features differ slightly. Transparent pictures are drawn on white in a new
index; --set preprocess.background= drops their alpha, as open_clip does, which makes most of them black. The index keeps
these settings. --set max_image_pixels=N allows larger pictures, --set decode_memory_mb=N limits memory.

--metadata rating,author keeps further columns of the tables (CSV, TSV, JSONL, JSON, Parquet) beside each picture: search --json and
info show them. A column holds numbers if all its values are numbers in the run that brings it, and texts otherwise; later
runs keep the columns without the flag. New values of a picture that has not changed need no new features.

--part 2/8 embeds the second of 8 shares of the pictures into an index of its own, DIR/part-2-of-8, so that 8 processes,
which need not know of each other, do the work; --part auto takes the numbers of a Slurm array, of a task of srun, or of an
Indexed Job. A picture belongs to a part by its path, and a picture of a shard or Parquet file by the path of that file.
clipgo index merge --out DIR/all DIR/part-* joins the parts: the rows are those of a single run.

Without --part, processes that a launcher starts (torchrun, srun, mpirun) divide the pictures and make one index together.

The index is saved after every 8,192 pictures, at the end, and on an interrupt. --set segment_rows=1000 saves more often.
With --database each save is copied into PostgreSQL, as clipgo index sync does. A database that goes away meanwhile stops
nothing: the next save, the next embed or index sync makes up for it.`,
		Example: `  clipgo embed --model hf-hub:laion/CLIP-ViT-B-32-laion2B-s34B-b79K ~/Pictures --index pictures.index
  clipgo embed --model runs/photos photos.csv more.csv ~/Pictures --index photos.index --json
  clipgo embed --model runs/photos shards/{000..255}.tar --index big.index --part 1/16`,
		Args: cobra.MinimumNArgs(1),
	}
	b := cli.Bind(c, &o)
	c.RunE = b.Runs(func(ctx context.Context, said config.Layer, args []string) error {
		if err := o.check(); err != nil {
			return err
		}
		return o.start(ctx, a, said, command{c, args, o, &o.Settings})
	})
	return c
}

// start embeds in this process, or in all that a launcher has started. Those with parts work by themselves.
func (o *embedOptions) start(ctx context.Context, a *app, said config.Layer, c command) error {
	if o.Part != "" {
		return o.run(ctx, a, said, c.args, nil)
	}
	h := &embedHelper{ctx: ctx, o: o.Settings, app: a, said: said, args: c.args}
	return errors.Join(together(ctx, a, c, func(ctx context.Context, p *run.Processes) error {
		return o.run(ctx, a, said, c.args, p)
	}, h.help), h.Close())
}

func (o *embedOptions) check() error {
	switch {
	case o.Index == "":
		return usagef("--index is missing: the directory that the index is kept in")
	case o.SegmentRows < 1:
		return usagef("segment_rows: %d is not 1 or more", o.SegmentRows)
	case o.OneBit.Check() != nil:
		return usagef("one_bit: %v", o.OneBit.Check())
	case o.DType != "" && o.DType != search.Float32 && o.DType != search.Float16:
		return usagef("--dtype: %q is neither float32 nor float16", o.DType)
	}
	return errors.Join(isFolder("--index", o.Index), o.checkDatabase(), o.choosePart(), o.chooseColumns())
}

// chooseColumns makes the sources give the columns that are asked for, and those that the index has.
func (o *embedOptions) chooseColumns() (err error) {
	o.asked, err = columnNames(o.Metadata)
	o.columns = withThoseOf(o.Index, o.asked)
	o.Data.Metadata = o.columns
	return err
}

// choosePart makes the index of a part the one that is written.
func (o *embedOptions) choosePart() (err error) {
	if o.share, err = share.Parse(o.Part, os.LookupEnv); err != nil || o.Part == "" {
		return err
	}
	if ix, wrong := search.Open(o.Index); wrong == nil {
		return errors.Join(usagef("--index: %s is an index; the indexes of parts are put into a folder that is none", o.Index), ix.Close())
	}
	o.Index = o.share.Folder(o.Index)
	return nil
}

// captioned tells whether a source has a caption.
func captioned(ctx context.Context, src datasets.Source) bool {
	for i := 0; i < src.Len() && ctx.Err() == nil; i++ {
		if e, err := src.Entry(ctx, i); err == nil && len(e.Captions) > 0 {
			return true
		}
	}
	return false
}

// run embeds, with the other processes if there are any.
func (o *embedOptions) run(ctx context.Context, a *app, said config.Layer, args []string, p *run.Processes) (err error) {
	src, err := datasets.OpenAll(ctx, args, o.Data)
	if err != nil {
		return o.stillIndexed(err, args)
	}
	defer closeWith(&err, src)
	about := src.Info()
	if err := lacksColumn(o.asked, about); err != nil {
		return err
	}
	about.Ignored, about.Unread = nil, nil // update says them
	tellNotes(a.console, about)
	w, err := o.openWriter(a.console)
	if err != nil {
		return err
	}
	defer closeWith(&err, w)
	o.fit(ctx, w, src)
	if err := beginWork(ctx, &o.Settings, p); err != nil {
		return err
	}
	m, err := openModel(ctx, a, &o.Settings, said)
	if err != nil {
		return err
	}
	defer m.Free()
	space, err := m.Space(w.Info().Fingerprint, o.DType)
	if err != nil {
		return err
	}
	w.OneBit = o.OneBit
	if err := begin(a.console, w, space); err != nil {
		return err
	}
	if hint := m.Int8Hint(src.Len()); hint != "" {
		a.console.say("%s", hint)
	}
	w.SegmentRows = o.SegmentRows
	if err := o.follow(ctx, a.console, o.Index, w); err != nil {
		return err
	}
	by, err := embedderOf(a, m, src, p)
	if err != nil {
		return err
	}
	return o.update(ctx, a, m, by, ingest.Options{Paths: args, MaxSkip: o.MaxSkip, Cut: m.Cuts, Facts: o.Repair, Share: o.share,
		Columns: o.columns}, w, src)
}

// begin makes the index one of a space.
func begin(c *console, w *search.Writer, space search.Space) error {
	if before := w.Info(); before.Rows > 0 && before.Precision != space.Precision {
		c.say("the index has vectors of another precision; those of int8 and of floating point are compatible")
	}
	return w.Begin(space)
}

// fit makes the settings of the model those that the index and the data ask for.
func (o *embedOptions) fit(ctx context.Context, w *search.Writer, src datasets.Source) {
	o.Follow(w.Info().Preprocess)
	if w.Info().Model == "" { // a new index; others keep what they have
		o.Background = "white"
	}
	if !captioned(ctx, src) {
		o.Towers = model.ImageTower
	}
}

// openWriter opens the index, and with --repair goes on without what is damaged.
func (o *embedOptions) openWriter(c *console) (*search.Writer, error) {
	if !o.Repair {
		return search.OpenWriter(o.Index)
	}
	w, damage, err := search.OpenRepair(o.Index)
	for _, d := range damage {
		c.log.Warn("dropped from the index", "reason", d)
	}
	return w, err
}

// stillIndexed says what the index has of sources that are gone or empty, and how to remove it.
func (o *embedOptions) stillIndexed(err error, args []string) error {
	ix, wrong := search.Open(o.Index)
	if wrong != nil {
		return err
	}
	defer ix.Close()
	for _, arg := range args {
		if entries, wrong := os.ReadDir(arg); len(entries) > 0 || wrong != nil && !errors.Is(wrong, os.ErrNotExist) {
			continue
		}
		if n, wrong := ix.CountBelow([]string{paths.Absolute(arg)}); wrong == nil && n > 0 {
			return fmt.Errorf("%w; the index has %d rows of it: clipgo index rm --index %s %s removes them", err, n, o.Index, arg)
		}
	}
	return err
}

// embedResult is what embed did.
type embedResult struct {
	ingest.Result
	Damaged  int `json:"damaged_rows,omitempty"`  // that --repair dropped
	Restored int `json:"restored_rows,omitempty"` // of these, back in the index

	Ignored datasets.Ignored `json:"ignored"` // files that were passed over, by kind

	Transparent int64 `json:"transparent"` // of the pictures embedded, those that lose their alpha

	Database *postgres.Synced       `json:"database,omitempty"`
	OneBit   *search.OneBitRecall   `json:"one_bit,omitempty"`
	Int8     *pretrained.Int8Report `json:"int8,omitempty"` // with --precision int8
}

// update embeds what is new and tells what was done.
func (o *embedOptions) update(ctx context.Context, a *app, m *pretrained.Embedder, by ingest.Embedder, how ingest.Options,
	w *search.Writer, src datasets.Source) error {
	m.Settings.MaxSkip = 1 // what can't be embedded is counted, and judged against all pictures at the end
	bar := a.console.laterProgress("embed")
	how.Skipped = a.console.tellSkip
	var odd oddValues
	how.Odd = odd.add
	how.Progress = func(done, goal int) { bar.set(int64(done), int64(goal)) }
	did, err := ingest.Update(ctx, w, src, by, how)
	bar.done()
	odd.tell(a.console)
	if err != nil && !isAny[*datasets.DataError](err) {
		if ctx.Err() != nil && errors.Is(err, context.Canceled) {
			a.console.say("the index has %d rows; the same command goes on from there", w.Rows())
		}
		return err
	}
	did.Rate = float64(int64(did.Rate*10)) / 10
	synced, err := o.finish(ctx, a.console, err)
	recall, failed := search.MeasureOneBit(ctx, o.Index)
	if failed != nil {
		a.console.log.Warn("the 1-bit codes can't be measured; searches don't use them", "reason", failed)
	}
	r := embedResult{Result: did, Ignored: src.Info().Ignored, Transparent: m.Transparent(), Database: synced, OneBit: recall,
		Int8: m.InInt8}
	if r.Ignored == nil {
		r.Ignored = datasets.Ignored{}
	}
	var missing []string
	r.Damaged, r.Restored, missing = w.Lost()
	if a.console.json {
		return errors.Join(a.console.result(r), err)
	}
	r.print(a.console)
	const shown = 10
	for i, path := range missing {
		if i == shown {
			a.console.log.Warn("dropped and not embedded again", "more", len(missing)-shown)
			break
		}
		a.console.log.Warn("dropped and not embedded again", "path", path)
	}
	return err
}

func (r embedResult) print(c *console) {
	c.print("added %d, updated %d, unchanged %d, moved %d, removed %d, failed %d", r.Added, r.Updated, r.Unchanged, r.Moved, r.Removed,
		r.Failed)
	if r.Damaged > 0 {
		c.print("dropped %d damaged rows, %d of them are back", r.Damaged, r.Restored)
	}
	if r.Described > 0 {
		c.print("%d unchanged pictures have new metadata", r.Described)
	}
	if r.CaptionsLeft > 0 {
		c.print("%d captions are not in the index: it keeps one for each picture, the first", r.CaptionsLeft)
	}
	if r.Cut > 0 {
		c.print("%d captions are longer than what the model reads; their ends were left out", r.Cut)
	}
	if r.Rate > 0 {
		c.print("%.1f pictures a second", r.Rate)
	}
	if r.OtherParts > 0 {
		c.print("%d samples belong to other parts", r.OtherParts)
	}
	if len(r.Ignored) > 0 {
		c.print("%s", r.Ignored)
	}
	if r.OneBit != nil {
		c.print("1-bit codes find %.4f of the ten best rows (%d queries)", r.OneBit.At10, r.OneBit.Queries)
	}
	if d := r.Database; d != nil {
		c.print("database: %d rows; added %d, removed %d", d.Rows, d.Added, d.Removed)
	}
}
