package run

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"clipgo/alignment"
	"clipgo/captioning"
	"clipgo/eval/report"
	"clipgo/internal/fault"
	"clipgo/model"
	"clipgo/pretrained"
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
		s.ppo.Value, err = alignment.ReadValueHead(ctx, filepath.Join(s.resumed, HeadsFile), policy)
	}
	if err != nil {
		return err
	}
	s.onClose(func() error { s.ppo.Value.Free(); return nil })
	s.val.trial = &trial{ppo: s.ppo, judges: s.judges, start: s.start()}
	return nil
}

func (s *session) readPPO() error {
	path := filepath.Join(s.resumed, PPOFile)
	data, err := os.ReadFile(path)
	if err == nil {
		err = json.Unmarshal(data, &s.ppo.State)
	}
	if err == nil && len(s.ppo.State.Standards) != len(s.judges.rewards) {
		err = fmt.Errorf("%d standards for %d rewards", len(s.ppo.State.Standards), len(s.judges.rewards))
	}
	if err != nil {
		return fault.Modelf(path, "%s", err.Error())
	}
	return nil
}

func (s *session) writePPO(w io.Writer) error { return json.NewEncoder(w).Encode(s.ppo.State) }

// measureStart measures the untuned captioner, whose rewards are the units of all others, and refuses a reward that says
// nothing.
func (s *session) measureStart(ctx context.Context) error {
	t := s.val.trial
	if err := t.begin(ctx, s.val); err != nil {
		return fmt.Errorf("evaluate: %w", err)
	}
	state := &s.ppo.State
	for i, j := range s.judges.rewards {
		standard, err := alignment.NewStandard(t.rewardsOf(i))
		if err != nil {
			return fmt.Errorf("%s reward on %s: %w", j.name, s.val.Source.Info().Name, err)
		}
		state.Standards = append(state.Standards, standard)
	}
	state.Usual = t.tokens()
	var err error
	if t.before, err = t.measure(ctx, s.val); err != nil {
		return fmt.Errorf("evaluate: %w", err)
	}
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
		line("judge of wins", "%s", s.judges.winner()),
		line("rollout", "%d captions, %d passes of %d steps", s.BatchSize, p.Epochs, p.Minibatches),
		line("PPO", "clip %g, value %g (clip %g), entropy %g, gamma %g, lambda %g", p.Clip, p.Value, p.ClipValue, p.Entropy, p.Gamma, p.Lambda),
		line("KL", "initial coefficient %g, limit %g nats per token", p.KLCoefficient, p.KLLimit),
		line("penalties", "length %g, repetition %g", p.LengthPenalty, p.RepetitionPenalty),
		line("augmentation", "none: judged as they are"),
	}
	for i, j := range s.judges.rewards {
		standard := s.ppo.State.Standards[i]
		out = append(out, line(j.name+" reward untuned", "mean %.4g, deviation %.4g", standard.Mean, standard.Deviation))
	}
	return out
}

// winner says what judges wins.
func (j *judges) winner() string {
	if j.wins == nil {
		return "the reward itself"
	}
	return j.wins.Source.Name
}

// rolloutsShown is how many pictures the report shows of the validation, and of the last round.
const rolloutsShown = 12

// rollouts are captions with their rewards: before and now on validation pictures, and those of the last round.
func (s *session) rollouts() []report.Rollout {
	out := s.val.trial.rollouts(s.val)
	round := s.ppo.State.Round
	if round == nil {
		return out
	}
	for _, e := range round.Episodes[:min(rolloutsShown, len(round.Episodes))] {
		picture, _ := s.val.Embedder.Thumbnail(s.train, e.Index) // one that has gone since has none
		caption := s.judges.words.Decode(e.IDs)
		out = append(out, report.Rollout{Thumbnail: picture, Lines: []report.RolloutLine{
			{Name: fmt.Sprintf("rollout %d", round.Number+1), Caption: caption, Reward: e.Score},
		}})
	}
	return out
}

// ppoFindings are the report's sentences on the tuning.
func (s *session) ppoFindings() (out []record.Finding) {
	tell := func(kind record.Kind, format string, args ...any) {
		out = append(out, record.Finding{Kind: kind, Text: fmt.Sprintf(format, args...)})
	}
	last := s.val.trial.last
	if last.n == 0 {
		return nil
	}
	tell(record.Note, "on %d images the mean reward changed by %+.2f standard deviations; the tuned captions win %.1f %% of comparisons", last.n, last.reward, 100*last.wins)
	if limit := s.Align.PPO.KLLimit; last.kl > limit {
		tell(record.Warning, "the mean KL is %.3f nats per token, above the limit of %g: try a larger kl_coefficient or a smaller lr", last.kl, limit)
	}
	if last.empty > 0 {
		tell(record.Warning, "%d of %d captions are empty", last.empty, last.n)
	}
	return out
}
