package main

import (
	"context"
	"errors"
	"runtime"

	"github.com/spf13/cobra"

	"clipgo/datasets"
	"clipgo/datasets/pack"
	"clipgo/internal/cli"
)

type packOptions struct {
	pack.Options
	Data datasets.Options `json:"data"`
}

func newPack(a *app) *cobra.Command {
	o := packOptions{Options: pack.Options{Workers: runtime.GOMAXPROCS(0), MaxSkip: 0.01}}
	c := &cobra.Command{
		Use:   "pack SRC DIR",
		Short: "Write any data into shards: WebDataset archives or Parquet",
		Long: `pack writes the pictures of SRC with their captions and classes into shards in the folder DIR, in the order of SRC. SRC is
whatever --train-data takes; several sources are joined with ::, one after the other. clipgo, open_clip and webdataset
read the archives, and the Python package datasets reads the Parquet files. --split NAME writes the layout that CLIP_benchmark reads.

Without --side the bytes of each picture's file are copied. With it, a picture whose shorter side is longer is resized as
training does it (Pillow's bicubic filter), turned upright by its EXIF orientation, converted to RGB and written as JPEG.

The shards are the same, byte for byte, for the same data and settings. The same command continues a pack that was
interrupted, after the last shard that is finished. A folder that holds anything else is refused. Pictures that can't be
used are counted, and listed in skipped.jsonl. No file of SRC is changed.`,
		Example: `  clipgo pack ~/Pictures shards --side 256
  clipgo pack photos.csv shards --shard-size 500MB --filter keep.csv
  clipgo pack photos parquet --format parquet
  clipgo pack "photos.csv::scans::s3://bucket/web/{000..099}.tar" shards
  clipgo pack flowers wds_flowers --split test`,
		Args: cobra.ExactArgs(2),
	}
	b := cli.Bind(c, &o)
	c.RunE = func(c *cobra.Command, args []string) error {
		if _, err := b.Apply(); err != nil {
			return err
		}
		return o.run(c.Context(), a.console, args[0], args[1])
	}
	return c
}

func (o *packOptions) run(ctx context.Context, c *console, from, to string) (err error) {
	src, err := datasets.Open(ctx, from, o.Data)
	if err != nil {
		return err
	}
	defer closeWith(&err, src)
	tellNotes(c, src.Info())
	bar := c.progress("pack", int64(src.Len()))
	r, err := pack.Pack(ctx, src, to, o.Options, pack.Watch{Skipped: c.tellSkip, Progress: func(done, _ int) { bar.set(int64(done)) }})
	bar.done()
	if errors.Is(err, context.Canceled) {
		c.say("the finished shards are kept; the same command goes on from there")
	}
	if r.Shards == 0 {
		return err
	}
	if c.json {
		return errors.Join(c.result(r), err)
	}
	for _, line := range r.Lines() {
		c.print("%s", line)
	}
	return err
}
