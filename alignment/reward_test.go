package alignment

import (
	"bytes"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"clipgo/datasets"
	"clipgo/internal/torch"
	"clipgo/model"
	"clipgo/model/modeltest"
)

// newTiny is a small model whose parameters hang on the seed alone.
func newTiny(t *testing.T) *model.Model { return newTinyOn(t, torch.CPU) }

func newTinyOn(t *testing.T, device torch.Device) *model.Model {
	t.Helper()
	return modeltest.NewTinyOn(t, model.Placement{Device: device, DType: torch.Float32}, modeltest.Unchanged)
}

func newHead(t *testing.T, m *model.Model) *Head {
	t.Helper()
	h, err := NewHead(t.Context(), m)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(h.Free)
	return h
}

// judged makes n pairs of a form with random pictures and captions.
func judged(m *model.Model, n int, form datasets.Form) *datasets.Batch {
	rng := rand.New(rand.NewPCG(5, uint64(form)))
	pictures, captions := n, 2*n
	if form == datasets.TwoPictures {
		pictures, captions = 2*n, n
	}
	size, l, vocabulary := m.Config.Vision.ImageSize, m.Config.Text.ContextLength, m.Config.Text.VocabSize
	b := &datasets.Batch{N: n, ContextLength: l, MaxTokens: 6, Pixels: make([]uint8, pictures*size*size*3), IDs: make([]int32, captions*l)}
	for i := range b.Pixels {
		b.Pixels[i] = uint8(rng.Uint32())
	}
	for i := range captions {
		row := b.IDs[i*l:]
		row[0], row[5] = int32(vocabulary-2), int32(vocabulary-1)
		for k := 1; k < 5; k++ {
			row[k] = 1 + int32(rng.IntN(vocabulary-3))
		}
	}
	for i := range n {
		b.Index = append(b.Index, i)
	}
	return b
}

// plainRewards are scale * cosine in float64 from features that were made one side at a time.
func plainRewards(t *testing.T, m *model.Model, b *datasets.Batch) (first, second []float64) {
	t.Helper()
	pictures, captions := len(b.Pixels)/(16*16*3), len(b.IDs)/b.ContextLength
	images, err := m.EmbedImages(t.Context(), b.Pixels, pictures)
	if err != nil {
		t.Fatal(err)
	}
	texts, err := m.EmbedTokens(t.Context(), b.IDs, captions)
	if err != nil {
		t.Fatal(err)
	}
	score := func(image, caption int) float64 {
		var dot float64
		for k := range 16 {
			dot += float64(images[image*16+k]) * float64(texts[caption*16+k])
		}
		return dot / 0.07 // the scale that CLIP begins with
	}
	for i := range b.N {
		first = append(first, score(i*pictures/b.N, i*captions/b.N))
		second = append(second, score(i*pictures/b.N+pictures/b.N-1, i*captions/b.N+captions/b.N-1))
	}
	return first, second
}

func TestTheRewardIsTheScoreAndAHeadBeginsAsIt(t *testing.T) {
	m := newTiny(t)
	for _, form := range []datasets.Form{datasets.TwoCaptions, datasets.TwoPictures} {
		b := judged(m, 20, form)
		wantFirst, wantSecond := plainRewards(t, m, b)
		for name, reward := range map[string]Reward{"score": {Model: m}, "head": {Model: m, Head: newHead(t, m)}} {
			first, second, err := reward.Measure(t.Context(), b)
			if err != nil {
				t.Fatal(err)
			}
			for i := range b.N { // sums of 16 products in float32, times 14
				if math.Abs(float64(first[i])-wantFirst[i]) > 1e-4 || math.Abs(float64(second[i])-wantSecond[i]) > 1e-4 {
					t.Errorf("%s, %s, pair %d: %v and %v, want %v and %v", form, name, i, first[i], second[i], wantFirst[i], wantSecond[i])
				}
			}
		}
	}
}

func TestAHeadComesBackAsItWent(t *testing.T) {
	m := newTiny(t)
	h := newHead(t, m)
	var file, again bytes.Buffer
	if err := h.Write(&file); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "heads.safetensors")
	if err := os.WriteFile(path, file.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	back, err := ReadHead(t.Context(), path, m)
	if err != nil {
		t.Fatal(err)
	}
	defer back.Free()
	if err := back.Write(&again); err != nil || !bytes.Equal(file.Bytes(), again.Bytes()) {
		t.Errorf("other bytes, %v", err)
	}
	if err := os.WriteFile(path, file.Bytes()[:40], 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := ReadHead(t.Context(), path, m); err == nil {
		t.Error("a torn file was read")
	}
}

// The oracle is the definition with central differences: for the head, whose reward is linear, in plain float64.
func TestTheGradientOfTheHeadIsThatOfTheDefinition(t *testing.T) {
	m := newTiny(t)
	b, preferred := judged(m, 20, datasets.TwoCaptions), slices.Repeat([]float64{1, 0, 0.5, 1, 0}, 4) // several lanes
	o := &Preference{Reward: Reward{Model: m, Head: newHead(t, m)}, Preferred: func(i int) float64 { return preferred[i] }}
	images, err := m.EmbedImages(t.Context(), b.Pixels, 20)
	if err != nil {
		t.Fatal(err)
	}
	texts, err := m.EmbedTokens(t.Context(), b.IDs, 40)
	if err != nil {
		t.Fatal(err)
	}
	var loss float64
	var got []float32
	err = torch.DoGrad(t.Context(), func(s *torch.Scope) error {
		parts, err := o.Accumulate(s, b)
		loss, got = parts.Loss, o.Head.weight.Tensor().Gradient(s).Float32s()
		torch.DropGradients(tensors(o))
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	weight := make([]float64, 48)
	for k := 32; k < 48; k++ {
		weight[k] = 1 / 0.07
	}
	plain := func() (sum float64) {
		for i, p := range preferred {
			var d float64
			for k := range 16 {
				v, a, b := float64(images[i*16+k]), float64(texts[2*i*16+k]), float64(texts[(2*i+1)*16+k])
				d += weight[16+k]*(a-b) + weight[32+k]*v*(a-b)
			}
			sum += (p*math.Log1p(math.Exp(-d)) + (1-p)*math.Log1p(math.Exp(d))) / 20
		}
		return sum
	}
	if _, _, err := o.Measure(t.Context(), b); err != nil { // what the step left behind is not used again
		t.Fatal(err)
	}
	if want := plain(); math.Abs(loss-want) > 1e-5 {
		t.Errorf("loss %v, want %v", loss, want)
	}
	const h = 1e-5
	for k := range weight {
		was := weight[k]
		weight[k] = was + h
		up := plain()
		weight[k] = was - h
		down := plain()
		weight[k] = was
		if want := (up - down) / (2 * h); math.Abs(float64(got[k])-want) > 1e-5 { // float32 features
			t.Errorf("gradient %d: %v, want %v", k, got[k], want)
		}
	}
}

func tensors(o *Preference) (out []*torch.Tensor) {
	for _, p := range o.Params() {
		out = append(out, p.Tensor())
	}
	return out
}

// After a pull of share s, each parameter is w - s (w - start).
func TestThePullGoesTowardsTheStart(t *testing.T) {
	m := newTiny(t)
	base, err := model.NewSnapshot(t.Context(), m, m)
	if err != nil {
		t.Fatal(err)
	}
	defer base.Free()
	o := &Preference{Reward: Reward{Model: m}, Base: base, Pull: func() float64 { return 0.25 }}
	at := o.Params()[0].Tensor()
	var start, moved, pulled []float32
	err = torch.Do(t.Context(), func(s *torch.Scope) error {
		start = at.Float32s()
		at.LerpInPlace(torch.Zeros(s, torch.Float32, torch.CPU, at.Shape()...), 0.5)
		moved = at.Float32s()
		o.AfterStep()
		pulled = at.Float32s()
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for i := range start {
		if want := moved[i] - 0.25*(moved[i]-start[i]); math.Abs(float64(pulled[i]-want)) > 1e-7 {
			t.Fatalf("value %d: %v, want %v (from %v, started at %v)", i, pulled[i], want, moved[i], start[i])
		}
	}
}

// A batch in two lanes gives the gradient of one in a single lane, that of the scale too, which both lanes share.
func TestLanesGiveTheGradientOfTheWholeBatch(t *testing.T) {
	m := newTiny(t)
	t.Cleanup(func() { _ = torch.SetThreads(0) })
	for _, form := range []datasets.Form{datasets.TwoCaptions, datasets.TwoPictures} {
		b := judged(m, 19, form)
		o := &Preference{Reward: Reward{Model: m}, Preferred: func(i int) float64 { return float64(i%3) / 2 }}
		want, got := gradients(t, o, b, 1), gradients(t, o, b, 2)
		for i, p := range o.Params() {
			var most, off float64
			for k, v := range want[i] {
				most, off = max(most, math.Abs(float64(v))), max(off, math.Abs(float64(v-got[i][k])))
			}
			if !(off <= 1e-5*most) { // float32 sums in another order
				t.Errorf("%s: %s is off by %.2g of %.2g", form, p.Name, off, most)
			}
		}
	}
}

func gradients(t *testing.T, o *Preference, b *datasets.Batch, threads int) (out [][]float32) {
	t.Helper()
	if err := torch.SetThreads(threads); err != nil {
		t.Fatal(err)
	}
	live := torch.Live()
	err := torch.DoGrad(t.Context(), func(s *torch.Scope) error {
		if _, err := o.Accumulate(s, b); err != nil {
			return err
		}
		for _, p := range o.Params() {
			out = append(out, p.Tensor().Gradient(s).Float32s())
		}
		torch.DropGradients(tensors(o))
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if torch.Live() != live {
		t.Errorf("%d handles stayed behind", torch.Live()-live)
	}
	return out
}
