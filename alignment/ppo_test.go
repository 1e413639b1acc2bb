package alignment

import (
	"context"
	"encoding/json"
	"errors"
	"iter"
	"math"
	"math/rand/v2"
	"reflect"
	"testing"

	"clipgo/captioning"
	"clipgo/datasets"
	"clipgo/internal/optim"
	"clipgo/internal/torch"
	"clipgo/losses"
	"clipgo/model"
	"clipgo/model/modeltest"
)

// newTuner is a tiny captioner that is tuned, with itself as the reference.
func newTuner(t *testing.T) *PPO { return newTunerOn(t, torch.CPU) }

func newTunerOn(t *testing.T, device torch.Device) *PPO {
	t.Helper()
	var both [2]captioning.Captioner
	for i := range both {
		both[i].Model = modeltest.New(t, modeltest.TinyCoCaConfig(), model.Placement{Device: device, DType: torch.Float32})
	}
	o := &PPO{PPOSettings: DefaultPPO(), Policy: both[0], Reference: both[1]}
	o.How = captioning.Generation{Method: captioning.TopP, TopP: 1, Temperature: 1, MaxLength: 9, Start: 48, End: 49, Seed: 3}
	o.State = PPOState{Coefficient: 0.05, Usual: 5}
	var err error
	if o.Value, err = NewValueHead(t.Context(), o.Policy); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(o.Value.Free)
	return o
}

// looked makes batches of n random pictures, those from a position on.
func looked(n int, position int64) iter.Seq2[*datasets.Batch, error] {
	return func(yield func(*datasets.Batch, error) bool) {
		for ; ; position += int64(n) {
			rng := rand.New(rand.NewPCG(uint64(position), 1))
			b := &datasets.Batch{N: n, Pixels: make([]uint8, n*16*16*3), Next: position + int64(n), Index: make([]int, n)}
			for i := range b.Pixels {
				b.Pixels[i] = uint8(rng.Uint32())
			}
			if !yield(b, nil) {
				return
			}
		}
	}
}

// byLength rewards a caption's length.
func byLength(_ context.Context, _ *datasets.Batch, captions []captioning.Caption) (out []float64, _ error) {
	for _, c := range captions {
		out = append(out, float64(len(c.IDs))/3)
	}
	return out, nil
}

// first gives the first minibatch of a round of 40 captions, whose rows are more than go through the vocabulary at once.
func first(t *testing.T, o *PPO) *datasets.Batch {
	t.Helper()
	next, stop := iter.Pull2(o.Batches(t.Context(), looked(40, 0), 0, 0, byLength))
	t.Cleanup(stop)
	b, err, _ := next()
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func newOptimizer(t *testing.T, o *PPO) (out *optim.AdamW) {
	t.Helper()
	err := torch.Do(t.Context(), func(*torch.Scope) error {
		out = optim.New(o.Params(), optim.Default())
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(out.Free)
	return out
}

// leaves are what is trained.
func leaves(o *PPO) (out []*torch.Tensor) {
	for _, p := range o.Params() {
		out = append(out, p.Tensor())
	}
	return out
}

func TestTheFirstRatiosAreOneAndTheReferenceIsAsNear(t *testing.T) {
	o := newTuner(t)
	b := first(t, o)
	for _, e := range o.State.Round.Episodes {
		if !reflect.DeepEqual(e.LogP, e.Reference) {
			t.Fatalf("policy %v, reference %v", e.LogP, e.Reference)
		}
	}
	live := torch.Live()
	err := torch.DoGrad(t.Context(), func(s *torch.Scope) error {
		parts, err := o.Accumulate(s, b)
		for name, want := range map[string]float64{"step_kl": 0, "clip_fraction": 0, "kl": 0} {
			if got := parts.Part(name); got != want { // to the bit: the same pass
				t.Errorf("%s: %g", name, got)
			}
		}
		torch.DropGradients(leaves(o))
		return err
	})
	if err != nil || torch.Live() != live {
		t.Errorf("%v, %d handles stayed behind", err, torch.Live()-live)
	}
}

// What generation kept of a caption's probability, with its memory of keys and values, is what the whole pass finds. Only
// what may not follow, padding and a second start, is among all tokens there and not here.
func TestTheRoundsProbabilitiesAreThoseOfGeneration(t *testing.T) {
	o := newTuner(t)
	first(t, o)
	captions, err := o.Policy.Generate(t.Context(), firstOf(looked(40, 0)).Pixels, 40, o.How)
	if err != nil {
		t.Fatal(err)
	}
	for i, e := range o.State.Round.Episodes {
		var sum float64
		for _, v := range e.LogP {
			sum += float64(v)
		}
		if math.Abs(sum-captions[i].LogProb) > 1e-4 { // float32 logits, ten of them
			t.Errorf("caption %d: %g, generation said %g", i, sum, captions[i].LogProb)
		}
	}
}

func firstOf(s iter.Seq2[*datasets.Batch, error]) (out *datasets.Batch) {
	for b, err := range s {
		if err == nil {
			return b
		}
	}
	return nil
}

// The oracle is PPO's definition in float64 on the model's own logits, and central differences of it: the gradient of the
// decoder's projection is rows^T times that of the logits, that of the value's bias the sum of that of the values.
func TestTheObjectiveIsPPOsDefinition(t *testing.T) {
	o := newTuner(t)
	b := first(t, o)
	for i := range o.now { // as if the policy had moved, some beyond the clip
		for k := range o.now[i].LogP {
			o.now[i].LogP[k] += float32((i+k)%5-2) * 0.15
			o.now[i].Value[k] += float32(i%3-1) * 0.3
		}
	}
	project := modeltest.Param(o.Policy.Params(), "text_decoder.text_projection")
	var loss float64
	var got, bias, rows, logits []float32
	var labels []int64
	err := torch.DoGrad(t.Context(), func(s *torch.Scope) error {
		parts, err := o.Accumulate(s, b)
		loss = parts.Loss
		got, bias = project.Tensor().Gradient(s).Float32s(), o.Value.bias.Tensor().Gradient(s).Float32s()
		torch.DropGradients(leaves(o))
		return err
	})
	if err == nil {
		err = torch.Do(t.Context(), func(s *torch.Scope) error {
			var r *torch.Tensor
			r, labels = o.Policy.Read(s, model.Part{N: b.N, Pixels: b.Pixels, IDs: b.IDs})
			rows, logits = r.Float32s(), o.Policy.Decoder().Logits(r).Float32s()
			return nil
		})
	}
	if err != nil {
		t.Fatal(err)
	}
	const d, v = 16, 50
	done, n := together(o.now), float64(len(labels))
	var want, wantBias float64
	gradient := make([]float64, d*v)
	for r, label := range labels {
		a := action{o.PPO, int(label), float64(done.OldLogP[r]), float64(done.Advantage[r]), float64(done.Return[r]),
			float64(done.OldValue[r])}
		z := make([]float64, v)
		for k := range z {
			z[k] = float64(logits[r*v+k])
		}
		want += a.loss(z, 0) / n
		const h = 1e-6
		wantBias += (a.loss(z, h) - a.loss(z, -h)) / (2 * h * n)
		for k := range z {
			was := z[k]
			z[k] = was + h
			up := a.loss(z, 0)
			z[k] = was - h
			slope := (up - a.loss(z, 0)) / (2 * h * n)
			z[k] = was
			for j := range d {
				gradient[j*v+k] += float64(rows[r*d+j]) * slope
			}
		}
	}
	if len(labels) <= rowsAtOnce {
		t.Fatalf("%d rows go through the vocabulary at once: the test shows less than it should", len(labels))
	}
	if math.Abs(loss-want) > 1e-5 || math.Abs(float64(bias[0])-wantBias) > 1e-5 { // sums of float32
		t.Errorf("loss %g, want %g; gradient of the bias %g, want %g", loss, want, bias[0], wantBias)
	}
	var most, off float64
	for i := range gradient {
		most, off = max(most, math.Abs(gradient[i])), max(off, math.Abs(gradient[i]-float64(got[i])))
	}
	if !(off <= 1e-4*most) { // float32 against central differences of 1e-6
		t.Errorf("gradient of the projection is off by %.2g of %.2g", off, most)
	}
}

// action is one with what PPO knows of it.
type action struct {
	losses.PPO
	label                          int
	old, advantage, back, oldValue float64
}

// loss is PPO's in float64; the value is a number as such.
func (a action) loss(z []float64, value float64) float64 {
	var all, entropy float64
	for _, x := range z {
		all += math.Exp(x)
	}
	for _, x := range z {
		p := math.Exp(x) / all
		entropy -= p * math.Log(p)
	}
	ratio := math.Exp(z[a.label] - math.Log(all) - a.old)
	policy := -min(ratio*a.advantage, min(max(ratio, 1-a.Clip), 1+a.Clip)*a.advantage)
	held := a.oldValue + min(max(value-a.oldValue, -a.ClipValue), a.ClipValue)
	critic := max((value-a.back)*(value-a.back), (held-a.back)*(held-a.back))
	return policy + a.Value*critic - a.Entropy*entropy
}

// A round that a checkpoint holds goes on with the minibatches that an unbroken run has, although the policy has moved.
func TestARoundInProgressGoesOnAsItWas(t *testing.T) {
	o := newTuner(t)
	type step struct {
		Batch *datasets.Batch
		Now   []Episode
	}
	var whole []step
	var saved []byte
	for b, err := range o.Batches(t.Context(), looked(8, 0), 0, 0, byLength) {
		if err != nil {
			t.Fatal(err)
		}
		whole = append(whole, step{b, o.now})
		if len(whole) == 3 { // of four
			saved, err = json.Marshal(o.State)
			if err != nil {
				t.Fatal(err)
			}
		}
		if len(whole) == 5 {
			break
		}
	}
	if whole[2].Batch.Next != 0 || whole[3].Batch.Next != 8 {
		t.Errorf("positions %d and %d", whole[2].Batch.Next, whole[3].Batch.Next)
	}
	again := newTuner(t)
	if err := json.Unmarshal(saved, &again.State); err != nil {
		t.Fatal(err)
	}
	at := 3
	for b, err := range again.Batches(t.Context(), looked(8, 0), at, 0, byLength) {
		if err != nil {
			t.Fatal(err)
		}
		if !reflect.DeepEqual(whole[at], step{b, again.now}) {
			t.Errorf("step %d is another", at)
		}
		if at++; at == len(whole) {
			break
		}
	}
}

func TestAHundredStepsRaiseAReward(t *testing.T) {
	o := newTuner(t)
	reward := func(_ context.Context, _ *datasets.Batch, captions []captioning.Caption) (out []float64, _ error) {
		for _, c := range captions { // how often token 7 is said
			n := 0.0
			for _, id := range c.IDs {
				if id == 7 {
					n++
				}
			}
			out = append(out, n)
		}
		return out, nil
	}
	o.LengthPenalty, o.RepetitionPenalty, o.KLFixed, o.State.Coefficient, o.KLLimit = 0, 0, true, 0, math.MaxFloat64
	optimizer := newOptimizer(t, o)
	var means []float64
	for b, err := range o.Batches(t.Context(), looked(32, 0), 0, 0, reward) {
		if err == nil {
			err = torch.DoGrad(t.Context(), func(s *torch.Scope) error {
				parts, err := o.Accumulate(s, b)
				optimizer.Step(3e-3, optimizer.GradNorm())
				optimizer.DropGradients()
				if means = append(means, parts.Part("reward_mean")); len(means) == 1 {
					modeltest.Described(t, o, parts)
				}
				return err
			})
		}
		if err != nil {
			t.Fatal(err)
		}
		if len(means) == 100 {
			break
		}
	}
	if last := means[len(means)-1]; last < means[0]+1 {
		t.Errorf("token 7 was said %.2f times a caption, and in the end %.2f times", means[0], last)
	}
}

func TestARewardThatSaysNothingIsRefused(t *testing.T) {
	for name, rewards := range map[string][]float64{"equal": {2, 2, 2}, "none": nil, "NaN": {1, math.NaN()}, "infinite": {1, math.Inf(1)}} {
		if _, err := NewStandard(rewards); !errors.Is(err, ErrNothingToLearn) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if s, err := NewStandard([]float64{1, 3}); err != nil || s.Of(4) != 2 {
		t.Errorf("%v, %+v", err, s)
	}
}

func TestPenaltiesAndControl(t *testing.T) {
	p := PPOSettings{LengthPenalty: 1, RepetitionPenalty: 1, KLLimit: 0.2}
	for _, c := range []struct {
		ids  []int32
		want float64
	}{
		{nil, 1}, {[]int32{1, 2, 3, 4}, 0}, {[]int32{1, 2, 3, 4, 5, 6, 7, 8}, 1}, {[]int32{1, 1, 1, 1}, 2.0 / 3},
		{[]int32{1, 2, 1, 2}, 1.0 / 3},
	} {
		if got := p.penalty(c.ids, 4); math.Abs(got-c.want) > 1e-12 {
			t.Errorf("%v: %g, want %g", c.ids, got, c.want)
		}
	}
	for kl, want := range map[float64]float64{0: 0.9, 0.1: 1, 0.11: 1.05, 0.2: 1.1, 0.3: 1.5} {
		if got := p.control(1, kl); math.Abs(got-want) > 1e-12 {
			t.Errorf("KL %g: coefficient %g, want %g", kl, got, want)
		}
	}
	if p.KLFixed = true; p.control(1, 9) != 1 {
		t.Error("a fixed coefficient moved")
	}
}
