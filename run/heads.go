package run

import (
	"context"
	"encoding/json"
	"path/filepath"

	"clipgo/alignment"
	"clipgo/internal/bounded"
	"clipgo/internal/fault"
	"clipgo/pretrained"
)

// RewardHead reads the head of a model that align preference made with one; nil where it has none.
func RewardHead(ctx context.Context, m *pretrained.Embedder) (*alignment.Head, error) {
	dir := m.Source.Checkpoint
	if dir == "" {
		return nil, nil
	}
	data, err := bounded.ReadFile(filepath.Join(dir, pretrained.RunFile), bounded.Record)
	if err != nil {
		return nil, err
	}
	var run struct {
		Align alignOptions `json:"align"`
	}
	if err := json.Unmarshal(data, &run); err != nil {
		return nil, fault.Modelf(filepath.Join(dir, pretrained.RunFile), "%v", fault.JSON(err))
	}
	if !run.Align.RewardHead {
		return nil, nil
	}
	return alignment.ReadHead(ctx, filepath.Join(dir, pretrained.HeadsFile), m.Model)
}
