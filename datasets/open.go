package datasets

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"

	"clipgo/datasets/store"
	"clipgo/internal/paths"
)

// Need is what the samples of a source must have in addition to a picture.
type Need int

// The needs.
const (
	NeedNothing  Need = iota // a picture is enough
	NeedCaptions             // captions; in a folder of classes, the class names are the captions
	NeedLabels               // classes
)

// Options say how a source is read.
type Options struct {
	Need Need `json:"-"`
	// Store reads the files; nil: a store of its own, which reads files of this machine and keeps nothing.
	Store *store.Store `json:"-"`
	// CSVSeparator and the two column names concern tables. Empty ones are detected: the separator from the header, the columns by the
	// names that are common for them.
	CSVSeparator  string `json:"csv_separator,omitempty" flag:"csv-separator" arg:"char" help:"separator of a table (detected)"`
	CSVImageKey   string `json:"csv_img_key,omitempty" flag:"csv-img-key" arg:"name" help:"column of a table that holds paths (guessed)"`
	CSVCaptionKey string `json:"csv_caption_key,omitempty" flag:"csv-caption-key" arg:"name" help:"column of a table that holds captions (guessed)"`
	// CaptionKey are names of captions, separated by semicolons: keys of the JSON of shards and folders, where txt is the text beside it,
	// and columns of tables and Parquet files. The first that a sample has is used. With CaptionKeyWeights, as many numbers, training
	// draws one of those that it has.
	CaptionKey        string `json:"caption_key,omitempty" flag:"caption-key" arg:"a;b" help:"captions of JSON and tables, the first there is (guessed)"`
	CaptionKeyWeights string `json:"caption_key_weights,omitempty" flag:"caption-key-weights" arg:"1;2" help:"draw from --caption-key, this often (the first)"`
	// Exclude are patterns as path.Match has them. A pattern with a slash is compared with the path below the source, others with the name.
	Exclude []string `json:"exclude,omitempty" flag:"exclude" arg:"glob" repeat:"true" help:"leave out files and folders of a folder by name (repeated)"`
}

// later matches kinds of data that are known but not supported yet.
var later = regexp.MustCompile(`(?i)^(https?|s3|gs|hdfs)://|^pipe:`)

// Open opens a built-in set (builtin:NAME), a folder, a table, shards, or one picture. A path that doesn't exist is fs.ErrNotExist, data
// without what o.Need asks for is a *DataError, and a kind of data that can't be read is a *UsageError. Once ctx is done, Open returns
// its error. An open source doesn't keep ctx.
func Open(ctx context.Context, src string, o Options) (Source, error) {
	s, err := open(ctx, src, o)
	if err != nil {
		return nil, err
	}
	if err := o.Need.check(ctx, src, s); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

func open(ctx context.Context, src string, o Options) (Source, error) {
	switch {
	case strings.HasPrefix(src, "builtin:"):
		return openBuiltin(src)
	case isParquet(src):
		return openParquet(ctx, src, o)
	case isTable(src):
		return openTable(ctx, src, o)
	case later.MatchString(src):
		return nil, &UsageError{Source: src, Reason: "this form of data is not supported yet"}
	}
	st, err := os.Stat(src)
	switch {
	case err == nil && st.IsDir() && holdsShards(src):
		return openShards(ctx, src, o)
	case err == nil && st.IsDir() && holdsParquet(src):
		return openParquet(ctx, src, o)
	case err == nil && st.IsDir():
		return openFolder(ctx, src, o)
	case err != nil && (strings.Contains(src, "::") || strings.Contains(src, "{")):
		return openShards(ctx, src, o)
	case err != nil:
		return nil, notFound(src, err)
	}
	return openFile(ctx, src, o)
}

// unpack is the way out for compressed data. Samples are read in any order, which a compressed file doesn't allow.
const unpack = "unpack it first"

// openFile opens a file by its extension.
func openFile(ctx context.Context, src string, o Options) (Source, error) {
	switch extension := strings.ToLower(filepath.Ext(src)); extension {
	case ".tar":
		return openShards(ctx, src, o)
	case ".gz", ".tgz", ".bz2", ".xz", ".zst", ".zip":
		return nil, &DataError{Source: src, Reason: "it is compressed, and samples are read in any order; " + unpack}
	}
	if paths.IsPicture(src) {
		return OpenFiles(ctx, []string{src}, o)
	}
	return nil, &UsageError{Source: src, Reason: "neither a folder, nor a table (.csv .tsv .jsonl .json .parquet), nor a shard " +
		"(.tar), nor a picture (" + pictureList() + ")"}
}

// check finds out whether the classes are there, or at least one caption.
func (n Need) check(ctx context.Context, src string, s Source) error {
	switch n {
	case NeedLabels:
		if len(s.Info().Classes) == 0 {
			return &DataError{Source: src, Reason: "its samples have no classes: a subfolder for each class is expected"}
		}
	case NeedCaptions:
		for i := range s.Len() {
			e, err := s.Entry(ctx, i)
			if ctx.Err() != nil {
				return ctx.Err()
			}
			if err == nil && len(e.Captions) > 0 {
				return nil
			}
		}
		return &DataError{Source: src, Reason: fmt.Sprintf("none of its %d samples has a caption", s.Len())}
	}
	return nil
}

// notFound is an error of a path as one short line that begins with the path.
func notFound(path string, err error) error { return fmt.Errorf("%s: %w", path, cause(err)) }
