package model

import (
	"context"
	"fmt"
	"unsafe"

	"clipgo/internal/safetensors"
	"clipgo/internal/torch"
	"clipgo/text"
	"clipgo/text/light"
)

// OpenWords is OpenMapped for a model of which only EmbedTokens is used: it computes in 8 bits on so many threads, without libtorch,
// which is never loaded. ok is false where this tower can't be computed so, or has no 8-bit forms; the weights are open then, as before.
func (k *Checked) OpenWords(threads int) (m *Model, ok bool) {
	if k == nil || len(k.int8.Forms) == 0 || !k.towers.Need("token_embedding.weight") || !light.Supports(k.config.Text) {
		return nil, false
	}
	m = Declare(k.config)
	m.mapped = &mapped{set: k.set}
	m.AdoptInt8(k.int8)
	prefix := ""
	if k.config.CustomText {
		prefix = "text."
	}
	l := text.Layout{Embed: k.config.EmbedDim, Activation: k.config.activation(k.config.Text.ActKwargs), Custom: k.config.CustomText}
	m.words, m.wordThreads = light.New(k.config.Text, l, prefix, &wordWeights{k, m.mapped}), threads
	return m, true
}

// embedLight is EmbedTokens without libtorch.
func (m *Model) embedLight(ctx context.Context, ids []int32, n int) ([]float32, error) {
	l, out := len(ids)/max(n, 1), make([]float32, 0, n*m.Dim())
	for i := 0; i < n; i += EmbedBatch {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		count := min(EmbedBatch, n-i)
		out = append(out, m.words.Embed(ids[i*l:(i+count)*l], count, m.wordThreads)...)
	}
	return out, nil
}

// wordWeights are the weights of a text tower in their files.
type wordWeights struct {
	from *Checked
	kept *mapped
}

func (w *wordWeights) Values(name string) []float32 {
	t, ok := w.from.values[name]
	if !ok {
		return nil
	}
	data := w.kept.place(t)
	return unsafe.Slice((*float32)(unsafe.Pointer(unsafe.SliceData(data))), len(data)/4)
}

func (w *wordWeights) Row(name string, i int) []float32 {
	t := w.from.values[name]
	if i < 0 || int64(i) >= t.Shape[0] {
		panic(fmt.Sprintf("model: %s has %d rows, not a row %d", name, t.Shape[0], i))
	}
	size := int64(len(t.Data)) / t.Shape[0]
	t.Data, t.Shape = t.Data[int64(i)*size:][:size], t.Shape[1:]
	t, err := t.Convert(safetensors.F32)
	if err != nil {
		panic(err) // shaped has seen the types
	}
	out := make([]float32, len(t.Data)/4) // a file's tensor may be at any address
	copy(unsafe.Slice((*byte)(unsafe.Pointer(unsafe.SliceData(out))), len(t.Data)), t.Data)
	return out
}

func (w *wordWeights) Form(name string) *torch.Int8 { return w.from.int8.Forms[name] }
