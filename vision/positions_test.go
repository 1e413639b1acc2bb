package vision

import (
	"encoding/json"
	"path/filepath"
	"strings"
	"testing"

	"clipgo/internal/golden"
)

type tableCase struct {
	Case     string `json:"case"`
	From, To json.RawMessage
	Grid     int `json:"grid"`
	Width    int `json:"width"`
}

func TestGoldenPositions(t *testing.T) {
	dir := golden.Dir(t, "posembed")
	tables := golden.Tensors(t, filepath.Join(dir, "tables.safetensors"))
	for _, c := range golden.Lines[tableCase](t, filepath.Join(dir, "cases.jsonl")) {
		want := tables[c.Case+".out"].F32
		// open_clip computes the antialias weights in float32, 4e-6 from ours.
		tol := golden.Tol{Abs: 1e-5}
		switch {
		case strings.HasPrefix(c.Case, "image"):
			t.Run(c.Case, func(t *testing.T) {
				var to [2]int
				if err := json.Unmarshal(c.To, &to); err != nil {
					t.Fatal(err)
				}
				golden.Close(t, "table", ResizePositions(tables[c.Case+".in"].F32, c.Width, to[0], to[1]), want, tol)
			})
		case strings.HasPrefix(c.Case, "sincos"):
			t.Run(c.Case, func(t *testing.T) {
				golden.Close(t, "table", SinCos2D(c.Width, c.Grid), want, tol)
			})
		}
	}
}

func TestPositionsThatFitStay(t *testing.T) {
	table := SinCos2D(4, 3)
	golden.Close(t, "table", ResizePositions(table, 4, 3, 3), table, golden.Tol{})
}

// A constant table stays constant at any size: the weights of each position sum to 1, at the edges too.
func TestResizingKeepsAConstant(t *testing.T) {
	table := make([]float32, 50*2)
	for i := range table {
		table[i] = 3
	}
	for _, to := range [][2]int{{1, 1}, {3, 20}, {31, 2}} {
		want := make([]float32, (to[0]*to[1]+1)*2)
		for i := range want {
			want[i] = 3
		}
		golden.Close(t, "table", ResizePositions(table, 2, to[0], to[1]), want, golden.Tol{Abs: 1e-6})
	}
}
