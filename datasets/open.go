package datasets

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"clipgo/datasets/mixture"
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
	// Store reads the files; nil: a store of its own with DataCache.
	Store *store.Store `json:"-"`
	// Evaluation reads shards as CLIP_benchmark does: a picture without captions and a blank caption count in retrieval sets, a line ends
	// as in Python, blank templates count, webp comes before png and jpg, and .npy members are classes. Else shards are read as for a
	// training: jpg before png and webp, and what is blank is left out.
	Evaluation bool `json:"-"`
	// Classes are the names of the classes, in place of those that the data has: by number, or for the folders of classes as NameClasses
	// takes them. nil: the data's own.
	Classes []string `json:"-"`
	// OwnNames leaves the classes without built-in names: others are given to them, by what the data itself calls them.
	OwnNames bool `json:"-"`
	// Samples is the length of an epoch of data that is the output of commands, or comes from servers that send it only as a whole: each
	// epoch begins anew with the archives in random order, and goes on from their beginning if they hold fewer samples. 0: such data is
	// read once when it is opened, to count its samples.
	Samples int `json:"-"`
	// Log tells from time to time how far a long opening is; nil: it doesn't.
	Log *slog.Logger `json:"-"`
	// Metadata are names of columns of tables whose values an Entry has too. A table that lacks one has a note.
	Metadata []string `json:"-"`
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
	// DataCache is a directory that keeps what was read from elsewhere, up to DataCacheSize bytes; 0: no limit.
	DataCache     string    `json:"data_cache,omitempty" flag:"data-cache" arg:"dir" help:"keep remote data that was read in a directory, for later epochs and runs"`
	DataCacheSize ByteCount `json:"data_cache_size,omitempty" flag:"data-cache-size" arg:"size" help:"maximum size of --data-cache, such as 200GB (default: no limit)"`
	// Filter is a keep list: a table with the columns path and keep, or a .txt file of paths. A path names a sample by its key, or by the
	// file that holds it. Samples that no row names are left out, unless no row keeps anything.
	Filter string `json:"filter,omitempty" flag:"filter" arg:"file" help:"keep what a table with the columns path and keep keeps, or a .txt of paths names"`
}

// foreign matches URLs, of which some are those of schemes that aren't read.
var foreign = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9+.-]*://`)

// unread is the error of a URL of a scheme that isn't read.
func unread(src string) error {
	reason := "addresses of this kind are not read; http(s)://, s3://, hf-hub:datasets/ and pipe:COMMAND are"
	switch scheme, rest, _ := strings.Cut(src, "://"); strings.ToLower(scheme) {
	case "gs":
		reason += "; Google Cloud Storage answers to s3://" + rest + " with AWS_ENDPOINT_URL=https://storage.googleapis.com"
	case "file":
		reason += "; a file of this machine is named by its path"
	}
	return &UsageError{Source: src, Reason: reason}
}

// Open opens a built-in set (builtin:NAME), a folder, a table, shards, one picture, or a mixture of such data, A::B. A path that doesn't
// exist is fs.ErrNotExist, data without what o.Need asks for is a *DataError, and a kind of data that can't be read is a *UsageError. Once
// ctx is done, Open returns its error. An open source doesn't keep ctx.
func Open(ctx context.Context, src string, o Options) (Source, error) {
	if err := o.checkCache(); err != nil {
		return nil, err
	}
	s, err := open(ctx, src, o)
	if err == nil {
		s, err = renamed(s, o.Classes)
	}
	if s, err = o.filter(ctx, s, err); err != nil {
		return nil, withoutSecrets(src, err)
	}
	if err := o.Need.check(ctx, src, s); err != nil {
		return nil, errors.Join(withoutSecrets(src, err), s.Close())
	}
	return s, nil
}

// Public is the name of data, which may be a mixture, without credentials.
func Public(src string) string {
	parts := slices.Clone(Parts(src))
	for i, part := range parts {
		parts[i] = store.Public(part)
	}
	return mixture.Join(parts)
}

// withoutSecrets removes the credentials of data from an error about it.
func withoutSecrets(src string, err error) error {
	var usage *UsageError
	if errors.As(err, &usage) && usage.Source == src {
		usage.Source = Public(src)
	}
	var data *DataError
	if errors.As(err, &data) && data.Source == src {
		data.Source = Public(src)
	}
	return err
}

func open(ctx context.Context, src string, o Options) (Source, error) {
	switch {
	case len(Parts(src)) > 1:
		return openMixture(ctx, src, o)
	case strings.HasPrefix(src, "builtin:"):
		return openBuiltin(src)
	case !store.IsRemote(src) && foreign.MatchString(src):
		return nil, unread(src)
	case isParquet(src):
		return openParquet(ctx, src, o)
	case isTable(src):
		return openTable(ctx, src, o)
	case store.IsRemote(src):
		return openShards(ctx, src, o)
	}
	st, err := os.Stat(src)
	switch {
	case err == nil && st.IsDir() && holdsShards(src):
		return openShards(ctx, src, o)
	case err == nil && st.IsDir() && holdsParquet(src):
		return openParquet(ctx, src, o)
	case err == nil && st.IsDir():
		return openFolder(ctx, src, o)
	case err != nil && strings.Contains(src, "{"):
		return openShards(ctx, src, o)
	case err != nil:
		return nil, notFound(src, err)
	}
	return openFile(ctx, src, o)
}

// unpack is the way out for data that is compressed in a form that isn't read.
const unpack = "unpack it first"

// openFile opens a file by its extension.
func openFile(ctx context.Context, src string, o Options) (Source, error) {
	if isTar(src) || isPackedTar(src) {
		return openShards(ctx, src, o)
	}
	switch extension := strings.ToLower(filepath.Ext(src)); extension {
	case ".gz", ".bz2", ".xz", ".zst", ".zip":
		return nil, &DataError{Source: src, Reason: "it is compressed, and is no archive of a form that is read compressed (" +
			strings.Join(packedTars, " ") + "); " + unpack}
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
			expected := "a subfolder for each class is expected"
			if s.Info().Kind == shardsKind {
				expected = "classnames.txt is expected beside the shards or in the folder above, a line for each class number"
			}
			return &DataError{Source: src, Reason: "its samples have no classes: " + expected}
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
