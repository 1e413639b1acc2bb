package alignment

import (
	"context"
	"fmt"

	"clipgo/captioning"
	"clipgo/datasets"
	"clipgo/eval"
	"clipgo/losses"
)

// CaptionRetrievalName is the name of how often a written caption finds its picture among all.
const CaptionRetrievalName = "caption_retrieval_recall@1"

// TextEmbedder is an eval.Embedder that tokenizes.
type TextEmbedder interface {
	eval.Embedder
	EmbedTexts(ctx context.Context, texts []string) ([]float32, error)
}

// PPOEvaluator compares the captions that the policy writes of a source's pictures with those of the captioner before tuning. Both
// sample with the same random numbers.
type PPOEvaluator struct {
	PPO    *PPO
	Judges *Judges
	Source datasets.Source
	// the captioner before tuning, whose features retrieve pictures
	Untuned  TextEmbedder
	Pictures func(ctx context.Context, use func(*datasets.Batch) error) error // makes a pass over Source

	Before WrittenCaptions // of the captioner before tuning
	Now    WrittenCaptions // of the policy at the last Measure
	Last   PPOResult       // of the last Measure
}

// WrittenCaptions are the captions of one captioner, one of each picture that can be used.
type WrittenCaptions struct {
	Index   []int // of each picture, in its source
	Texts   []string
	Tokens  []int
	Rewards [][]float64 // [judges][captions]
	wins    []float64   // rewards of Judges.Wins; nil without one
}

// MeanTokens is the mean length.
func (w *WrittenCaptions) MeanTokens() float64 {
	sum := 0
	for _, n := range w.Tokens {
		sum += n
	}
	return float64(sum) / float64(len(w.Tokens))
}

// PPOResult is the result of a Measure.
type PPOResult struct {
	N, Empty int     // number of captions, and of those without a token
	Reward   float64 // mean, in standard deviations of the rewards before tuning
	Wins     float64 // fraction of captions that win over those before tuning; equal rewards count half
	KL       float64 // in nats per token
	Recall   float64 // fraction of captions whose picture is retrieved first
}

// logPs are log P of all actions, by policy and reference.
type logPs struct{ policy, reference []float64 }

// Begin lets the captioner before tuning write.
func (e *PPOEvaluator) Begin(ctx context.Context) (err error) {
	e.Before, err = e.write(ctx, e.PPO.Reference, func(*datasets.Batch, []captioning.Caption) error { return nil })
	return err
}

// write lets a captioner write a caption of each picture. see is called with each batch and its captions.
func (e *PPOEvaluator) write(ctx context.Context, c captioning.Captioner,
	see func(*datasets.Batch, []captioning.Caption) error) (WrittenCaptions, error) {
	out := WrittenCaptions{Rewards: make([][]float64, len(e.Judges.Rewards))}
	how := e.PPO.How
	err := e.Pictures(ctx, func(b *datasets.Batch) error {
		how.Offset = len(out.Texts)
		captions, err := c.Generate(ctx, b.Pixels, b.N, how)
		if err != nil {
			return err
		}
		if err := e.rate(ctx, b, captions, &out); err != nil {
			return err
		}
		return see(b, captions)
	})
	if err == nil && len(out.Texts) == 0 {
		err = &datasets.DataError{Source: e.Source.Info().Name, Reason: "none of the pictures can be used"}
	}
	return out, err
}

// rate adds a batch's captions with their rewards.
func (e *PPOEvaluator) rate(ctx context.Context, b *datasets.Batch, captions []captioning.Caption, out *WrittenCaptions) error {
	texts := e.Judges.Texts(captions)
	all, err := e.Judges.Rate(ctx, e.Source, b, texts)
	if err != nil {
		return err
	}
	for i := range all {
		out.Rewards[i] = append(out.Rewards[i], all[i]...)
	}
	if e.Judges.Wins != nil {
		one, err := e.Judges.Wins.Rate(ctx, e.Source, b, texts)
		if err != nil {
			return err
		}
		out.wins = append(out.wins, one...)
	}
	out.Index, out.Texts = append(out.Index, b.Index...), append(out.Texts, texts...)
	for _, c := range captions {
		out.Tokens = append(out.Tokens, len(c.IDs))
	}
	return nil
}

// Measure lets the policy write and compares. PPO.State.Standards are set by then.
func (e *PPOEvaluator) Measure(ctx context.Context) (PPOResult, error) {
	if len(e.Before.Texts) == 0 {
		if err := e.Begin(ctx); err != nil {
			return PPOResult{}, err
		}
	}
	var images []float32
	var all logPs
	now, err := e.write(ctx, e.PPO.Policy, func(b *datasets.Batch, captions []captioning.Caption) error {
		features, err := e.Untuned.EmbedImages(ctx, b.Pixels, b.N)
		if err != nil {
			return err
		}
		images = append(images, features...)
		policy, reference, err := e.PPO.Divergence(ctx, b, captions)
		all.policy, all.reference = append(all.policy, policy...), append(all.reference, reference...)
		return err
	})
	if err != nil {
		return PPOResult{}, err
	}
	e.Now = now
	e.Last, err = e.compare(ctx, images, all)
	return e.Last, err
}

// compare works the result out.
func (e *PPOEvaluator) compare(ctx context.Context, images []float32, all logPs) (PPOResult, error) {
	out := PPOResult{N: len(e.Now.Texts), KL: losses.KL(all.policy, all.reference)}
	before, now := e.Rewards()
	old, judged := e.Before.wins, e.Now.wins
	if judged == nil {
		old, judged = before, now
	}
	rows := make([]int, out.N)
	for i := range rows {
		rows[i] = i
		out.Reward += now[i] / float64(out.N)
		switch {
		case judged[i] > old[i]:
			out.Wins += 1 / float64(out.N)
		case judged[i] == old[i]:
			out.Wins += 0.5 / float64(out.N)
		}
		if e.Now.Tokens[i] == 0 {
			out.Empty++
		}
	}
	texts, err := e.Untuned.EmbedTexts(ctx, e.Now.Texts)
	if err != nil {
		return out, err
	}
	found, err := eval.Retrieve(images, texts, e.Untuned.Dim(), rows, []int{1})
	if err != nil {
		return out, err
	}
	out.Recall = found.Image[0].Value
	return out, nil
}

// Rewards returns the sum of all judges' rewards of each caption, before and now.
func (e *PPOEvaluator) Rewards() (before, now []float64) {
	standards := e.PPO.State.Standards
	return SumStandard(e.Before.Rewards, standards), SumStandard(e.Now.Rewards, standards)
}

// The headings of the report's charts.
const (
	winsGroup        = "Wins over the original captioner"
	ownCaptionsGroup = "Pictures by the captions written"
	rewardSuffix     = "_reward" // after the name of a judge
	rewardStdSuffix  = "_reward_std"
)

// Name is written captions.
func (e *PPOEvaluator) Name() string { return "written captions" }

// Evaluate measures and returns the result as values.
func (e *PPOEvaluator) Evaluate(ctx context.Context) ([]eval.Value, error) {
	r, err := e.Measure(ctx)
	if err != nil {
		return nil, err
	}
	out := []eval.Value{
		{Name: "win_rate", Group: winsGroup, Value: r.Wins, Chance: 0.5},
		{Name: CaptionRetrievalName, Group: ownCaptionsGroup, Value: r.Recall, Chance: 1 / float64(max(r.N, 1))},
		{Name: "reward", Value: r.Reward, Unit: eval.Deviations},
	}
	for i, j := range e.Judges.Rewards {
		if standard, err := NewStandard(e.Now.Rewards[i]); err == nil { // rewards that have become equal have no deviation
			out = append(out, eval.Value{Name: j.Name + rewardSuffix, Value: standard.Mean, Unit: eval.Score},
				eval.Value{Name: j.Name + rewardStdSuffix, Value: standard.Deviation, Unit: eval.Score})
		}
	}
	return append(out, eval.Value{Name: "kl", Value: r.KL, Unit: eval.Nats},
		eval.Value{Name: "caption_tokens", Value: e.Now.MeanTokens(), Unit: eval.Tokens},
		eval.Value{Name: "empty_captions", Value: float64(r.Empty), Unit: eval.Count}), nil
}

// Describe names the values.
func (e *PPOEvaluator) Describe() eval.Description {
	values := []eval.Value{
		{Name: "win_rate", Group: winsGroup}, {Name: CaptionRetrievalName, Group: ownCaptionsGroup},
		{Name: "reward", Unit: eval.Deviations}, {Name: "kl", Unit: eval.Nats}, {Name: "caption_tokens", Unit: eval.Tokens},
		{Name: "empty_captions", Unit: eval.Count},
	}
	for _, j := range e.Judges.Rewards {
		values = append(values, eval.Value{Name: j.Name + rewardSuffix, Unit: eval.Score},
			eval.Value{Name: j.Name + rewardStdSuffix, Unit: eval.Score})
	}
	n := e.Source.Len()
	return eval.Description{Values: values, About: map[string]string{
		winsGroup: fmt.Sprintf("Share of %d pictures whose new caption the judge gives a higher reward than the original captioner's.", n),
		ownCaptionsGroup: fmt.Sprintf(
			"Share of the captions written whose picture comes first among %d, by the features of the original model.", n),
	}}
}
