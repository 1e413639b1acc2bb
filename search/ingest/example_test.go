package ingest_test

import (
	"context"
	"fmt"
	"os"

	"clipgo/datasets"
	"clipgo/search"
	"clipgo/search/ingest"
)

// brightness embeds a picture of pixels as how dark and how bright it is. A real program hands over a model's features.
type brightness struct{}

func (brightness) Dim() int { return 2 }

func (brightness) EmbedTexts(_ context.Context, texts []string) ([]float32, error) {
	out := make([]float32, 2*len(texts))
	for i := range out {
		out[i] = 1
	}
	return out, nil
}

func (brightness) EmbedSource(ctx context.Context, src datasets.Source, use func([]int, []float32) error, skip func(datasets.Skip)) error {
	for i := range src.Len() {
		p, err := src.Picture(ctx, i)
		if err != nil {
			skip(datasets.Skip{Reason: err.Error()})
			continue
		}
		var sum, n float32
		for _, v := range p.RGB {
			sum, n = sum+float32(v), n+255
		}
		if err := use([]int{i}, []float32{n - sum, sum}); err != nil {
			return err
		}
	}
	return nil
}

// The pictures of a source are embedded into an index; a second run finds nothing to do.
func Example() {
	ctx := context.Background()
	dir, err := os.MkdirTemp("", "clipgo-example-")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer os.RemoveAll(dir)
	src, err := datasets.Open(context.Background(), "builtin:shapes?split=novel&n=8", datasets.Options{})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer src.Close()
	for range 2 {
		w, err := search.Update(dir, search.Space{Fingerprint: "brightness", Dim: 2})
		if err != nil {
			fmt.Println(err)
			return
		}
		did, err := ingest.Update(ctx, w, src, brightness{}, ingest.Options{})
		fmt.Printf("added %d, unchanged %d, failed %d, %v\n", did.Added, did.Unchanged, did.Failed, err)
		w.Close()
	}
	// Output:
	// added 8, unchanged 0, failed 0, <nil>
	// added 0, unchanged 8, failed 0, <nil>
}
