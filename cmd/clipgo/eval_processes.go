package main

import (
	"context"
	"encoding/json"
	"errors"

	"clipgo/benchmark"
	"clipgo/datasets"
	"clipgo/internal/config"
	"clipgo/pretrained"
	"clipgo/run"
)

// evalWork is what the others learn from process 0 of the model that it measures.
type evalWork struct {
	Model       string `json:"model"`
	Fingerprint string `json:"fingerprint"`
}

// divide has the other processes embed for a model, too, if there are any.
func divide(a *app, name string, m *pretrained.Embedder) error {
	if a.processes == nil {
		return nil
	}
	fingerprint, err := m.Fingerprint()
	if err != nil {
		return err
	}
	about, err := json.Marshal(evalWork{name, fingerprint})
	m.Crew = a.processes.Crew(string(about))
	return err
}

// evaluations measures in this process, or in all that a launcher has started: each of them embeds shares, with helper.
func evaluations(ctx context.Context, a *app, c command, helper *benchmark.Helper, measure func(ctx context.Context) error) error {
	return errors.Join(together(ctx, a, c, func(ctx context.Context, p *run.Processes) error {
		a.processes = p
		return measure(ctx)
	}, func(ctx context.Context, about string, piece pretrained.Piece) (*pretrained.Share, error) {
		var work evalWork
		if err := json.Unmarshal([]byte(about), &work); err != nil {
			return nil, err
		}
		return helper.Do(ctx, work.Model, work.Fingerprint, piece)
	}), helper.Close())
}

// evaluateSets measures the model of --model on data sets in all processes.
func evaluateSets(ctx context.Context, a *app, c command, said config.Layer, sets []*benchmark.Data,
	measure func(ctx context.Context) error) error {
	suite := &benchmark.Suite{Data: sets}
	return evaluations(ctx, a, c, benchmark.NewHelper(suite, func(ctx context.Context, _ string) (*pretrained.Embedder, error) {
		return openModel(ctx, a, c.settings, said)
	}), measure)
}

// sourceHelper does shares of a command that embeds the pictures of one source, in a process other than the first one.
type sourceHelper struct {
	openModel  func(ctx context.Context) (*pretrained.Embedder, error)
	openSource func(ctx context.Context) (datasets.Source, error)

	model *pretrained.Embedder
	src   datasets.Source
}

// embeds does a command that embeds the pictures of one source in this process, or in all that a launcher has started.
func embeds(ctx context.Context, a *app, c command, h *sourceHelper, lead func(ctx context.Context) error) error {
	return errors.Join(together(ctx, a, c, func(ctx context.Context, p *run.Processes) error {
		a.processes = p
		return lead(ctx)
	}, h.help), h.Close())
}

// help does a share. What it needs is opened when it is first needed.
func (h *sourceHelper) help(ctx context.Context, about string, piece pretrained.Piece) (_ *pretrained.Share, err error) {
	var work evalWork
	if err := json.Unmarshal([]byte(about), &work); err != nil {
		return nil, err
	}
	if h.model == nil {
		if h.model, err = h.openModel(ctx); err != nil {
			return nil, err
		}
	}
	if err := h.model.Matches(work.Model, work.Fingerprint); err != nil {
		return nil, err
	}
	if piece.IDs != nil {
		return h.model.DoTokens(ctx, piece)
	}
	if h.src == nil {
		if h.src, err = h.openSource(ctx); err != nil {
			return nil, err
		}
	}
	return (&pretrained.Pass{Embedder: h.model, Source: h.src}).Do(ctx, piece)
}

// Close closes what was opened.
func (h *sourceHelper) Close() (err error) {
	if h.src != nil {
		err = h.src.Close()
	}
	if h.model != nil {
		h.model.Free()
	}
	return err
}
