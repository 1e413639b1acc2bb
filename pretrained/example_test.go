package pretrained_test

import (
	"context"
	"fmt"
	"os"

	"clipgo/datasets"
	"clipgo/pretrained"
	"clipgo/search"
	"clipgo/search/ingest"
)

// Pictures are embedded into an index, which is then searched with a text. The config has no weights here, so that the weights are
// random; settings.Model may also name a run, a folder with weights, or hf-hub:OWNER/NAME.
func Example() {
	ctx := context.Background()
	dir, err := os.MkdirTemp("", "clipgo-example-")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer os.RemoveAll(dir)
	settings := pretrained.DefaultSettings()
	settings.Model = "ViT-Nano-16-64"
	m, err := pretrained.Open(ctx, settings)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer m.Free()
	hits, err := embedAndSearch(ctx, m, "builtin:shapes?n=20", dir, "a red circle")
	fmt.Println(len(hits), "pictures,", err)
	// Output: 3 pictures, <nil>
}

func embedAndSearch(ctx context.Context, m *pretrained.Embedder, pictures, dir, text string) ([]search.Hit, error) {
	src, err := datasets.Open(ctx, pictures, datasets.Options{})
	if err != nil {
		return nil, err
	}
	defer src.Close()
	space, err := m.Space("", search.Float32)
	if err != nil {
		return nil, err
	}
	w, err := search.Update(dir, space)
	if err != nil {
		return nil, err
	}
	defer w.Close()
	if _, err := ingest.Update(ctx, w, src, m, ingest.Options{}); err != nil {
		return nil, err
	}
	index, err := search.Open(dir)
	if err != nil {
		return nil, err
	}
	defer index.Close()
	query, err := search.Combine(ctx, index, []search.Term{{Weight: 1, Text: text}}, m)
	if err != nil {
		return nil, err
	}
	query.Top, query.Threshold = 3, -1
	return index.Find(ctx, query)
}
