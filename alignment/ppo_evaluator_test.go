package alignment

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"clipgo/datasets"
	"clipgo/eval"
	"clipgo/internal/torch"
	"clipgo/model/modeltest"
)

// inOrder embeds the nth picture and the nth caption of a pass alike, so that each caption retrieves its picture.
type inOrder struct {
	eval.Embedder
	pictures *int
}

func (inOrder) Dim() int { return 16 }

func (e inOrder) EmbedImages(_ context.Context, _ []uint8, n int) ([]float32, error) {
	out := make([]float32, n*16)
	for i := range n {
		out[i*16+*e.pictures] = 1
		*e.pictures++
	}
	return out, nil
}

func (e inOrder) EmbedTexts(_ context.Context, texts []string) ([]float32, error) {
	*e.pictures = 0
	return e.EmbedImages(nil, nil, len(texts))
}

// fillIDs is a tokenizer of captions such as "7 12".
func fillIDs(ids []int32, text string) (n int, cut bool) {
	ids[0] = 48
	n = 1
	for _, word := range strings.Fields(text) {
		if n < len(ids)-1 {
			_, _ = fmt.Sscan(word, &ids[n])
			n++
		}
	}
	ids[n] = 49
	return n + 1, false
}

func decodeIDs(ids []int32) string { return strings.Trim(fmt.Sprint(ids), "[]") }

// newPPOEvaluator evaluates on 12 pictures in batches of 5.
func newPPOEvaluator(t *testing.T, o *PPO) *PPOEvaluator {
	t.Helper()
	src, err := datasets.Open(t.Context(), "builtin:shapes?n=12", datasets.Options{})
	if err != nil {
		t.Fatal(err)
	}
	judge := &Judge{Name: "clip", Reward: Reward{Model: newTiny(t)}, Fill: fillIDs}
	pictures := 0
	return &PPOEvaluator{
		PPO: o, Judges: &Judges{Rewards: []*Judge{judge}, Decode: decodeIDs}, Source: src, Untuned: inOrder{pictures: &pictures},
		Pictures: func(_ context.Context, use func(*datasets.Batch) error) error {
			pictures = 0
			for from := 0; from < 12; from += 5 {
				b := modeltest.Pairs(o.Policy.Config, min(5, 12-from), int64(from))
				for i := range b.N {
					b.Index = append(b.Index, from+i)
				}
				if err := use(b); err != nil {
					return err
				}
			}
			return nil
		},
	}
}

// valuesOf are an evaluation's values by name, after a check that each is described.
func valuesOf(t *testing.T, e *PPOEvaluator) map[string]eval.Value {
	t.Helper()
	got, err := e.Evaluate(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	out := map[string]eval.Value{}
	d := e.Describe()
	for _, v := range got {
		out[v.Name] = v
		if !slices.Contains(d.Values, eval.Value{Name: v.Name, Group: v.Group, Unit: v.Unit}) {
			t.Errorf("%+v is not described", v)
		}
		if (v.Unit == eval.Fraction) != (d.About[v.Group] != "") {
			t.Errorf("%+v: the group is described by %q", v, d.About[v.Group])
		}
	}
	return out
}

// A policy that is still the reference wins half of the comparisons and is at distance 0; one that has changed is not.
func TestPPOIsEvaluatedAgainstTheReference(t *testing.T) {
	o := newTuner(t)
	e := newPPOEvaluator(t, o)
	if err := e.Begin(t.Context()); err != nil {
		t.Fatal(err)
	}
	standard, err := NewStandard(e.Before.Rewards[0])
	if err != nil {
		t.Fatal(err)
	}
	o.State.Standards = []Standard{standard}
	same := valuesOf(t, e)
	for name, want := range map[string]float64{"win_rate": 0.5, "caption_retrieval_recall@1": 1, "kl": 0, "reward": 0,
		"clip_reward": standard.Mean, "clip_reward_std": standard.Deviation, "caption_tokens": e.Before.MeanTokens()} {
		if got, ok := same[name]; !ok || math.Abs(got.Value-want) > 1e-9 {
			t.Errorf("%s is %+v, want %g", name, got, want)
		}
	}
	if v := same["caption_retrieval_recall@1"]; v.Chance != 1./12 {
		t.Errorf("chance %g", v.Chance)
	}
	err = torch.Do(t.Context(), func(s *torch.Scope) error {
		for _, p := range o.Policy.Params() {
			p.Tensor().CopyInPlace(p.In(s).Scale(1.2))
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	changed := valuesOf(t, e)
	wins, reward := 0., 0.
	for i, now := range e.Now.Rewards[0] {
		before := e.Before.Rewards[0][i]
		reward += (now - before) / standard.Deviation / 12
		if now > before {
			wins += 1. / 12
		} else if now == before {
			wins += 0.5 / 12
		}
	}
	if got := changed["win_rate"].Value; math.Abs(got-wins) > 1e-9 || slices.Equal(e.Before.Texts, e.Now.Texts) {
		t.Errorf("win rate %g, want %g", got, wins)
	}
	if got := changed["reward"].Value; math.Abs(got-reward) > 1e-9 {
		t.Errorf("reward %g, want %g", got, reward)
	}
	if got := changed["kl"].Value; got <= 0 {
		t.Errorf("KL %g", got)
	}
	e.Pictures = func(context.Context, func(*datasets.Batch) error) error { return nil }
	var refused *datasets.DataError
	if _, err := e.Evaluate(t.Context()); !errors.As(err, &refused) {
		t.Errorf("no picture can be used: %v", err)
	}
}
