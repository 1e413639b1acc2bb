package serve

import (
	"bytes"
	"context"
	"image/png"
	"sync"

	"clipgo/datasets"
	"clipgo/vision/preprocess"
)

// BuiltinPictures returns a function for Options.Picture that knows the pictures of builtin:emoji, which are no files.
func BuiltinPictures() func(ctx context.Context, path string) ([]byte, error) {
	type set struct {
		source datasets.Source
		at     map[string]int
	}
	open := sync.OnceValues(func() (set, error) {
		src, err := datasets.Open(context.Background(), "builtin:emoji?split=all", datasets.Options{})
		if err != nil {
			return set{}, err
		}
		s := set{src, map[string]int{}}
		for i := range src.Len() {
			e, err := src.Entry(context.Background(), i)
			if err != nil {
				return set{}, err
			}
			s.at[e.Key] = i
		}
		return s, nil
	})
	return func(ctx context.Context, path string) ([]byte, error) {
		s, err := open()
		if err != nil {
			return nil, err
		}
		i, ok := s.at[path]
		if !ok {
			return nil, &statusError{404, "the picture is no file"}
		}
		p, err := s.source.Picture(ctx, i)
		if err != nil {
			return nil, err
		}
		var b bytes.Buffer
		err = png.Encode(&b, preprocess.Opaque(p.RGB, p.Width, p.Height))
		return b.Bytes(), err
	}
}
