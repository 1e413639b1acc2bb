package run

import (
	"context"

	"clipgo/internal/fault"
	"clipgo/pretrained"
)

// helper is what a process has open for the evaluations of the one that leads.
type helper struct {
	pass *pretrained.Pass // the last one that isn't on val_data; nil: none
	said bool             // that it helps
}

// openCrew lets all processes embed what one of them evaluates on. The model is there, the same in all of them.
func (s *session) openCrew() {
	if s.voices.leads() {
		crew := s.voices.crew("")
		s.val.Embedder.Crew, s.val.tested.Crew = crew, crew
		return
	}
	help := &helper{}
	s.onClose(help.close)
	s.voices.help = s.voices.helping(func(ctx context.Context, _ string, piece pretrained.Piece) (*pretrained.Share, error) {
		return s.help(ctx, help, piece)
	})
}

// help does a piece of what the process that leads has asked for.
func (s *session) help(ctx context.Context, with *helper, piece pretrained.Piece) (*pretrained.Share, error) {
	if !with.said {
		with.said = true
		s.console.Log.Info("this process embeds a share of the evaluations")
	}
	if piece.IDs != nil {
		return s.val.Embedder.DoTokens(ctx, piece)
	}
	pass, err := with.open(ctx, s.val, piece.Data)
	if err != nil {
		return nil, err
	}
	return pass.Do(ctx, piece)
}

// open returns a pass over the same data as the one of the process that leads.
func (h *helper) open(ctx context.Context, v *validation, data pretrained.PassData) (*pretrained.Pass, error) {
	if data == v.Data {
		return v.Pass, nil
	}
	if h.pass != nil && h.pass.Data == data {
		return h.pass, nil
	}
	if err := h.close(); err != nil {
		return nil, err
	}
	for _, m := range v.meters {
		if m.Data.Name == data.Name {
			pass, err := m.Pass(ctx, data.Split, data.Need)
			h.pass = pass
			return pass, err
		}
	}
	return nil, fault.Dataf("%s: this process doesn't have the data", data.Name)
}

func (h *helper) close() error {
	pass := h.pass
	if h.pass = nil; pass == nil {
		return nil
	}
	return pass.Source.Close()
}
