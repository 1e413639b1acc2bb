package contrastive

import (
	"testing"

	"clipgo/datasets"
	"clipgo/internal/torch"
	"clipgo/losses"
	"clipgo/model"
	"clipgo/model/modeltest"
)

// shortened are pairs whose captions have these many tokens, start and end included, and padding behind them.
func shortened(c model.Config, lengths ...int) *datasets.Batch {
	b := modeltest.Pairs(c, len(lengths), 3)
	l := c.Text.ContextLength
	for i, n := range lengths {
		row := b.IDs[i*l : (i+1)*l]
		clear(row)
		row[0], row[n-1] = int32(c.Text.VocabSize-2), int32(c.Text.VocabSize-1)
		for k := 1; k < n-1; k++ {
			row[k] = int32(1 + (7*i+3*k)%(c.Text.VocabSize-3))
		}
	}
	b.Lengths, b.MaxTokens = lengths, 8
	return b
}

// A batch that is cut to its longest caption has the features of the padded one, and trains as it does, whatever lane a
// caption is in. The sums are the same but for their order: matrices of other shapes go through other kernels.
func TestCuttingCaptionsChangesNothing(t *testing.T) {
	t.Cleanup(func() { _ = torch.SetThreads(0) })
	m := modeltest.NewTiny(t, modeltest.Unchanged)
	b := shortened(m.Config, 8, 3, 5, 2, 8, 6, 4, 7, 3, 3, 8, 2, 5, 6, 7, 4)
	for _, threads := range []int{1, 2} {
		if err := torch.SetThreads(threads); err != nil {
			t.Fatal(err)
		}
		padded, cut := trained(t, m, b, 12), trained(t, m, b, 8)
		modeltest.Near(t, "features", cut.features, padded.features, modeltest.FeatureTol())
		for i, name := range cut.names {
			modeltest.Near(t, name, cut.gradients[i], padded.gradients[i], modeltest.GradientTol())
		}
	}
}

// pass is what a forward and backward pass gives.
type pass struct {
	features  []float32 // of the captions
	names     []string
	gradients [][]float32
}

// trained makes a pass of a batch whose captions are cut to so many tokens.
func trained(t *testing.T, m *model.Model, b *datasets.Batch, tokens int) (p pass) {
	t.Helper()
	o := &Objective{Model: m, Loss: InfoNCE{Smoothing: losses.Smoothing{Form: losses.Others}}}
	b.MaxTokens = tokens
	modeltest.Grad(t, func(s *torch.Scope) {
		ids := model.CutCaptions(b.IDs, b.ContextLength, tokens)
		if !m.Config.Text.Trimmable() {
			t.Error("the tiny model's captions are not cut")
		}
		p.features = m.EncodeTokens(s, ids, b.N, m.Mode()).Float32s()
		if _, err := o.Accumulate(s, b); err != nil {
			t.Error(err)
		}
		for _, q := range o.Params() {
			p.names = append(p.names, q.Name)
			p.gradients = append(p.gradients, q.Tensor().Gradient(s).Float32s())
		}
		torch.DropGradients(modeltest.Leaves(m.Params()))
	})
	return p
}
