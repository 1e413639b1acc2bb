package pretrained

import (
	"context"
	"errors"
	"time"

	"clipgo/datasets"
)

// Together embeds pictures with their captions in several processes. It is a search/ingest.PairEmbedder.
type Together struct {
	*Embedder      // whose own Crew is nil: each share embeds its captions itself
	Others    Crew // with this process
	Note      Note // nil: no notes are taken
}

// Note is what the process that embeds a picture of an index notes of it for the one that writes the index, such as the hash of its file.
type Note func(ctx context.Context, src datasets.Source, sample int) ([]byte, error)

// A piece of an index grows until it takes so long in all processes. What is done of it is lost with an interrupt.
const pieceTime = 10 * time.Second

// EmbedPairs embeds samples of a source in their order, with their captions; one that is empty is none. The features of both have the bits
// of one process that embeds batches of the same pictures, and then the captions of the batch. use gets some pictures at a time: their
// places in samples, their features, [n, E], those of their captions, nil for none, and their notes. skip gets each sample that can't be
// used.
func (t Together) EmbedPairs(ctx context.Context, src datasets.Source, samples []int, captions []string,
	use func(places []int, features []float32, texts [][]float32, notes [][]byte) error, skip func(datasets.Skip)) error {
	batch, batches := t.Settings.BatchSize, 1
	print := src.Info().Fingerprint
	for from := 0; from < len(samples); {
		to := min(len(samples), from+batches*batch)
		begun := time.Now()
		shares, err := t.Others(ctx, Piece{From: int64(from), To: int64(to), Batch: int64(batch), All: int64(src.Len()), Print: print,
			Samples: samples[from:to], Captions: captions[from:to]},
			func(ctx context.Context, p Piece) (*Share, error) { return t.DoPairs(ctx, src, p, t.Note) })
		if err != nil {
			return err
		}
		for _, s := range shares {
			for _, one := range s.Skipped {
				skip(one)
			}
			if err := use(s.Index, s.Features, t.texts(s, captions), s.notes()); err != nil {
				return err
			}
		}
		batches = nextPiece(batches, len(shares), time.Since(begun))
		from = to
	}
	return nil
}

// nextPiece is the number of batches of the next piece: twice as many where the last ones took little time in all processes.
func nextPiece(batches, processes int, took time.Duration) int {
	switch {
	case took < pieceTime/2:
		return min(2*batches, processes*pieceBatches)
	case took > 2*pieceTime:
		return max(batches/2, 1)
	}
	return batches
}

// texts are the rows of a share's captions.
func (t Together) texts(s *Share, captions []string) [][]float32 {
	out, rest, dim := make([][]float32, len(s.Index)), s.Texts, t.Dim()
	for i, place := range s.Index {
		if captions[place] != "" {
			out[i], rest = rest[:dim:dim], rest[dim:]
		}
	}
	return out
}

// notes are those of the pictures.
func (s *Share) notes() [][]byte {
	if s.Notes == nil {
		return make([][]byte, len(s.Index))
	}
	return s.Notes
}

// DoPairs embeds the pictures of a piece of an index, and their captions, and takes notes of them if note isn't nil.
func (m *Embedder) DoPairs(ctx context.Context, src datasets.Source, piece Piece, note Note) (*Share, error) {
	if err := piece.of(src); err != nil {
		return nil, err
	}
	loader, out := m.Loader(datasets.Select(src, piece.Samples)), &Share{}
	loader.MaxSkip = 1
	err := m.eachBatch(ctx, loader, 0, int64(len(piece.Samples)), func(b *datasets.Batch) error {
		features, err := m.EmbedImages(ctx, b.Pixels, b.N)
		if err != nil {
			return err
		}
		var texts []string
		for _, i := range b.Index {
			out.Index = append(out.Index, int(piece.From)+i)
			if c := piece.Captions[i]; c != "" {
				texts = append(texts, c)
			}
		}
		out.Features = append(out.Features, features...)
		if note != nil {
			if err := out.note(ctx, src, b.Index, piece.Samples, note); err != nil {
				return err
			}
		}
		if len(texts) == 0 {
			return nil
		}
		rows, err := m.EmbedTexts(ctx, texts)
		out.Texts = append(out.Texts, rows...)
		return err
	}, func(b *datasets.Batch) { out.Skipped = append(out.Skipped, b.Skipped...) })
	if data := (*datasets.DataError)(nil); errors.As(err, &data) && len(out.Skipped) == len(piece.Samples) {
		err = nil // none of the share can be used; others may be
	}
	if err != nil {
		return nil, err
	}
	return out, ctx.Err()
}

// note takes notes of the pictures of a batch, whose places are those in samples.
func (s *Share) note(ctx context.Context, src datasets.Source, places, samples []int, note Note) error {
	for _, i := range places {
		one, err := note(ctx, src, samples[i])
		if err != nil {
			return err
		}
		s.Notes = append(s.Notes, one)
	}
	return nil
}
