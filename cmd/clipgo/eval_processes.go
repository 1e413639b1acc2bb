package main

import (
	"context"
	"encoding/json"
	"errors"

	"clipgo/benchmark"
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
