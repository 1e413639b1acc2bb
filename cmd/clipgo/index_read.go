package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"path"
	"slices"

	"github.com/spf13/cobra"

	"clipgo/describe"
	"clipgo/internal/cli"
	"clipgo/internal/config"
	"clipgo/internal/paths"
	"clipgo/search"
	"clipgo/search/export"
)

// indexOptions are those of the commands that need an index and no model.
type indexOptions struct {
	Index string `json:"index" flag:"index" arg:"dir" help:"index directory"`
}

// check refuses what is no index.
func (o *indexOptions) check() error {
	if o.Index == "" {
		return usagef("--index is missing: the directory that embed made")
	}
	if !describe.IsIndex(o.Index) {
		return usagef("--index: %s is not an index", o.Index)
	}
	return nil
}

// readIndex makes a command that reads an index. options has o in it.
func readIndex(a *app, command cobra.Command, options any, o *indexOptions,
	read func(ctx context.Context, c *console, ix *search.Folder, args []string) error) *cobra.Command {
	c := &command
	b := cli.BindFlags(c, options)
	c.RunE = b.Runs(func(ctx context.Context, _ config.Layer, args []string) error {
		ix, err := o.open()
		if err != nil {
			return err
		}
		return errors.Join(read(ctx, a.console, ix, args), ix.Close())
	})
	return c
}

func (o *indexOptions) open() (*search.Folder, error) {
	if o.Index == "" {
		return nil, usagef("--index is missing: the directory that embed made")
	}
	return search.Open(o.Index)
}

// folderRow is a folder of an index, or a picture of it.
type folderRow struct {
	Path    string `json:"path"`
	Rows    int    `json:"rows,omitempty"`
	Caption string `json:"caption,omitempty"`
}

func newIndexLs(a *app) *cobra.Command {
	var o struct {
		indexOptions
		Paths bool `json:"paths" flag:"paths" help:"list the pictures instead of their folders"`
		Null  bool `json:"null" flag:"null" short:"0" help:"list the pictures, each path followed by a zero byte"`
	}
	return readIndex(a, cobra.Command{
		Use:   "ls --index DIR",
		Short: "List the folders or the pictures of an index",
		Example: `  clipgo index ls --index pictures.index
  clipgo index ls --index pictures.index -0 | xargs -0 ls -l`,
		Args: cobra.NoArgs,
	}, &o, &o.indexOptions, func(ctx context.Context, c *console, ix *search.Folder, _ []string) error {
		folders := map[string]int{}
		for r, err := range ix.Records(ctx) {
			switch {
			case err != nil:
				return err
			case o.Null:
				fmt.Fprint(c.out, r.Path+"\x00")
			case o.Paths && c.json:
				if err := c.result(folderRow{Path: paths.Text(r.Path), Caption: r.Caption}); err != nil {
					return err
				}
			case o.Paths:
				c.print("%s", r.Path)
			default:
				folders[path.Dir(r.Path)]++
			}
		}
		for _, name := range slices.Sorted(maps.Keys(folders)) {
			row := folderRow{Path: paths.Text(name), Rows: folders[name]}
			if err := c.show(row, func() []string { return []string{fmt.Sprintf("%8d  %s", row.Rows, name)} }); err != nil {
				return err
			}
		}
		return nil
	})
}

func newIndexVerify(a *app) *cobra.Command {
	var o indexOptions
	return readIndex(a, cobra.Command{
		Use:   "verify --index DIR",
		Short: "Check every file and every row of an index",
		Long: `verify compares each file of an index with its SHA-256, and checks that every feature is finite and of length 1. The exit
code is 4 if something is damaged; embed --repair replaces it.`,
		Example: `  clipgo index verify --index pictures.index`,
		Args:    cobra.NoArgs,
	}, &o, &o, func(_ context.Context, c *console, ix *search.Folder, _ []string) error {
		if err := ix.Verify(); err != nil {
			return err
		}
		info := ix.Info()
		return c.show(info, func() []string {
			return []string{fmt.Sprintf("%d rows in %d segments, %d bytes of features: all as they were written",
				info.Live, info.Segments, info.Bytes)}
		})
	})
}

func newIndexExport(a *app) *cobra.Command {
	o := struct {
		indexOptions
		To       string `json:"to" flag:"to" arg:"form" help:"parquet, npy, faiss or clip-retrieval (default parquet)"`
		Out      string `json:"out" flag:"out" arg:"path" help:"file or folder to write; it must not exist"`
		Captions bool   `json:"captions" flag:"captions" help:"the features of captions instead of those of pictures"`
	}{To: string(export.Parquet)}
	return readIndex(a, cobra.Command{
		Use:   "export --index DIR --out PATH",
		Short: "Write an index in the form of another program",
		Long: `export writes the live rows of an index. parquet is a file with the columns path, caption and embedding; npy a folder
with features.npy and rows.jsonl; faiss a file of faiss's IndexFlatIP, with the rows' paths in PATH.jsonl; clip-retrieval a folder as
clip-retrieval inference writes it.`,
		Example: `  clipgo index export --index pictures.index --to parquet --out pictures.parquet
  clipgo index export --index pictures.index --to faiss --out pictures.faiss`,
		Args: cobra.NoArgs,
	}, &o, &o.indexOptions, func(ctx context.Context, c *console, ix *search.Folder, _ []string) error {
		if o.Out == "" {
			return usagef("--out is missing: what to write")
		}
		table := search.Images
		if o.Captions {
			table = search.Texts
		}
		r, err := export.Write(ctx, ix, table, export.Form(o.To), o.Out)
		if err != nil {
			return err
		}
		return c.show(r, func() []string {
			return []string{fmt.Sprintf("wrote %d rows to %s; %d have no such feature", r.Rows, r.Out, r.Left)}
		})
	})
}

func newIndexMerge(a *app) *cobra.Command {
	var o struct {
		Out string `json:"out" flag:"out" arg:"dir" help:"index that the rows are added to; it is made if it doesn't exist"`
	}
	c := &cobra.Command{
		Use:   "merge A B... --out DIR",
		Short: "Join indexes of the same model",
		Long: `merge adds the rows of each index to the index --out. Of pictures with the same path the last one stays. All have to be made
by the same model with the same preprocessing. The indexes A, B are not changed.`,
		Example: `  clipgo index merge mine.index yours.index --out pictures.index
  clipgo index merge big.index/part-* --out pictures.index`,
		Args: cobra.MinimumNArgs(1),
	}
	b := cli.BindFlags(c, &o)
	c.RunE = b.Runs(func(ctx context.Context, _ config.Layer, args []string) (err error) {
		if o.Out == "" {
			return usagef("--out is missing: the index to add to")
		}
		m, err := search.MergeFolders(ctx, o.Out, args)
		if err != nil {
			return err
		}
		for _, part := range m.Missing {
			a.console.log.Warn("a part is not among the indexes: its pictures are missing", "part", part)
		}
		return a.console.show(m, func() []string {
			return []string{fmt.Sprintf("added %d rows, replaced %d; %s has %d", m.Added, m.Replaced, o.Out, m.Rows)}
		})
	})
	return c
}
