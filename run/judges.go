package run

import (
	"context"
	"fmt"

	"clipgo/alignment"
	"clipgo/captioning"
	"clipgo/datasets"
	"clipgo/internal/fault"
	"clipgo/model"
	"clipgo/pretrained"
)

// openJudges opens the reward models.
func (s *session) openJudges(ctx context.Context, at model.Placement) error {
	words, err := captioning.Words(s.Model, s.ModelCfg, s.tokens)
	if err != nil {
		return err
	}
	s.judges = &alignment.Judges{Decode: words.Decode}
	if s.Align.Reward != clipReward {
		j, err := s.openJudge(ctx, preferenceReward, s.Align.RewardModel, at)
		if err != nil {
			return err
		}
		s.judges.Rewards = append(s.judges.Rewards, j)
	}
	if s.Align.Reward != preferenceReward {
		j := &alignment.Judge{Name: clipReward, Reward: alignment.Reward{Model: s.base.Model}, Fill: s.tokens.FillCut}
		if s.Align.Reward == clipReward && s.Align.RewardModel != "" {
			if j, err = s.openJudge(ctx, clipReward, s.Align.RewardModel, at); err != nil {
				return err
			}
		}
		s.judges.Rewards = append(s.judges.Rewards, j)
	}
	if s.Align.Judge == "" {
		return nil
	}
	s.judges.Wins, err = s.openJudge(ctx, "judge", s.Align.Judge, at)
	return err
}

// untuned embeds with the captioner as it was.
func (s *session) untuned() *pretrained.Embedder {
	return pretrained.NewEmbedder(s.base.Model, s.val.Embedder.Source, s.tokens, s.val.Embedder.Settings)
}

func (s *session) openJudge(ctx context.Context, name, path string, at model.Placement) (*alignment.Judge, error) {
	src, err := s.console.Find(ctx, path, "")
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	if src.Weights == "" {
		return nil, fault.Modelf(path, "has no weights, and a reward of random ones says nothing")
	}
	checked, err := src.Check(model.BothTowers)
	if err != nil {
		return nil, err
	}
	m, err := src.OpenMapped(ctx, checked, at, s.Seed)
	if err != nil {
		return nil, err
	}
	s.onClose(func() error { m.Free(); return nil })
	options := s.val.Embedder.Settings
	options.Preprocess = src.Preprocess
	e := pretrained.NewEmbedder(m, src, nil, options)
	tokens, err := e.Tokenizer()
	if err != nil {
		return nil, err
	}
	j := &alignment.Judge{Name: name, Origin: src.Name, Reward: alignment.Reward{Model: m}, Fill: tokens.FillCut}
	alike := s.Preprocess
	alike.Mean, alike.Std = src.Preprocess.Mean, src.Preprocess.Std // the model applies them itself
	if alike != src.Preprocess {
		j.Pixels = e.Pixels
	}
	if name == clipReward {
		return j, nil
	}
	head, err := RewardHead(ctx, e)
	if err != nil || head == nil {
		return j, err
	}
	s.onClose(func() error { head.Free(); return nil })
	j.Reward.Head = head
	return j, nil
}

// reward is what the captions of a round earn.
func (s *session) reward(ctx context.Context, b *datasets.Batch, captions []captioning.Caption) ([]float64, error) {
	all, err := s.judges.Rate(ctx, s.train, b, s.judges.Texts(captions))
	if err != nil {
		return nil, err
	}
	return alignment.SumStandard(all, s.ppo.State.Standards), nil
}
