package run

import (
	"context"
	"strings"

	"clipgo/alignment"
	"clipgo/captioning"
	"clipgo/datasets"
	"clipgo/eval"
	"clipgo/eval/report"
	"clipgo/losses"
	"clipgo/pretrained"
)

// trial measures the captions that a policy writes of the validation pictures against those of the captioner as it was. Both
// draw with the same random numbers.
type trial struct {
	ppo    *alignment.PPO
	judges *judges
	start  *pretrained.Embedder // the captioner as it was, whose features find pictures

	began  trialSide // what it wrote
	now    trialSide // what the policy wrote at the last measure
	last   trialResult
	before report.Evaluation
}

// trialSide is what one captioner wrote, a row a picture.
type trialSide struct {
	index   []int // each picture's sample
	texts   []string
	tokens  []int
	rewards [][]float64 // of each judge that trains
	wins    []float64   // rewards of the judge of wins; nil: none
}

// trialResult is what a measure found.
type trialResult struct {
	n, empty             int
	reward, wins, kl, at float64 // at: share of captions whose picture comes first
}

// divergence collects log P of the actions of both.
type divergence struct{ policy, reference []float64 }

// The measured values' names; of a judge's raw reward, its name before rewardSuffix.
const (
	winRateName     = "win_rate"
	captionRecall   = "caption_retrieval_recall@1"
	rewardName      = "reward"
	rewardStdName   = "reward_std"
	klName          = "kl"
	meanTokensName  = "caption_tokens"
	emptyName       = "empty_captions"
	rewardSuffix    = "_reward"
	rewardStdSuffix = "_reward_std"
)

// isTrialNumber tells those that are no shares.
func isTrialNumber(name string) bool {
	switch name {
	case rewardName, rewardStdName, klName, meanTokensName, emptyName:
		return true
	}
	return strings.HasSuffix(name, rewardSuffix) || strings.HasSuffix(name, rewardStdSuffix)
}

// begin lets the captioner as it was write.
func (t *trial) begin(ctx context.Context, v *Validation) (err error) {
	t.began, err = t.write(ctx, v, t.ppo.Reference, func(*datasets.Batch, []captioning.Caption) error { return nil })
	return err
}

// write lets a captioner write a caption of each validation picture; each batch is shown to see.
func (t *trial) write(ctx context.Context, v *Validation, c captioning.Captioner, see func(*datasets.Batch, []captioning.Caption) error) (trialSide, error) {
	out := trialSide{rewards: make([][]float64, len(t.judges.rewards))}
	how := t.ppo.How
	err := v.Embedder.EachPicture(ctx, v.Source, func(b *datasets.Batch) error {
		how.Offset = len(out.texts)
		captions, err := c.Generate(ctx, b.Pixels, b.N, how)
		if err != nil {
			return err
		}
		v.Seen(b.Next)
		if err := t.rate(ctx, v, b, captions, &out); err != nil {
			return err
		}
		return see(b, captions)
	}, v.Skipped)
	if err == nil && len(out.texts) == 0 {
		err = &datasets.DataError{Source: v.Source.Info().Name, Reason: "none of the pictures can be used"}
	}
	return out, err
}

// rate adds a batch's captions with their rewards.
func (t *trial) rate(ctx context.Context, v *Validation, b *datasets.Batch, captions []captioning.Caption, out *trialSide) error {
	texts := t.judges.texts(captions)
	all, err := t.judges.rate(ctx, v.Source, b, texts)
	if err != nil {
		return err
	}
	for i := range all {
		out.rewards[i] = append(out.rewards[i], all[i]...)
	}
	if t.judges.wins != nil {
		one, err := t.judges.wins.rate(ctx, v.Source, b, texts)
		if err != nil {
			return err
		}
		out.wins = append(out.wins, one...)
	}
	out.index, out.texts = append(out.index, b.Index...), append(out.texts, texts...)
	for _, c := range captions {
		out.tokens = append(out.tokens, len(c.IDs))
	}
	return nil
}

// rewardsOf are the untuned captions' rewards by a judge.
func (t *trial) rewardsOf(judge int) []float64 { return t.began.rewards[judge] }

// tokens is the mean length of the untuned captions.
func (t *trial) tokens() float64 { return mean(t.began.tokens) }

func mean(v []int) float64 {
	sum := 0
	for _, x := range v {
		sum += x
	}
	return float64(sum) / float64(len(v))
}

// measure lets the policy write and compares.
func (t *trial) measure(ctx context.Context, v *Validation) (report.Evaluation, error) {
	var out report.Evaluation
	if len(t.began.texts) == 0 {
		if err := t.begin(ctx, v); err != nil {
			return out, err
		}
	}
	var images []float32
	var far divergence
	now, err := t.write(ctx, v, t.ppo.Policy, func(b *datasets.Batch, captions []captioning.Caption) error {
		features, err := t.start.EmbedImages(ctx, b.Pixels, b.N)
		if err != nil {
			return err
		}
		images = append(images, features...)
		policy, reference, err := t.ppo.Divergence(ctx, b, captions)
		far.policy, far.reference = append(far.policy, policy...), append(far.reference, reference...)
		return err
	})
	if err != nil {
		return out, err
	}
	t.now = now
	t.last, err = t.compare(ctx, images, far)
	out.Values = t.values()
	return out, err
}

// compare works the result out.
func (t *trial) compare(ctx context.Context, images []float32, far divergence) (trialResult, error) {
	out := trialResult{n: len(t.now.texts), kl: losses.KL(far.policy, far.reference)}
	before, now := together(t.began.rewards, t.ppo.State.Standards), together(t.now.rewards, t.ppo.State.Standards)
	old, judged := t.began.wins, t.now.wins
	if judged == nil {
		old, judged = before, now
	}
	rows := make([]int, out.n)
	for i := range rows {
		rows[i] = i
		out.reward += now[i] / float64(out.n)
		switch {
		case judged[i] > old[i]:
			out.wins += 1 / float64(out.n)
		case judged[i] == old[i]:
			out.wins += 0.5 / float64(out.n)
		}
		if t.now.tokens[i] == 0 {
			out.empty++
		}
	}
	texts, err := t.start.EmbedTexts(ctx, t.now.texts)
	if err != nil {
		return out, err
	}
	found, err := eval.Retrieve(images, texts, t.start.Dim(), rows, []int{1})
	if err != nil {
		return out, err
	}
	out.at = found.Image[0].Value
	return out, nil
}

// values are what was measured, as an evaluation has it.
func (t *trial) values() []eval.Value {
	r := t.last
	out := []eval.Value{
		{Name: winRateName, Value: r.wins, Chance: 0.5}, {Name: captionRecall, Value: r.at, Chance: 1 / float64(max(r.n, 1))},
		{Name: rewardName, Value: r.reward},
	}
	for i, j := range t.judges.rewards {
		if standard, err := alignment.NewStandard(t.now.rewards[i]); err == nil { // equal ones, at last, have no deviation
			out = append(out, eval.Value{Name: j.name + rewardSuffix, Value: standard.Mean}, eval.Value{Name: j.name + rewardStdSuffix, Value: standard.Deviation})
		}
	}
	return append(out, eval.Value{Name: klName, Value: r.kl}, eval.Value{Name: meanTokensName, Value: mean(t.now.tokens)}, eval.Value{Name: emptyName, Value: float64(r.empty)})
}

// rollouts are captions before and now of a few pictures, evenly taken.
func (t *trial) rollouts(v *Validation) (out []report.Rollout) {
	if len(t.now.texts) == 0 {
		return nil
	}
	before, now := together(t.began.rewards, t.ppo.State.Standards), together(t.now.rewards, t.ppo.State.Standards)
	for i := 0; i < len(now) && len(out) < rolloutsShown; i += max(1, len(now)/rolloutsShown) {
		picture, _ := v.Embedder.Thumbnail(v.Source, t.now.index[i]) // one that has gone since has none
		out = append(out, report.Rollout{Thumbnail: picture, Lines: []report.RolloutLine{
			{Name: "untuned", Caption: t.began.texts[i], Reward: before[i]}, {Name: "tuned", Caption: t.now.texts[i], Reward: now[i]},
		}})
	}
	return out
}

// beforeSuffix is behind the names under which the result has what was measured before the first step.
const beforeSuffix = "_before"

// addTrial adds what was measured before the first step, and the limit of the KL.
func (s *session) addTrial(out map[string]any) {
	for _, found := range s.val.history {
		if found.Step != 0 {
			continue
		}
		for _, v := range found.Values {
			out[v.Name+beforeSuffix] = v.Value
		}
	}
	out["kl_limit"], out["judge"] = s.Align.PPO.KLLimit, s.judges.winner()
}
