package run

import (
	"context"
	"path/filepath"

	"clipgo/contrastive"
	"clipgo/pretrained"
	"clipgo/training"
)

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
	if s.resumed != "" {
		return s.words.Read(ctx, filepath.Join(s.resumed, pretrained.HeadsFile))
	}
	return nil
}

// wordsFiles are those that a checkpoint has of the masked words.
func (s *session) wordsFiles() []training.File {
	if s.words == nil {
		return nil
	}
	return []training.File{{Name: pretrained.HeadsFile, Write: s.words.Write}}
}
