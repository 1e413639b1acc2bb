package run

import (
	"context"
	"encoding/json"
	"path/filepath"

	"clipgo/alignment"
	"clipgo/datasets"
	"clipgo/internal/bounded"
	"clipgo/internal/fault"
	"clipgo/pretrained"
)

// newAgreement makes the evaluator of a reward on judged pairs.
func (s *session) newAgreement() (*alignment.AgreementEvaluator, error) {
	pairs := s.val.Source.(datasets.Preferences)
	loader, err := s.val.Embedder.PairLoader(pairs)
	if err != nil {
		return nil, err
	}
	return &alignment.AgreementEvaluator{
		Reward: alignment.Reward{Model: s.result(), Head: s.head}, Pairs: pairs, Loader: loader, Skipped: func(datasets.Skip) {},
	}, nil
}

// addAgreement adds the numbers of pairs and the margin of the last evaluation to the result.
func (s *session) addAgreement(out map[string]any) {
	if last := s.val.agreement.Last; last.Pairs > 0 {
		out["pairs"], out["ties"], out["margin"] = last.Pairs, last.Ties, last.Margin
		if last.Equal == last.Pairs {
			s.console.Log.Warn("the reward is now equal for both sides of every pair: it no longer distinguishes them", "pairs", last.Pairs)
		}
	}
}

// RewardHead reads the head of a model that align preference made with one; nil where it has none.
func RewardHead(ctx context.Context, m *pretrained.Embedder) (*alignment.Head, error) {
	dir := m.Source.Checkpoint
	if dir == "" {
		return nil, nil
	}
	data, err := bounded.ReadFile(filepath.Join(dir, pretrained.RunFile), bounded.Record)
	if err != nil {
		return nil, err
	}
	var run struct {
		Align alignOptions `json:"align"`
	}
	if err := json.Unmarshal(data, &run); err != nil {
		return nil, fault.Modelf(filepath.Join(dir, pretrained.RunFile), "%v", fault.JSON(err))
	}
	if !run.Align.RewardHead {
		return nil, nil
	}
	return alignment.ReadHead(ctx, filepath.Join(dir, pretrained.HeadsFile), m.Model)
}
