package bpe

import (
	"fmt"
	"path/filepath"
	"slices"
	"testing"

	"clipgo/internal/golden"
)

// line is a caption as open_clip tokenized it.
type line struct {
	Class     string  `json:"class"`
	Text      string  `json:"text"`
	IDs       []int32 `json:"ids"`
	NeedsFtfy bool    `json:"needs_ftfy"`
}

// Repaired captions may differ: ftfy's judgement of what is mojibake is not copied. Everything else is exact.
const repairedFloor = 0.97

func TestGoldenCaptions(t *testing.T) {
	lines := golden.Lines[line](t, filepath.Join(golden.Dir(t, "tokenizer"), "clip_bpe.jsonl"))
	tok := New()
	type score struct{ exact, total int }
	scores := map[string]*[2]score{}
	var classes []string
	var all score
	for n, l := range lines {
		if scores[l.Class] == nil {
			scores[l.Class] = &[2]score{}
			classes = append(classes, l.Class)
		}
		got := make([]int32, len(l.IDs))
		tok.Fill(got, l.Text)
		s := &scores[l.Class][0]
		if l.NeedsFtfy {
			s = &scores[l.Class][1]
			all.total++
		}
		s.total++
		if slices.Equal(got, l.IDs) {
			s.exact++
			if l.NeedsFtfy {
				all.exact++
			}
			continue
		}
		if l.NeedsFtfy {
			t.Logf("line %d (%s): %q: got %q, want %q", n, l.Class, l.Text, tok.Decode(got), tok.Decode(l.IDs))
		} else {
			t.Errorf("line %d (%s): %q: got %q, want %q", n, l.Class, l.Text, tok.Decode(got), tok.Decode(l.IDs))
		}
	}
	table := fmt.Sprintf("%-16s %9s %9s\n", "class", "plain", "repaired")
	for _, c := range classes {
		s := scores[c]
		table += fmt.Sprintf("%-16s %4d/%4d %4d/%4d\n", c, s[0].exact, s[0].total, s[1].exact, s[1].total)
	}
	t.Logf("exact of total\n%srepaired in all %d of %d", table, all.exact, all.total)
	if float64(all.exact) < repairedFloor*float64(all.total) {
		t.Errorf("%d of %d repaired captions are exact, want %.0f %%", all.exact, all.total, 100*repairedFloor)
	}
}
