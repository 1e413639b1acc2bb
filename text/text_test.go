package text

import (
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"clipgo/internal/golden"
	"clipgo/internal/nn"
	"clipgo/internal/torch"
	"clipgo/internal/torch/torchtest"
)

type tableCase struct {
	Case  string `json:"case"`
	To    any    `json:"to"`
	Width int    `json:"width"`
}

func TestGoldenPositions(t *testing.T) {
	dir := golden.Dir(t, "posembed")
	tables := golden.Tensors(t, filepath.Join(dir, "tables.safetensors"))
	for _, c := range golden.Lines[tableCase](t, filepath.Join(dir, "cases.jsonl")) {
		if !strings.HasPrefix(c.Case, "text") {
			continue
		}
		t.Run(c.Case, func(t *testing.T) {
			got := ResizePositions(tables[c.Case+".in"].F32, c.Width, int(c.To.(float64)))
			golden.Close(t, "table", got, tables[c.Case+".out"].F32, golden.Tol{Abs: 1e-5})
		})
	}
}

func TestPositionsThatFitStay(t *testing.T) {
	table := []float32{1, 2, 3, 4, 5, 6}
	golden.Close(t, "table", ResizePositions(table, 2, 3), table, golden.Tol{})
}

func tiny() Config {
	return Config{ContextLength: 10, VocabSize: 30, Width: 8, Heads: 2, Layers: 2, MLPRatio: 4}
}

// features runs a tower with fresh parameters over captions of l tokens.
func features(t *testing.T, captions [][]int32, l int, dtype torch.DType) []float32 {
	t.Helper()
	torchtest.Need(t)
	p := nn.NewParams()
	c := tiny()
	tower := New(p.Root(), c, NewHead(p.Root(), c, 6), Layout{Embed: 6, Activation: nn.GELU})
	defer p.Free()
	var ids []int32
	for _, caption := range captions {
		row := make([]int32, l)
		copy(row, caption)
		ids = append(ids, row...)
	}
	var out []float32
	err := torch.Do(t.Context(), func(s *torch.Scope) error {
		p.Fill(1, torch.CPU)
		out = tower.Forward(s, ids, len(captions), nn.Mode{DType: dtype}).Float32s()
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// What follows the end of text changes nothing, so a batch may be cut to its longest caption.
func TestPaddingChangesNothing(t *testing.T) {
	captions := [][]int32{{28, 3, 4, 29}, {28, 29}, {28, 7, 1, 2, 29}}
	for _, c := range []struct {
		dtype torch.DType
		tol   golden.Tol
	}{
		{torch.Float32, golden.Tol{RelMax: 2e-6}},      // the products are blocked differently
		{torch.BFloat16, golden.Tol{RelMax: 1.0 / 32}}, // ditto, with roundings of 2^-9
	} {
		padded := features(t, captions, 10, c.dtype)
		golden.Close(t, "cut", features(t, captions, 5, c.dtype), padded, c.tol)
		for i, caption := range captions {
			alone := features(t, [][]int32{caption}, len(caption), c.dtype)
			golden.Close(t, "alone", alone, padded[6*i:6*i+6], c.tol)
		}
	}
}

// A caption is read at its end of text: what comes before it counts, what comes after does not.
func TestAttentionIsCausal(t *testing.T) {
	base := features(t, [][]int32{{28, 3, 4, 29, 0}}, 5, torch.Float32)
	golden.Close(t, "after the end", features(t, [][]int32{{28, 3, 4, 29, 12}}, 5, torch.Float32), base, golden.Tol{RelMax: 2e-6})
	if slices.Equal(features(t, [][]int32{{28, 5, 4, 29, 0}}, 5, torch.Float32), base) {
		t.Error("another word before the end changed nothing")
	}
}

func TestTheEndIsTheFirstLargestID(t *testing.T) {
	got := Default().readAt([]int32{28, 5, 29, 29, 0 /**/, 28, 29, 0, 0, 0 /**/, 0, 0, 0, 0, 0 /**/, 1, 2, 3, 4, 5}, 4)
	if want := []int64{2, 6, 10, 19}; !slices.Equal(got, want) {
		t.Errorf("rows %v, want %v", got, want)
	}
}

func TestValidateNamesEveryField(t *testing.T) {
	err := Config{}.Validate()
	for _, field := range []string{"context_length", "vocab_size", "width", "heads", "layers", "mlp_ratio"} {
		if err == nil || !strings.Contains(err.Error(), "text_cfg."+field) {
			t.Errorf("%s is not in %v", field, err)
		}
	}
	c := tiny()
	c.Heads = 3
	if err := c.Validate(); err == nil || !strings.Contains(err.Error(), "8 is not a multiple of heads 3") {
		t.Errorf("got %v", err)
	}
	if err := Default().Validate(); err != nil {
		t.Error(err)
	}
}
