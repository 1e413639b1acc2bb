package sentencepiece

import (
	"encoding/hex"
	"path/filepath"
	"slices"
	"testing"

	"clipgo/internal/golden"
)

// line is a text as the reference implementation encoded it; the text is in hex where it is no UTF-8.
type line struct {
	Text string  `json:"text"`
	Hex  string  `json:"hex"`
	IDs  []int32 `json:"ids"`
}

// bytes is the text.
func (l line) bytes(t testing.TB) string {
	if l.Hex == "" {
		return l.Text
	}
	raw, err := hex.DecodeString(l.Hex)
	if err != nil {
		t.Fatal(err)
	}
	return string(raw)
}

func TestGoldenIDs(t *testing.T) {
	dirs, _ := filepath.Glob(filepath.Join(golden.Dir(t, "tokenizers/sentencepiece"), "*"))
	for _, dir := range dirs {
		t.Run(filepath.Base(dir), func(t *testing.T) {
			m, err := Read(golden.Read(t, filepath.Join(dir, "spiece.model.gz")))
			if err != nil {
				t.Fatal(err)
			}
			all := golden.Lines[line](t, filepath.Join(dir, "lines.jsonl.gz"))
			for _, l := range all {
				if got := m.Append(nil, l.bytes(t)); !slices.Equal(got, l.IDs) {
					t.Errorf("%.80q: %v, want %v", l.Text, clip(got), clip(l.IDs))
				}
			}
			t.Logf("%d lines", len(all))
		})
	}
}

func clip(ids []int32) []int32 {
	return ids[:min(len(ids), 30)]
}
