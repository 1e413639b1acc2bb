package hf

import (
	"path/filepath"
	"slices"
	"testing"

	"clipgo/internal/golden"
)

// line is a text as the tokenizers library encoded it, template included.
type line struct {
	Text string  `json:"text"`
	IDs  []int32 `json:"ids"`
}

func TestGoldenIDs(t *testing.T) {
	dirs, _ := filepath.Glob(filepath.Join(golden.Dir(t, "tokenizers/hf"), "*"))
	for _, dir := range dirs {
		t.Run(filepath.Base(dir), func(t *testing.T) {
			tok, err := Read(golden.Read(t, filepath.Join(dir, "tokenizer.json.gz")))
			if err != nil {
				t.Fatal(err)
			}
			prefix, suffix := tok.Template()
			all := golden.Lines[line](t, filepath.Join(dir, "lines.jsonl.gz"))
			for _, l := range all {
				got := append(tok.Append(slices.Clone(prefix), l.Text), suffix...)
				if !slices.Equal(got, l.IDs) {
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
