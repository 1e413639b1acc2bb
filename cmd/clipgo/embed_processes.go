package main

import (
	"context"
	"encoding/json"
	"errors"
	"sync"

	"clipgo/datasets"
	"clipgo/internal/config"
	"clipgo/model"
	"clipgo/pretrained"
	"clipgo/run"
	"clipgo/search/ingest"
	"clipgo/vision/preprocess"
)

// embedWork is what process 0 tells the others of its work: what it has found in its index and in the data.
type embedWork struct {
	Prepared    *preprocess.Config    `json:"prepared,omitempty"`
	Upright     bool                  `json:"upright"`
	Background  preprocess.Background `json:"background"`
	Towers      model.Towers          `json:"towers"`
	Fingerprint string                `json:"fingerprint,omitempty"` // of the model; empty: it is being opened
}

// workOf is what the settings have become.
func workOf(o *pretrained.Settings, fingerprint string) (string, error) {
	data, err := json.Marshal(embedWork{o.Prepared, o.Upright, o.Background, o.Towers, fingerprint})
	return string(data), err
}

// beginWork has the other processes open the model and the data while this one does.
func beginWork(ctx context.Context, o *pretrained.Settings, p *run.Processes) error {
	if p == nil {
		return nil
	}
	about, err := workOf(o, "")
	if err != nil {
		return err
	}
	return p.Begin(ctx, about)
}

// embedderOf is what embeds the source: the model, or all processes. What is read in sequence would be read by each of them as a whole.
func embedderOf(a *app, m *pretrained.Embedder, src datasets.Source, p *run.Processes) (ingest.Embedder, error) {
	if p == nil {
		return m, nil
	}
	if datasets.InSequence(src) {
		a.console.log.Warn("the data is read in sequence, so process 0 embeds it alone; --part auto divides archives among processes")
		return m, nil
	}
	fingerprint, err := m.Fingerprint()
	if err != nil {
		return nil, err
	}
	about, err := workOf(&m.Settings, fingerprint)
	return pretrained.Together{Embedder: m, Others: p.Crew(about), Note: ingest.Note}, err
}

// embedHelper does shares of embed in a process that doesn't have the index.
type embedHelper struct {
	ctx  context.Context
	o    pretrained.Settings
	app  *app
	said config.Layer
	args []string

	open  func() error // waits until all is open
	close []func() error
	src   datasets.Source
	model *pretrained.Embedder
}

// help does a share. The first call begins to open what all of them need.
func (h *embedHelper) help(ctx context.Context, about string, piece pretrained.Piece) (*pretrained.Share, error) {
	var work embedWork
	if err := json.Unmarshal([]byte(about), &work); err != nil {
		return nil, err
	}
	if h.open == nil {
		h.open = sync.OnceValue(func() error { return h.opened(work) })
		go func() { _ = h.open() }() // the first share has its error
	}
	if piece.Empty() {
		return &pretrained.Share{}, nil
	}
	if err := h.open(); err != nil {
		return nil, err
	}
	if err := h.model.Matches(h.model.Source.Name, work.Fingerprint); err != nil {
		return nil, err
	}
	return h.model.DoPairs(ctx, h.src, piece, ingest.Note)
}

// opened opens the data and the model.
func (h *embedHelper) opened(work embedWork) (err error) {
	if h.src, err = datasets.OpenAll(h.ctx, h.args, h.o.Data); err != nil {
		return err
	}
	h.close = append(h.close, h.src.Close)
	h.o.Prepared, h.o.Upright, h.o.Background, h.o.Towers = work.Prepared, work.Upright, work.Background, work.Towers
	if h.model, err = openModel(h.ctx, h.app, &h.o, h.said); err != nil {
		return err
	}
	h.close = append(h.close, func() error { h.model.Free(); return nil })
	return nil
}

// Close closes what was opened.
func (h *embedHelper) Close() error {
	if h.open == nil {
		return nil
	}
	_ = h.open() // a share returned the error, or nobody needs what failed
	var err error
	for _, one := range h.close {
		err = errors.Join(err, one())
	}
	return err
}
