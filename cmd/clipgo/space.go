package main

import (
	"encoding/json"

	"clipgo/internal/paths"
	"clipgo/search"
	"clipgo/vision/preprocess"
)

// follow makes a command prepare pictures as an index has it, whatever the model's folder says; the user's settings go
// on top. Where the index doesn't say, EXIF orientation is applied.
func (o *inference) follow(index json.RawMessage) {
	c := preprocess.Default()
	if index == nil || json.Unmarshal(index, &c) != nil {
		o.upright = true
		return
	}
	o.prepared = &c
}

// space is where this model's vectors live in an index whose fingerprint is kept; no dtype is the index's own.
func (m *loaded) space(kept string, dtype search.DType) (search.Space, error) {
	digest, err := m.source.fingerprint(m.options.Seed)
	if err != nil {
		return search.Space{}, err
	}
	if kept != "" && kept != digest {
		if old, err := m.source.wholeFingerprint(); err == nil && old == kept {
			digest = old
		}
	}
	pp, err := json.Marshal(m.Preprocess)
	return search.Space{Model: m.where(), Fingerprint: digest, Preprocess: pp, Dim: m.Dim(), DType: dtype}, err
}

// where is how a search finds this model again: a path is made absolute, a name stays one.
func (m *loaded) where() string {
	if exists(m.source.Name) {
		return paths.Absolute(m.source.Name)
	}
	return m.source.Name
}
