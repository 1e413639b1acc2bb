package benchmark

import (
	"context"

	"clipgo/internal/fault"
	"clipgo/pretrained"
)

// Helper makes shares of the passes of a Suite that another process runs, with the same models and the same data.
type Helper struct {
	suite *Suite
	open  func(ctx context.Context, name string) (*pretrained.Embedder, error)

	name  string // of the model
	model *pretrained.Embedder
	pass  *pretrained.Pass // the last one; nil: none
	begun bool             // the data is as the suite's prompts make it
}

// NewHelper is a helper of a suite. open opens a model by its name; nil opens those of the suite.
func NewHelper(s *Suite, open func(ctx context.Context, name string) (*pretrained.Embedder, error)) *Helper {
	if open == nil {
		open = func(ctx context.Context, name string) (*pretrained.Embedder, error) {
			m := &candidate{suite: s, name: name}
			if _, err := m.fingerprint(ctx); err != nil {
				return nil, err
			}
			return m.open(ctx)
		}
	}
	return &Helper{suite: s, open: open}
}

// Do embeds a piece with the model of a name. A model of another fingerprint is an error of kind Model, other data one of kind Data.
func (h *Helper) Do(ctx context.Context, name, fingerprint string, piece pretrained.Piece) (*pretrained.Share, error) {
	if err := h.use(ctx, name, fingerprint); err != nil {
		return nil, err
	}
	if piece.IDs != nil {
		return h.model.DoTokens(ctx, piece)
	}
	if h.pass == nil || h.pass.Data != piece.Data {
		if err := h.read(ctx, piece.Data); err != nil {
			return nil, err
		}
	}
	return h.pass.Do(ctx, piece)
}

// use opens a model unless it is the last one.
func (h *Helper) use(ctx context.Context, name, fingerprint string) (err error) {
	if h.model == nil || h.name != name {
		if err := h.Close(); err != nil {
			return err
		}
		if h.model, err = h.open(ctx, name); err != nil {
			return err
		}
		h.name = name
	}
	return h.model.Matches(name, fingerprint)
}

// read opens the data of a pass.
func (h *Helper) read(ctx context.Context, data pretrained.PassData) error {
	if err := h.leave(); err != nil {
		return err
	}
	if !h.begun {
		if err := h.suite.name(); err != nil {
			return err
		}
		h.begun = true
	}
	for _, d := range h.suite.Data {
		if d.Name == data.Name {
			pass, err := (&Meter{Model: h.model, Data: d}).Pass(ctx, data.Split, data.Need)
			h.pass = pass
			return err
		}
	}
	return fault.Dataf("%s: this process doesn't have the data", data.Name)
}

// leave closes the data of the last pass.
func (h *Helper) leave() error {
	pass := h.pass
	if h.pass = nil; pass == nil {
		return nil
	}
	return pass.Source.Close()
}

// Close closes what is open.
func (h *Helper) Close() error {
	err := h.leave()
	if h.model != nil {
		h.model.Free()
		h.model = nil
	}
	return err
}
