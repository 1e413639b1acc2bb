package modeltest

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"clipgo/internal/golden"
	"clipgo/internal/torch"
	"clipgo/internal/torch/torchtest"
	"clipgo/model"
	"clipgo/weights"
)

// Fixture is a golden model with its inputs and outputs.
type Fixture struct {
	Dir           string
	Model         *model.Model
	Inputs, Wants map[string]golden.Tensor
}

// NewFixture reads the inputs and outputs that a folder of golden/model has for a model.
func NewFixture(t testing.TB, dir string, m *model.Model) Fixture {
	t.Helper()
	return Fixture{
		Dir: dir, Model: m,
		Inputs: golden.Tensors(t, filepath.Join(dir, "inputs.safetensors")),
		Wants:  golden.Tensors(t, filepath.Join(dir, "outputs.safetensors")),
	}
}

// PlainCLIPs runs f for every folder of golden/model that holds a CLIP in open_clip's layout.
func PlainCLIPs(t *testing.T, dtype torch.DType, f func(t *testing.T, x Fixture)) {
	root := golden.Dir(t, "model")
	entries, err := os.ReadDir(root)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		dir := filepath.Join(root, e.Name())
		if !e.IsDir() || !strings.HasPrefix(e.Name(), "clip-") {
			continue
		}
		t.Run(e.Name(), func(t *testing.T) { f(t, NewFixture(t, dir, LoadFixture(t, dir, dtype))) })
	}
}

// LoadFixture is the model of a folder with config.json and model.safetensors, on the CPU. It is freed after the test.
func LoadFixture(t testing.TB, dir string, dtype torch.DType) *model.Model {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(dir, "config.json"))
	if err != nil {
		t.Fatal(err)
	}
	c, err := model.ParseConfig(data)
	if err != nil {
		t.Fatal(err)
	}
	return Loaded(t, c, Opened(t, filepath.Join(dir, "model.safetensors")), dtype)
}

// Loaded is a model with the weights of a set, on the CPU. It is freed after the test.
func Loaded(t testing.TB, c model.Config, set weights.Set, dtype torch.DType) *model.Model {
	t.Helper()
	torchtest.Need(t)
	m, err := model.Load(t.Context(), c, set, model.Placement{Device: torch.CPU, DType: dtype})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(m.Free)
	return Warm(t, m)
}

// Opened is a file or folder of weights, open for the length of the test.
func Opened(t testing.TB, path string) *weights.Checkpoint {
	t.Helper()
	w, err := weights.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { w.Close() })
	return w
}

// Images are the fixture's pictures, normalized, [n, 3, S, S].
func (x Fixture) Images(s *torch.Scope) *torch.Tensor {
	in := x.Inputs["images"]
	return torch.From(s, in.F32, in.Shape...)
}

// IDs are the token ids of the fixture's captions, [n, L] row-major.
func (x Fixture) IDs() []int32 { return Narrow(x.Inputs["tokens"].I64) }

// Captions is the number of the fixture's captions.
func (x Fixture) Captions() int { return x.Inputs["tokens"].Shape[0] }
