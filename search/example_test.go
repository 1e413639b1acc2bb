package search_test

import (
	"context"
	"fmt"
	"os"

	"clipgo/search"
)

// words is an encoder of a space with three directions: one for each thing that it knows.
type words []string

func (w words) EncodeText(_ context.Context, text string) ([]float32, error) {
	feature := make([]float32, len(w))
	for i, word := range w {
		if word == text {
			feature[i] = 1
		}
	}
	return feature, nil
}

func (w words) EncodePicture(context.Context, []byte) ([]float32, error) {
	return nil, fmt.Errorf("this encoder knows words only")
}

// An index is made of features and searched with a query of two terms.
func Example() {
	ctx := context.Background()
	dir, err := os.MkdirTemp("", "clipgo-example-")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer os.RemoveAll(dir)
	w, err := search.Update(dir, search.Space{Fingerprint: "a model", Dim: 3})
	if err != nil {
		fmt.Println(err)
		return
	}
	for path, feature := range map[string][]float32{"cat.jpg": {1, 0, 0}, "dog.jpg": {0, 1, 0}, "cat-at-night.jpg": {1, 0, 1}} {
		if err := w.Add(search.Row{File: search.File{Path: path}, Image: feature}); err != nil {
			fmt.Println(err)
		}
	}
	fmt.Println(w.Commit(), w.Close())

	ix, err := search.Open(dir)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer ix.Close()
	terms := []search.Term{{Weight: 1, Text: "cat"}, {Weight: -0.5, Text: "night"}}
	q, err := search.Combine(ctx, ix, terms, words{"cat", "dog", "night"})
	if err != nil {
		fmt.Println(err)
		return
	}
	q.Top, q.Threshold = 2, -1
	hits, err := ix.Find(ctx, q)
	for _, h := range hits {
		fmt.Printf("%d %.3f %s\n", h.Rank, h.Score, h.Path)
	}
	fmt.Println(err)
	// Output:
	// <nil> <nil>
	// 1 0.894 cat.jpg
	// 2 0.316 cat-at-night.jpg
	// <nil>
}
