package run

import (
	"bytes"
	"context"
	"encoding/gob"

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
		s.val.Embedder.Crew, s.val.tested.Crew = s.crew, s.crew
		return
	}
	help := &helper{}
	s.onClose(help.close)
	s.voices.help = func(ctx context.Context, request []byte) ([]byte, error) { return s.help(ctx, help, request) }
}

// crew is the pretrained.Crew of the process that leads.
func (s *session) crew(ctx context.Context, whole pretrained.Piece, own pretrained.Work) ([]*pretrained.Share, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if s.voices.asks == nil { // the others are not there any more
		one, err := own(ctx, whole)
		return []*pretrained.Share{one}, err
	}
	var request bytes.Buffer
	if err := gob.NewEncoder(&request).Encode(whole); err != nil {
		return nil, err
	}
	answers, err := s.voices.divided(request.Bytes(), func(ctx context.Context) ([]byte, error) { return s.shareOf(ctx, whole, own) })
	if err != nil {
		return nil, err
	}
	shares := make([]*pretrained.Share, len(answers))
	for rank, answer := range answers {
		if shares[rank], err = pretrained.DecodeShare(answer); err != nil {
			return nil, err
		}
	}
	return shares, nil
}

// shareOf does this process's share of a piece.
func (s *session) shareOf(ctx context.Context, whole pretrained.Piece, own pretrained.Work) ([]byte, error) {
	share, err := &pretrained.Share{}, error(nil)
	if piece := whole.Share(s.voices.group.Rank(), s.voices.group.World()); !piece.Empty() {
		share, err = own(ctx, piece)
	}
	if err != nil {
		return nil, err
	}
	return share.Encode()
}

// help does this process's share of what the process that leads has asked for.
func (s *session) help(ctx context.Context, with *helper, request []byte) ([]byte, error) {
	var whole pretrained.Piece
	if !with.said {
		with.said = true
		s.console.Log.Info("this process embeds a share of the evaluations")
	}
	if err := gob.NewDecoder(bytes.NewReader(request)).Decode(&whole); err != nil {
		return nil, err
	}
	if whole.IDs != nil {
		return s.shareOf(ctx, whole, s.val.Embedder.DoTokens)
	}
	pass, err := with.open(ctx, s.val, whole.Data)
	if err != nil {
		return nil, err
	}
	return s.shareOf(ctx, whole, pass.Do)
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
