package benchmark

import (
	"context"
	"encoding/json"
	"strings"

	"clipgo/pretrained"
)

// candidate is a model that is opened when a cell needs it.
type candidate struct {
	suite    *Suite
	name     string
	embedder *pretrained.Embedder
	source   *pretrained.Source
	digest   string
	err      error // of opening it
}

// split is the model's name and its weights' tag.
func (m *candidate) split() (model, tag string) {
	if at := strings.LastIndexByte(m.name, '@'); at > 0 && !strings.Contains(m.name, ":") && m.name[at+1:] != pretrained.BestLink {
		return m.name[:at], m.name[at+1:]
	}
	return m.name, "x"
}

func (m *candidate) settings() pretrained.Settings {
	o := m.suite.Settings
	model, tag := m.split()
	o.Model = model
	if tag != "x" {
		o.Pretrained = tag
	}
	return o
}

// fingerprint tells models apart without opening them.
func (m *candidate) fingerprint(ctx context.Context) (string, error) {
	if m.source == nil && m.err == nil {
		var src pretrained.Source
		o := m.settings()
		if src, m.err = o.Locate(ctx); m.err == nil {
			m.source = &src
			m.digest, m.err = digestOf(o, &src)
		}
	}
	return m.digest, m.err
}

// digestOf is a digest of all that a model's folder and the settings say: with other pictures or other prompts it has other results.
func digestOf(o pretrained.Settings, src *pretrained.Source) (string, error) {
	model, err := src.Fingerprint(o.Seed)
	if err != nil {
		return "", err
	}
	shown, err := json.Marshal(struct{ Preprocess, Templates any }{o.Pictures(src), src.Templates})
	return digest(model, string(shown)), err
}

// open opens the model that fingerprint found.
func (m *candidate) open(ctx context.Context) (*pretrained.Embedder, error) {
	if m.embedder == nil && m.err == nil {
		o := m.settings()
		o.Find = func(context.Context, string, string) (pretrained.Source, error) { return *m.source, nil }
		m.embedder, m.err = pretrained.Open(ctx, o)
		if m.err == nil && m.suite.Ready != nil {
			m.err = m.suite.Ready(m.name, m.embedder)
		}
	}
	return m.embedder, m.err
}

func (m *candidate) free() {
	if m.embedder != nil {
		m.embedder.Free()
		m.embedder = nil
	}
}
