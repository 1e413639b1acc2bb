package captioning

import (
	"context"
	"slices"

	"clipgo/internal/nn"
	"clipgo/internal/torch"
)

// memory is what decoding remembers between two tokens: keys and values of everything read so far. It belongs to a scope
// of its own, which the next token's memory replaces. Its owner calls free.
type memory struct {
	captioner            Captioner
	scope                *torch.Scope
	words, decoder, view []nn.KV // of the text tower, the decoder's self-attention, the pictures
	length               int     // tokens read
	rows                 int     // captions
}

// look reads n pictures, uint8 [n, S, S, 3].
func (c Captioner) look(ctx context.Context, pixels []uint8, n int) (*memory, error) {
	m := &memory{captioner: c, scope: torch.NewScope(), rows: n}
	err := torch.Do(ctx, func(s *torch.Scope) error {
		picture := c.EncodeImageTokens(s, pixels, n, nn.Mode{DType: c.DType()})
		m.view = keep(m.scope, c.Decoder().Contexts(picture.Tokens))
		return nil
	})
	if err != nil {
		m.free()
	}
	return m, err
}

func (m *memory) free() { m.scope.Free() }

// keep moves keys and values to a scope that outlives their own.
func keep(s *torch.Scope, all []nn.KV) []nn.KV {
	out := make([]nn.KV, len(all))
	for i, kv := range all {
		out[i] = kv.Keep(s)
	}
	return out
}

// read takes captions on: row i is what row parents[i] was, with ids[i] behind it, at least one and equally many each. It
// returns the logits of each row's next token, [len(parents)][V].
func (m *memory) read(ctx context.Context, parents []int, ids [][]int32) (logits [][]float32, err error) {
	next, n := torch.NewScope(), len(parents)
	err = torch.Do(ctx, func(s *torch.Scope) error {
		words, decoder, view := m.words, m.decoder, m.view
		if !slices.Equal(parents, span(m.rows)) {
			index := torch.From(s, torch.Int64s(parents), n).OnDevice(m.captioner.Device())
			words, decoder, view = pick(words, index), pick(decoder, index), pick(view, index)
		}
		tokens, words := m.captioner.ExtendText(s, slices.Concat(ids...), n, m.length, words)
		hidden, decoder := m.captioner.Decoder().Extend(tokens, m.length, decoder, view)
		last := hidden.Select(1, hidden.Shape()[1]-1)
		flat := m.captioner.Decoder().Logits(last).Float32s()
		logits = slices.Collect(slices.Chunk(flat, len(flat)/n))
		m.words, m.decoder, m.view = keep(next, words), keep(next, decoder), keep(next, view)
		return nil
	})
	if err != nil {
		next.Free()
		return nil, err
	}
	m.scope.Free()
	m.scope, m.rows, m.length = next, n, m.length+len(ids[0])
	return logits, nil
}

func pick(all []nn.KV, index *torch.Tensor) []nn.KV {
	if all == nil {
		return nil
	}
	out := make([]nn.KV, len(all))
	for i, kv := range all {
		out[i] = kv.Rows(index)
	}
	return out
}

func span(n int) []int {
	out := make([]int, n)
	for i := range out {
		out[i] = i
	}
	return out
}
