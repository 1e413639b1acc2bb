package pack

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"strings"

	"clipgo/datasets"
	"clipgo/internal/paths"
)

// sample is a sample of the source, ready for a shard.
type sample struct {
	index    int
	key      string // its number in the source
	captions []string
	label    int
	original string // its name in the source
	sum      string // SHA-256 of its picture in the source
	picture
	skip *datasets.Skip // why it can't be used; nil if it can
	err  error          // that ends the pack
}

// reader makes samples. Several goroutines may use it.
type reader struct {
	source  datasets.Source
	name    string // of the source
	base    string // folder of the source, or of its files
	encoder *encoder
}

func newReader(s datasets.Source, e *encoder) *reader {
	r := &reader{source: s, name: s.Info().Name, encoder: e}
	first, _, _ := strings.Cut(r.name, "::")
	r.base = filepath.ToSlash(filepath.Clean(first))
	if st, err := os.Stat(first); err == nil && !st.IsDir() || err != nil && s.Info().Kind != "folder" {
		r.base = path.Dir(r.base)
	}
	return r
}

// key names a sample by its number. It has no dots: readers of WebDataset take what follows the first one as the type.
func key(index int) string { return fmt.Sprintf("%09d", index) }

// read makes sample i. Its error is ctx's or one that concerns the source as a whole.
func (r *reader) read(ctx context.Context, i int) *sample {
	s := &sample{index: i, key: key(i), label: -1}
	name, offset := fmt.Sprintf("sample %d", i), int64(0)
	err := func() (err error) {
		defer func() {
			if p := recover(); p != nil { // of a decoder
				err = fmt.Errorf("panic: %v", p)
			}
		}()
		e, err := r.source.Entry(ctx, i)
		if err != nil {
			return err
		}
		name, offset = e.Key, e.Offset
		if e.Bad != "" {
			return errors.New(e.Bad)
		}
		s.label, s.captions, s.original = e.Label, valid(e.Captions), r.original(e.Key)
		p, err := r.source.Picture(ctx, i)
		if err != nil {
			return err
		}
		data := p.File
		if data == nil {
			data = p.RGB
		}
		sum := sha256.Sum256(data)
		s.sum = hex.EncodeToString(sum[:])
		s.picture, err = r.encoder.encode(p)
		return err
	}()
	switch {
	case err == nil:
	case ctx.Err() != nil:
		s.err = ctx.Err()
	case isDataError(err):
		s.err = err
	default:
		s.skip = &datasets.Skip{Source: r.name, Key: paths.Text(name), Offset: offset, Reason: strings.ToValidUTF8(err.Error(), "\uFFFD")}
	}
	return s
}

func isDataError(err error) bool {
	_, is := errors.AsType[*datasets.DataError](err)
	return is
}

// valid makes captions UTF-8. Sources do this already; a caption that isn't would make the .json of a sample another text than its .txt.
func valid(captions []string) (out []string) {
	for _, c := range captions {
		out = append(out, strings.ToValidUTF8(c, "\uFFFD"))
	}
	return out
}

// original is a sample's name relative to the source, so that it doesn't depend on where the source lies.
func (r *reader) original(key string) string {
	name := filepath.ToSlash(key)
	if r.base != "." {
		name = strings.TrimPrefix(name, strings.TrimSuffix(r.base, "/")+"/")
	}
	return strings.ToValidUTF8(name, "\uFFFD")
}

// about is the content of a sample's .json, with img2dataset's names where it has them.
type about struct {
	Key            string   `json:"key"`
	Caption        string   `json:"caption,omitempty"`
	Captions       []string `json:"captions,omitempty"` // all, if there are several
	Width          int      `json:"width"`
	Height         int      `json:"height"`
	OriginalWidth  int      `json:"original_width"`
	OriginalHeight int      `json:"original_height"`
	OriginalPath   string   `json:"original_path"`
	SHA256         string   `json:"sha256"` // of the picture in the source
}

func (s *sample) about() about {
	a := about{s.key, "", nil, s.width, s.height, s.originalWidth, s.originalHeight, s.original, s.sum}
	if len(s.captions) > 0 {
		a.Caption = s.captions[0]
	}
	if len(s.captions) > 1 {
		a.Captions = s.captions
	}
	return a
}
