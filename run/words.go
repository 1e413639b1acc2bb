package run

import (
	"context"
	"path/filepath"

	"clipgo/contrastive"
	"clipgo/losses"
	"clipgo/training"
)

// maskedName is the share of masked words that are restored, among the measured values.
const maskedName = "masked_words_accuracy"

// openWords makes the head of the masked words, or reads it from the checkpoint.
func (s *session) openWords(ctx context.Context) (err error) {
	if s.MLMWeight == 0 {
		return nil
	}
	if s.words, err = contrastive.NewMaskedWords(ctx, s.model, s.Seed); err != nil {
		return err
	}
	s.onClose(func() error { s.words.Free(); return nil })
	s.words.Weight = s.MLMWeight
	ids := make([]int32, s.ModelCfg.Text.ContextLength)
	n, _ := s.tokens.FillCut(ids, "")
	s.words.Vocabulary.Special = ids[:n] // what is there when nothing is said
	s.val.words = s.restored
	if s.resumed != "" {
		return s.words.Read(ctx, filepath.Join(s.resumed, HeadsFile))
	}
	return nil
}

// wordsFiles are those that a checkpoint has of the masked words.
func (s *session) wordsFiles() []training.File {
	if s.words == nil {
		return nil
	}
	return []training.File{{Name: HeadsFile, Write: s.words.Write}}
}

// restored measures the masked words of captions: the share that the model as it is restores, NaN where none is chosen. A caption's
// place in the list is its key: each evaluation hides the same.
func (s *session) restored(ctx context.Context, captions []string) (float64, error) {
	in := losses.Captions{L: s.ModelCfg.Text.ContextLength}
	in.IDs = make([]int32, len(captions)*in.L)
	for i, caption := range captions {
		n, _ := s.tokens.FillCut(in.IDs[i*in.L:(i+1)*in.L], caption)
		in.Lengths, in.Keys = append(in.Lengths, n), append(in.Keys, uint64(i))
	}
	masked := losses.Mask(in, s.words.Vocabulary)
	got, err := s.words.Restore(ctx, s.result(), contrastive.MaskedBatch{Masked: masked, Lengths: in.Lengths})
	if err != nil {
		return 0, err
	}
	right := 0
	for i, id := range got {
		if int64(id) == masked.Targets[i] {
			right++
		}
	}
	return float64(right) / float64(len(got)), nil
}
