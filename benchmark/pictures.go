package benchmark

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"clipgo/datasets"
	"clipgo/internal/bounded"
	"clipgo/internal/durable"
	"clipgo/internal/fault"
	"clipgo/vision/preprocess"
)

// picturesDir is the folder of small copies of pictures, below that of the results. Their names are hashes of their bytes, so that results
// share them.
const picturesDir = "pictures"

// pictureSide is the longer side of a small copy, in pixels.
const pictureSide = 112

// pictureKind are the limits of a small copy.
var pictureKind = bounded.Kind{Name: "a small picture", Limit: 1 << 20, Fault: fault.Data}

// thumbnail is a small copy of a sample's picture.
func thumbnail(ctx context.Context, src datasets.Source, index int) ([]byte, error) {
	p, err := src.Picture(ctx, index)
	if err != nil {
		return nil, err
	}
	if p.File != nil {
		return preprocess.Thumbnail(p.File, pictureSide)
	}
	return preprocess.FromRGB(p.RGB, p.Width, p.Height).Thumbnail(pictureSide)
}

// picture keeps small copies of the pictures of the mistakes, in a folder of results. A picture that can't be read is left out, and so are
// those of sources that can only be read in sequence.
func (f *features) picture(ctx context.Context, out string, o *outcome) (err error) {
	if len(o.wrong) == 0 {
		return nil
	}
	src, err := f.data.Source(ctx, TestSplit, f.need)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, src.Close()) }()
	if datasets.InSequence(src) {
		return nil
	}
	keep := func(index int, to *string) error {
		small, err := thumbnail(ctx, src, index)
		if err == nil {
			*to, err = keepPicture(out, small)
			return err
		}
		return ctx.Err()
	}
	for i := range o.wrong {
		m := &o.wrong[i]
		if err := keep(m.Index, &m.Picture); err != nil {
			return err
		}
		if m.Answer == nil {
			continue
		}
		if err := keep(m.Answer.Index, &m.Answer.Picture); err != nil {
			return err
		}
	}
	return nil
}

// keepPicture writes a small copy unless it is there, and returns its name.
func keepPicture(out string, data []byte) (string, error) {
	hash := sha256.Sum256(data)
	name := hex.EncodeToString(hash[:12]) + ".jpg"
	path := filepath.Join(out, picturesDir, name)
	if st, err := os.Stat(path); err == nil && st.Size() == int64(len(data)) {
		return name, nil
	} else if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return "", err
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
		return "", err
	}
	return name, durable.WriteFile(path, 0o644, func(w io.Writer) error {
		_, err := w.Write(data)
		return err
	})
}

// readPicture reads a small copy; nil if it isn't there. A name from a file is never a path.
func readPicture(out, name string) []byte {
	if out == "" || name == "" || name != filepath.Base(name) {
		return nil
	}
	data, err := bounded.ReadFile(filepath.Join(out, picturesDir, name), pictureKind)
	if err != nil {
		return nil
	}
	return data
}
