package run

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"path/filepath"

	"clipgo/alignment"
	"clipgo/captioning"
	"clipgo/datasets"
	"clipgo/eval"
	"clipgo/internal/bounded"
	"clipgo/internal/fault"
	"clipgo/model"
	"clipgo/pretrained"
	"clipgo/report"
	"clipgo/text/bpe"
	"clipgo/training/record"
)

// PPOFile is the part of a checkpoint that holds the state of a tuning against a reward.
const PPOFile = "ppo.json"

// openPPO makes what tunes the captioner, its rewards and what measures it.
func (s *session) openPPO(ctx context.Context, at model.Placement) error {
	policy, err := captioning.Of(s.model)
	if err != nil {
		return fault.Modelf(s.Model, "%s", err.Error())
	}
	s.val.Embedder.Source = pretrained.Source{Name: s.Model, Config: s.ModelCfg, Templates: s.Templates}
	if err := s.openJudges(ctx, at); err != nil {
		return err
	}
	s.ppo = &alignment.PPO{PPOSettings: s.Align.PPO, Policy: policy, Reference: captioning.Captioner{Model: s.base.Model}}
	s.ppo.How = captioning.Generation{
		Method: captioning.TopP, TopP: 1, Temperature: 1, Seed: s.Seed, MaxLength: s.Align.PPO.MaxLength, Start: bpe.Start, End: bpe.End,
	}
	s.ppo.State.Coefficient = s.Align.PPO.KLCoefficient
	if s.resumed == "" {
		s.ppo.Value, err = alignment.NewValueHead(ctx, policy)
	} else if err = s.readPPO(); err == nil {
		s.ppo.Value, err = alignment.ReadValueHead(ctx, filepath.Join(s.resumed, pretrained.HeadsFile), policy)
	}
	if err != nil {
		return err
	}
	s.onClose(func() error { s.ppo.Value.Free(); return nil })
	return nil
}

// newCaptionEvaluator makes the evaluator of what the policy writes of the validation pictures.
func (s *session) newCaptionEvaluator() *alignment.PPOEvaluator {
	v := s.val
	return &alignment.PPOEvaluator{
		PPO: s.ppo, Judges: s.judges, Source: v.Source, Untuned: s.untuned(),
		Pictures: func(ctx context.Context, use func(*datasets.Batch) error) error {
			return v.Embedder.EachPicture(ctx, v.Source, use, func(datasets.Skip) {})
		},
	}
}

func (s *session) readPPO() error {
	path := filepath.Join(s.resumed, PPOFile)
	data, err := bounded.ReadFile(path, bounded.Record)
	if err == nil {
		err = json.Unmarshal(data, &s.ppo.State)
	}
	if err == nil && len(s.ppo.State.Standards) != len(s.judges.Rewards) {
		err = fmt.Errorf("%d standards for %d rewards", len(s.ppo.State.Standards), len(s.judges.Rewards))
	}
	if err != nil {
		return fault.Modelf(path, "%v", fault.JSON(err))
	}
	return nil
}

func (s *session) writePPO(w io.Writer) error { return json.NewEncoder(w).Encode(s.ppo.State) }

// measureStandards measures the rewards of the untuned captioner, which are the units of all others. A reward that is the same for
// all captions is refused.
func (s *session) measureStandards(ctx context.Context) error {
	e := s.val.captions
	if err := e.Begin(ctx); err != nil {
		return fmt.Errorf("evaluate: %w", err)
	}
	state := &s.ppo.State
	for i, j := range s.judges.Rewards {
		standard, err := alignment.NewStandard(e.Before.Rewards[i])
		if err != nil {
			return fmt.Errorf("%s reward on %s: %w", j.Name, s.val.Source.Info().Name, err)
		}
		state.Standards = append(state.Standards, standard)
	}
	state.Usual = e.Before.MeanTokens()
	return nil
}

// ppoSettings are lines of the report's settings.
func (s *session) ppoSettings() []report.Setting {
	p := s.Align.PPO
	line := func(name, format string, args ...any) report.Setting {
		return report.Setting{Name: name, Value: fmt.Sprintf(format, args...)}
	}
	out := []report.Setting{
		line("reward", "%s %s", s.Align.Reward, s.Align.RewardModel),
		line("judge of wins", "%s", s.winner()),
		line("rollout", "%d captions, %d passes of %d steps", s.BatchSize, p.Epochs, p.Minibatches),
		line("PPO", "clip %g, value %g (clip %g), entropy %g, gamma %g, lambda %g", p.Clip, p.Value, p.ClipValue, p.Entropy, p.Gamma,
			p.Lambda),
		line("KL", "initial coefficient %g, limit %g nats per token", p.KLCoefficient, p.KLLimit),
		line("penalties", "length %g, repetition %g", p.LengthPenalty, p.RepetitionPenalty),
		line("augmentation", "none: judged as they are"),
	}
	for i, j := range s.judges.Rewards {
		standard := s.ppo.State.Standards[i]
		out = append(out, line(j.Name+" reward untuned", "mean %.4g, deviation %.4g", standard.Mean, standard.Deviation))
	}
	return out
}

// winner is the name of what judges wins.
func (s *session) winner() string {
	if s.judges.Wins == nil {
		return "the reward itself"
	}
	return s.judges.Wins.Origin
}

// rolloutsShown is how many pictures the report shows of the validation, and of the last round.
const rolloutsShown = 12

// rollouts are captions with their rewards: before and now on validation pictures, and those of the last round.
func (s *session) rollouts() []report.Rollout {
	out := s.validationRollouts()
	round := s.ppo.State.Round
	if round == nil {
		return out
	}
	for _, e := range round.Episodes[:min(rolloutsShown, len(round.Episodes))] {
		picture, _ := s.val.Embedder.Thumbnail(s.train, e.Index) // one that has gone since has none
		caption := s.judges.Decode(e.IDs)
		out = append(out, report.Rollout{Thumbnail: picture, Lines: []report.RolloutLine{
			{Name: fmt.Sprintf("rollout %d", round.Number+1), Caption: caption, Reward: e.Score},
		}})
	}
	return out
}

// validationRollouts are captions before and now of a few validation pictures, evenly taken.
func (s *session) validationRollouts() (out []report.Rollout) {
	e := s.val.captions
	if len(e.Now.Texts) == 0 {
		return nil
	}
	before, now := e.Rewards()
	for i := 0; i < len(now) && len(out) < rolloutsShown; i += max(1, len(now)/rolloutsShown) {
		picture, _ := s.val.Embedder.Thumbnail(s.val.Source, e.Now.Index[i]) // one that has gone since has none
		out = append(out, report.Rollout{Thumbnail: picture, Lines: []report.RolloutLine{
			{Name: "untuned", Caption: e.Before.Texts[i], Reward: before[i]}, {Name: "tuned", Caption: e.Now.Texts[i], Reward: now[i]},
		}})
	}
	return out
}

// ppoFindings are the report's sentences on the tuning.
func (s *session) ppoFindings() (out []record.Finding) {
	tell := func(kind record.Kind, format string, args ...any) {
		out = append(out, record.Finding{Kind: kind, Text: fmt.Sprintf(format, args...)})
	}
	last := s.val.captions.Last
	if last.N == 0 {
		return nil
	}
	tell(record.Note, "on %d images the mean reward changed by %+.2f standard deviations; the tuned captions win %.1f %% of comparisons",
		last.N, last.Reward, 100*last.Wins)
	if limit := s.Align.PPO.KLLimit; last.KL > limit {
		tell(record.Warning, "the mean KL is %.3f nats per token, above the limit of %g: try a larger kl_coefficient or a smaller lr",
			last.KL, limit)
	}
	if first, now, ok := s.retrievalOfCaptions(); ok && now < first-max(first/10, 1/float64(last.N)) {
		tell(record.Warning, "%s fell from %.1f %% to %.1f %%: the captions fit their images less well, which is a sign that the reward "+
			"is gamed; try a larger kl_coefficient or fewer steps", alignment.CaptionRetrievalName, 100*first, 100*now)
	}
	if last.Empty > 0 {
		tell(record.Warning, "%d of %d captions are empty", last.Empty, last.N)
	}
	return out
}

// retrievalOfCaptions is how often a caption finds its picture: before the first step, and in the last evaluation.
func (s *session) retrievalOfCaptions() (first, now float64, ok bool) {
	if len(s.val.history) < 2 || s.val.history[0].Step != 0 {
		return 0, 0, false
	}
	before, had := eval.Find(s.val.history[0].Values, alignment.CaptionRetrievalName)
	last, has := eval.Find(s.val.lastEvaluation().Values, alignment.CaptionRetrievalName)
	return before.Value, last.Value, had && has
}
