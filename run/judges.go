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
	"clipgo/text/bpe"
)

// judge is a model that gives captions rewards.
type judge struct {
	*pretrained.Embedder
	name string // preference or clip; judge for one that judges alone
	head *alignment.Head
	own  bool // it wants pictures prepared otherwise than the captioner's
}

// judges are the rewards of a tuning, and what judges its wins.
type judges struct {
	rewards []*judge
	wins    *judge // nil: the rewards together
	words   *bpe.Tokenizer
}

// openJudges opens the reward models.
func (s *session) openJudges(ctx context.Context, at model.Placement) error {
	words, ok := s.tokens.(*bpe.Tokenizer)
	if !ok || s.ModelCfg.Text.VocabSize != bpe.VocabSize {
		return fault.Modelf(s.Model, "captions are written with CLIP's own vocabulary, and this model has another")
	}
	s.judges = &judges{words: words}
	if s.Align.Reward != clipReward {
		j, err := s.openJudge(ctx, preferenceReward, s.Align.RewardModel, at)
		if err != nil {
			return err
		}
		s.judges.rewards = append(s.judges.rewards, j)
	}
	if s.Align.Reward != preferenceReward {
		j := &judge{Embedder: s.start(), name: clipReward}
		if s.Align.Reward == clipReward && s.Align.RewardModel != "" {
			var err error
			if j, err = s.openJudge(ctx, clipReward, s.Align.RewardModel, at); err != nil {
				return err
			}
		}
		s.judges.rewards = append(s.judges.rewards, j)
	}
	if s.Align.Judge == "" {
		return nil
	}
	var err error
	s.judges.wins, err = s.openJudge(ctx, "judge", s.Align.Judge, at)
	return err
}

// start is the captioner as it was.
func (s *session) start() *pretrained.Embedder {
	return pretrained.NewEmbedder(s.base.Model, s.val.Embedder.Source, s.tokens, s.val.Embedder.Settings)
}

func (s *session) openJudge(ctx context.Context, name, path string, at model.Placement) (*judge, error) {
	src, err := s.console.findModel(ctx, path, "")
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
	j := &judge{Embedder: pretrained.NewEmbedder(m, src, nil, options), name: name}
	alike := s.Preprocess
	alike.Mean, alike.Std = src.Preprocess.Mean, src.Preprocess.Std // of which the model itself takes care
	j.own = alike != src.Preprocess
	if name == clipReward {
		return j, nil
	}
	if j.head, err = RewardHead(ctx, j.Embedder); err == nil && j.head != nil {
		s.onClose(func() error { j.head.Free(); return nil })
	}
	return j, err
}

// rate gives the rewards of captions of a batch's pictures.
func (j *judge) rate(ctx context.Context, src datasets.Source, b *datasets.Batch, captions []string) ([]float64, error) {
	pixels, err := j.see(ctx, src, b)
	if err != nil {
		return nil, err
	}
	tokens, err := j.Tokenizer()
	if err != nil {
		return nil, err
	}
	l := j.Config.Text.ContextLength
	in := &datasets.Batch{N: b.N, Pixels: pixels, ContextLength: l, IDs: make([]int32, b.N*l)}
	for i, caption := range captions {
		n, _ := tokens.FillCut(in.IDs[i*l:(i+1)*l], caption)
		in.MaxTokens = max(in.MaxTokens, n)
	}
	rewards, _, err := alignment.Reward{Model: j.Model, Head: j.head}.Measure(ctx, in)
	out := make([]float64, len(rewards))
	for i, r := range rewards {
		out[i] = float64(r)
	}
	return out, err
}

// see is a batch's pictures as the judge wants them, which a captioner's own may not be.
func (j *judge) see(ctx context.Context, src datasets.Source, b *datasets.Batch) ([]uint8, error) {
	if !j.own {
		return b.Pixels, nil
	}
	size := 3 * j.Preprocess.Size * j.Preprocess.Size
	out := make([]uint8, b.N*size)
	for i, index := range b.Index {
		p, err := src.Picture(ctx, index)
		if err == nil {
			err = j.Pixels(out[i*size:(i+1)*size], p, 0)
		}
		if err != nil {
			return nil, &datasets.DataError{Source: src.Info().Name, Reason: fmt.Sprintf("%s can't be read again for the %s: %v", b.Entries[i].Key, j.name, err)}
		}
	}
	return out, nil
}

// texts are captions as strings.
func (j *judges) texts(captions []captioning.Caption) []string {
	out := make([]string, len(captions))
	for i, c := range captions {
		out[i] = j.words.Decode(c.IDs)
	}
	return out
}

// rate gives each caption's reward by each judge, [judges][captions].
func (j *judges) rate(ctx context.Context, src datasets.Source, b *datasets.Batch, captions []string) ([][]float64, error) {
	out := make([][]float64, len(j.rewards))
	for i, one := range j.rewards {
		var err error
		if out[i], err = one.rate(ctx, src, b, captions); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// together adds the rewards of several judges up, each in its standard's units.
func together(rewards [][]float64, standards []alignment.Standard) []float64 {
	out := make([]float64, len(rewards[0]))
	for i, one := range rewards {
		for k, r := range one {
			out[k] += standards[i].Of(r)
		}
	}
	return out
}

// reward is what the captions of a round earn.
func (s *session) reward(ctx context.Context, b *datasets.Batch, captions []captioning.Caption) ([]float64, error) {
	all, err := s.judges.rate(ctx, s.train, b, s.judges.texts(captions))
	if err != nil {
		return nil, err
	}
	return together(all, s.ppo.State.Standards), nil
}
