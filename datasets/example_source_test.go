package datasets_test

import (
	"context"
	"fmt"

	"clipgo/datasets"
)

// grays are pictures of one gray pixel: sample i is as bright as i.
type grays int

func (g grays) Len() int     { return int(g) }
func (g grays) Close() error { return nil }

func (g grays) Info() datasets.Info {
	return datasets.Info{Name: "grays", Kind: "grays", Fingerprint: fmt.Sprint("grays of version 1, ", int(g))}
}

func (g grays) Entry(ctx context.Context, i int) (datasets.Entry, error) {
	caption := fmt.Sprintf("a gray of %d", i)
	return datasets.Entry{Key: fmt.Sprintf("gray/%d", i), Captions: []string{caption}, Label: -1}, ctx.Err()
}

func (g grays) Picture(ctx context.Context, i int) (datasets.Picture, error) {
	return datasets.Picture{RGB: []uint8{uint8(i), uint8(i), uint8(i)}, Width: 1, Height: 1}, ctx.Err()
}

// A type with five methods is a source. This one makes its pictures in memory; another could ask a database for them.
func ExampleSource() {
	loader := datasets.Loader{
		Source: grays(200), Seed: 7, BatchSize: 3, Size: 1, Order: datasets.Shuffled,
		Pixels: func(dst []uint8, p datasets.Picture, _ uint64) error { copy(dst, p.RGB); return nil },
	}
	const k = 40 // any batch can be made without those before it
	for batch, err := range loader.Batches(context.Background(), k*3, (k+1)*3) {
		if err != nil {
			fmt.Println(err)
			return
		}
		for i, caption := range batch.Captions {
			fmt.Println(batch.Entries[i].Key, caption, batch.Pixels[3*i:3*i+3])
		}
	}
	// Output:
	// gray/86 a gray of 86 [86 86 86]
	// gray/79 a gray of 79 [79 79 79]
	// gray/32 a gray of 32 [32 32 32]
}
