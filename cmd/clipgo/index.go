package main

import (
	"context"
	"errors"

	"github.com/spf13/cobra"

	"clipgo/internal/cli"
	"clipgo/internal/config"
	"clipgo/internal/paths"
	"clipgo/search"
)

func newIndex(a *app) *cobra.Command {
	c := &cobra.Command{
		Use:   "index",
		Short: "List, clean, join, export and check indexes",
		Example: `  clipgo index ls --index pictures.index
  clipgo index prune --index pictures.index
  clipgo index export --index pictures.index --to parquet --out pictures.parquet`,
	}
	c.AddCommand(newIndexLs(a), newIndexPrune(a), newIndexRemove(a), newIndexMerge(a), newIndexExport(a), newIndexVerify(a),
		newIndexSync(a))
	return c
}

func newIndexPrune(a *app) *cobra.Command {
	return indexCommand(a, cobra.Command{
		Use:   "prune --index DIR [PATH...]",
		Short: "Remove the rows of files that no longer exist",
		Long: `prune removes from an index the pictures whose files no longer exist: all of them, or those in or below the PATHs.
Pictures of a drive that isn't mounted count as such: name the PATHs then. No file outside the index is touched.`,
		Example: `  clipgo index prune --index pictures.index
  clipgo index prune --index pictures.index ~/Pictures/2019`,
	}, (*search.Writer).Prune)
}

func newIndexRemove(a *app) *cobra.Command {
	return indexCommand(a, cobra.Command{
		Use:   "rm --index DIR PATH...",
		Short: "Remove the rows of a folder, a table, an archive or a picture",
		Long: `rm removes from an index the pictures in or below each PATH, and those that a table at a PATH names, whether their files
exist or not. No file outside the index is touched; embed adds them again.`,
		Example: `  clipgo index rm --index pictures.index ~/Pictures/old
  clipgo index rm --index pictures.index photos.csv`,
		Args: cobra.MinimumNArgs(1),
	}, (*search.Writer).RemoveBelow)
}

func indexCommand(a *app, command cobra.Command, change func(*search.Writer, []string) int) *cobra.Command {
	var o indexOptions
	c := &command
	b := cli.BindFlags(c, &o)
	c.RunE = b.Runs(func(ctx context.Context, _ config.Layer, args []string) error {
		for i, path := range args {
			args[i] = paths.Absolute(paths.FromText(path))
		}
		return o.run(ctx, a.console, func(w *search.Writer) int { return change(w, args) })
	})
	return c
}

// removed is what a command of index did.
type removed struct {
	Removed int `json:"removed"`
	Rows    int `json:"rows"` // that are left
}

func (o *indexOptions) run(ctx context.Context, c *console, change func(*search.Writer) int) (err error) {
	if err := o.check(); err != nil {
		return err
	}
	w, err := search.OpenWriter(o.Index)
	if err != nil {
		return err
	}
	defer closeWith(&err, w)
	space := w.Info().Space
	if space.Dim == 0 {
		return usagef("--index: %s has no meta.json: clipgo did not make it, and does not change it", o.Index)
	}
	if err := w.Begin(space); err != nil {
		return err
	}
	did := removed{Removed: change(w), Rows: w.Rows()}
	if err := errors.Join(ctx.Err(), w.Commit()); err != nil {
		return err
	}
	if c.json {
		return c.result(did)
	}
	c.print("removed %d rows, %d are left", did.Removed, did.Rows)
	return nil
}
