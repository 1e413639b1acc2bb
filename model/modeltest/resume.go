package modeltest

import (
	"path/filepath"
	"testing"

	"clipgo/internal/nn"
	"clipgo/internal/safetensors"
	"clipgo/internal/torch"
	"clipgo/training"
)

// Resume puts the newest checkpoint of a run's directory, if there is one, into parameters, which it has in model.safetensors, and
// into their trainer.
func Resume(t testing.TB, dir string, params []*nn.Param, tr *training.Trainer) {
	t.Helper()
	at, _, err := training.Latest(dir)
	if err != nil {
		return // the first sitting
	}
	state, err := training.ReadState(at)
	if err != nil {
		t.Fatal(err)
	}
	tr.Progress = state.Progress
	weights, err := safetensors.Open(filepath.Join(at, "model.safetensors"))
	if err != nil {
		t.Fatal(err)
	}
	defer weights.Close()
	err = torch.Do(t.Context(), func(*torch.Scope) error {
		for _, p := range params {
			w, _ := weights.Tensor(p.Name)
			p.Tensor().OverwriteInPlace(w.Data)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := training.Restore(t.Context(), at, tr.Optimizer); err != nil {
		t.Fatal(err)
	}
}
