package pretrained

import (
	"bytes"
	"context"
	"encoding/gob"

	"clipgo/datasets"
	"clipgo/internal/fault"
	"clipgo/model"
)

// Crew does a piece of work in several processes with the same model and the same data, this one included. own does a share of it here. The
// shares come back in the order of the piece.
type Crew func(ctx context.Context, whole Piece, own Work) ([]*Share, error)

// Work does a piece in this process.
type Work func(ctx context.Context, piece Piece) (*Share, error)

// Piece is a part of the work of an evaluation or of an index: slots of a data set whose pictures are to be embedded, captions, or pictures
// with their captions.
type Piece struct {
	Data     PassData
	From, To int64    // slots of the data, or captions, or places in the list of all samples that an index lacks
	Batch    int64    // of them that are embedded at once
	All      int64    // samples of the data
	Print    string   // fingerprint of the data
	IDs      []int32  // of captions, row-major; nil: pictures
	Samples  []int    // of an index: the samples from From to To, in the data
	Captions []string // of Samples; empty: there is none
}

// PassData says which data a Pass is over, to processes that have it open, too. The zero value is what a training is validated on.
type PassData struct {
	Name, Split string
	Need        datasets.Need
}

// pieceBatches bounds a piece, and so what the shares take of the memory of each process.
const pieceBatches = 128

// Share is the part of a piece that one of so many processes does. It begins and ends with a batch, so that the features are those of one
// process to the bit.
func (p Piece) Share(rank, world int) Piece {
	batches := (p.To - p.From + p.Batch - 1) / p.Batch
	bound := func(rank int) int64 { return min(p.To, p.From+batches*int64(rank)/int64(world)*p.Batch) }
	out := p
	out.From, out.To = bound(rank), bound(rank+1)
	if p.IDs != nil {
		width := int64(len(p.IDs)) / (p.To - p.From)
		out.IDs = p.IDs[(out.From-p.From)*width : (out.To-p.From)*width]
	}
	if p.Samples != nil {
		out.Samples, out.Captions = p.Samples[out.From-p.From:out.To-p.From], p.Captions[out.From-p.From:out.To-p.From]
	}
	return out
}

// Empty reports whether there is nothing to do.
func (p Piece) Empty() bool { return p.From == p.To }

// Share is what a process has found in its part of a piece.
type Share struct {
	Features  []float32 // [n, E] row-major, unit rows
	Norms     []float32 // of pictures
	Texts     []float32 // of the captions of an index's pictures, unit rows: one for each picture of Index that has a caption
	Index     []int     // each picture's sample, or its place among those that an index lacks
	Notes     [][]byte  // of an index's pictures; nil: none were taken
	Entries   []datasets.Entry
	Seen      [][]float64 // by each viewer of each batch
	Skipped   []datasets.Skip
	SkippedAt []int64 // their slots
}

// sharing is a Share as it is sent. encoding/gob doesn't keep an empty slice apart from nil, which Entry.Labels does.
type sharing struct {
	Share
	Empty []int
}

// Encode is the share for Decode in another process.
func (s *Share) Encode() ([]byte, error) {
	out := sharing{Share: *s}
	for row, e := range s.Entries {
		if e.Labels != nil && len(e.Labels) == 0 {
			out.Empty = append(out.Empty, row)
		}
	}
	var data bytes.Buffer
	err := gob.NewEncoder(&data).Encode(out)
	return data.Bytes(), err
}

// DecodeShare is the reverse of Encode.
func DecodeShare(data []byte) (*Share, error) {
	var in sharing
	if err := gob.NewDecoder(bytes.NewReader(data)).Decode(&in); err != nil {
		return nil, err
	}
	for _, row := range in.Empty {
		in.Entries[row].Labels = []int{}
	}
	return &in.Share, nil
}

// Do embeds the pictures of a piece. How many samples may be unusable is left to whoever has all shares.
func (p *Pass) Do(ctx context.Context, piece Piece) (*Share, error) {
	if err := piece.of(p.Source); err != nil {
		return nil, err
	}
	loader := p.Embedder.Loader(p.Source)
	loader.MaxSkip = 1
	out := &Share{}
	err := p.Embedder.eachBatch(ctx, loader, piece.From, piece.To, func(b *datasets.Batch) error { return p.add(ctx, out, b) },
		func(b *datasets.Batch) {
			out.Skipped, out.SkippedAt = append(out.Skipped, b.Skipped...), append(out.SkippedAt, b.SkippedAt...)
		})
	if err != nil {
		return nil, err
	}
	return out, ctx.Err()
}

// of refuses a source that isn't the data of the piece.
func (p Piece) of(src datasets.Source) error {
	info := src.Info()
	switch n := int64(src.Len()); {
	case n != p.All:
		return fault.Dataf("%s: it has %d samples here and %d in process 0", info.Name, n, p.All)
	case info.Fingerprint != p.Print:
		return fault.Dataf("%s: it has other samples here than in process 0 (fingerprint %s, not %s)", info.Name, info.Fingerprint, p.Print)
	}
	return nil
}

// divisible reports whether there are other processes for the pass, and work for them. What is read in sequence would be read by each
// process as a whole.
func (p *Pass) divisible() bool {
	return p.Embedder.Crew != nil && p.Source.Len() > p.Embedder.Settings.BatchSize && !datasets.InSequence(p.Source)
}

// divided makes the pass with the crew.
func (p *Pass) divided(ctx context.Context, use func(*Share)) error {
	limit := p.Embedder.Loader(p.Source).SkipLimit()
	all, batch := int64(p.Source.Len()), int64(p.Embedder.Settings.BatchSize)
	print := p.Source.Info().Fingerprint
	for from := int64(0); from < all; from += pieceBatches * batch {
		piece := Piece{Data: p.Data, From: from, To: min(all, from+pieceBatches*batch), Batch: batch, All: all, Print: print}
		shares, err := p.Embedder.Crew(ctx, piece, p.Do)
		if err != nil {
			return err
		}
		for _, s := range shares {
			for i, skip := range s.Skipped {
				p.skip(skip)
				if err := limit.Count(s.SkippedAt[i], skip); err != nil {
					return err
				}
			}
			use(s)
		}
		if p.Seen != nil {
			p.Seen(piece.To)
		}
	}
	return nil
}

// EmbedTokens is that of the Model, with the crew if there is one.
func (m *Embedder) EmbedTokens(ctx context.Context, ids []int32, n int) ([]float32, error) {
	if m.Crew == nil || n <= model.EmbedBatch {
		return m.Model.EmbedTokens(ctx, ids, n)
	}
	const most = pieceBatches * model.EmbedBatch
	width, out := len(ids)/n, make([]float32, 0, n*m.Dim())
	for from := 0; from < n; from += most {
		to := min(n, from+most)
		shares, err := m.Crew(ctx, Piece{To: int64(to - from), Batch: model.EmbedBatch, IDs: ids[from*width : to*width]}, m.DoTokens)
		if err != nil {
			return nil, err
		}
		for _, s := range shares {
			out = append(out, s.Features...)
		}
	}
	return out, nil
}

// DoTokens embeds the captions of a piece.
func (m *Embedder) DoTokens(ctx context.Context, piece Piece) (*Share, error) {
	rows, err := m.Model.EmbedTokens(ctx, piece.IDs, int(piece.To-piece.From))
	return &Share{Features: rows}, err
}
