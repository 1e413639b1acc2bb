package pack

import (
	"path/filepath"
	"regexp"
	"strconv"
	"strings"

	"clipgo/internal/fault"
)

// The formats of shards.
const (
	Tar     = "tar"     // WebDataset
	Parquet = "parquet" // as the Python package datasets writes pictures
)

// Where the captions of a tar are.
const (
	Text  = "txt"   // the first in .txt, and all in .json if there are several
	JSON  = "json"  // in .json
	Lines = "lines" // one a line in .txt, as CLIP_benchmark reads retrieval sets
)

// The formats of pictures.
const (
	Keep = "keep" // the file's bytes where nothing is changed
	JPEG = "jpeg"
	PNG  = "png"
)

// Options say what the shards are like. The zero value is Default.
type Options struct {
	Side        int    `json:"side,omitempty" min:"0" max:"16384" flag:"side" arg:"pixels" help:"resize pictures whose shorter side is longer than this"`
	Quality     int    `json:"quality,omitempty" min:"1" max:"100" flag:"quality" arg:"N" help:"quality of JPEGs that are written, 1 to 100 (default 90)"`
	ImageFormat string `json:"image_format,omitempty" flag:"image-format" arg:"name" help:"keep, jpeg or png (default jpeg with --side, else keep)"`
	Background  string `json:"background,omitempty" flag:"background" arg:"color" help:"draw transparent pictures on white, black or #rrggbb where they are encoded anew"`
	Format      string `json:"format,omitempty" flag:"format" arg:"name" help:"format of the shards: tar or parquet (default tar)"`
	Captions    string `json:"captions,omitempty" flag:"captions" arg:"name" help:"captions of a tar in txt, json or lines of txt (default txt)"`
	ShardSize   string `json:"shard_size,omitempty" flag:"shard-size" arg:"bytes" help:"most bytes of a shard, such as 500MB (default 1GB)"`
	ShardCount  int    `json:"shard_count,omitempty" min:"1" max:"1000000000" flag:"shard-count" arg:"N" help:"most samples of a shard (default 10000)"`
	Split       string `json:"split,omitempty" flag:"split" arg:"name" help:"write CLIP_benchmark's layout, with the shards in a folder of this name"`

	Workers int     `json:"workers,omitempty" min:"1" max:"1024" flag:"workers" arg:"N" help:"goroutines that read and encode (default one for each core)"`
	MaxSkip float64 `json:"max_skip,omitempty" min:"0" max:"1" flag:"max-skip" arg:"share" help:"abort when more than this fraction of samples can't be used (default 0.01)"`

	bytes int64 // of ShardSize
}

// The defaults.
const (
	defaultQuality = 90
	defaultBytes   = 1_000_000_000
	defaultCount   = 10_000
	leastBytes     = 64_000 // of ShardSize; a shard of less has no use
)

// complete fills in defaults and checks all settings.
func (o Options) complete() (Options, error) {
	if o.Quality == 0 {
		o.Quality = defaultQuality
	}
	if o.ImageFormat == "" {
		o.ImageFormat = Keep
		if o.Side > 0 {
			o.ImageFormat = JPEG
		}
	}
	if o.Format == "" {
		o.Format = Tar
	}
	if o.Captions == "" {
		o.Captions = Text
	}
	o.Workers = max(o.Workers, 1)
	if err := o.complain(); err != nil {
		return o, err
	}
	return o, o.measure()
}

func (o Options) complain() error {
	for _, c := range []struct {
		key, value string
		known      []string
	}{
		{"format", o.Format, []string{Tar, Parquet}},
		{"captions", o.Captions, []string{Text, JSON, Lines}},
		{"image_format", o.ImageFormat, []string{Keep, JPEG, PNG}},
	} {
		if err := oneOf(c.key, c.value, c.known); err != nil {
			return err
		}
	}
	switch {
	case o.Quality < 1 || o.Quality > 100:
		return fault.Setting("quality", "%d is not between 1 and 100", o.Quality)
	case o.Side < 0:
		return fault.Setting("side", "%d is negative", o.Side)
	case o.ShardCount < 0:
		return fault.Setting("shard_count", "%d is negative", o.ShardCount)
	case o.Split != "" && (!filepath.IsLocal(o.Split) || strings.ContainsAny(o.Split, `/\`) || strings.HasPrefix(o.Split, ".")):
		return fault.Setting("split", "%q is not the name of a folder, such as test", o.Split)
	case o.Split != "" && o.Format != Tar:
		return fault.Setting("split", "CLIP_benchmark reads tar, not %s", o.Format)
	case o.Format == Parquet && o.Captions != Text:
		return fault.Setting("captions", "%s is for tar; Parquet has the columns caption and captions", o.Captions)
	}
	return nil
}

func oneOf(key, value string, known []string) error {
	for _, k := range known {
		if value == k {
			return nil
		}
	}
	return fault.Setting(key, "%q is none of %s", value, strings.Join(known, ", "))
}

// measure finds the limits of a shard. Of size and count one alone removes the other's default.
func (o *Options) measure() error {
	switch {
	case o.ShardSize != "":
		n, ok := parseSize(o.ShardSize)
		if !ok {
			return fault.Setting("shard_size", "%q is not a number of bytes such as 500MB, 2GB or 1000000", o.ShardSize)
		}
		if n < leastBytes {
			return fault.Setting("shard_size", "%s is less than 64KB", o.ShardSize)
		}
		o.bytes = n
	case o.ShardCount == 0:
		o.bytes, o.ShardCount = defaultBytes, defaultCount
	}
	return nil
}

var sizeForm = regexp.MustCompile(`^([0-9]{1,15}(?:\.[0-9]{1,6})?) ?([kKmMgGtT]?)(i?)[bB]?$`)

// parseSize reads a number of bytes. KB, MB, GB and TB are powers of 1000, and KiB and so on of 1024.
func parseSize(text string) (int64, bool) {
	m := sizeForm.FindStringSubmatch(strings.TrimSpace(text))
	if m == nil || m[3] != "" && m[2] == "" {
		return 0, false
	}
	n, err := strconv.ParseFloat(m[1], 64)
	base := 1000.0
	if m[3] != "" {
		base = 1024
	}
	for range 1 + strings.Index("kmgt", strings.ToLower(m[2])) {
		if m[2] != "" {
			n *= base
		}
	}
	return int64(n), err == nil && n < 1<<60
}
