package bpe

import (
	"fmt"
	"maps"
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

// Repaired captions may differ: what is mojibake is a judgement, and this one is not ftfy's in every case. Everything else
// is exact.
const repairedFloor = 0.97

// score counts captions, [0] those that any cleaning gets right and [1] those that need ftfy's repair.
type score struct{ exact, total [2]int }

func TestGoldenCaptions(t *testing.T) {
	lines := golden.Lines[line](t, filepath.Join(golden.Dir(t, "tokenizer"), "clip_bpe.jsonl"))
	classes := map[string][]line{}
	for _, l := range lines {
		classes[l.Class] = append(classes[l.Class], l)
	}
	tok := New()
	var all score
	table := fmt.Sprintf("%-16s %9s %9s\n", "class", "plain", "repaired")
	for _, class := range slices.Sorted(maps.Keys(classes)) {
		t.Run(class, func(t *testing.T) {
			s := compare(t, tok, classes[class])
			table += fmt.Sprintf("%-16s %4d/%4d %4d/%4d\n", class, s.exact[0], s.total[0], s.exact[1], s.total[1])
			all.exact[1] += s.exact[1]
			all.total[1] += s.total[1]
		})
	}
	t.Logf("exact of total\n%srepaired in all %d of %d", table, all.exact[1], all.total[1])
	if float64(all.exact[1]) < repairedFloor*float64(all.total[1]) {
		t.Errorf("%d of %d repaired captions are exact, want %.0f %%", all.exact[1], all.total[1], 100*repairedFloor)
	}
}

// compare fails the test where a caption that needs no repair differs, and logs the others that do.
func compare(t *testing.T, tok *Tokenizer, lines []line) (s score) {
	for _, l := range lines {
		kind, report := 0, t.Errorf
		if l.NeedsFtfy {
			kind, report = 1, t.Logf
		}
		s.total[kind]++
		got := make([]int32, len(l.IDs))
		if tok.Fill(got, l.Text); slices.Equal(got, l.IDs) {
			s.exact[kind]++
			continue
		}
		report("%+q: got %q, want %q", l.Text, tok.Decode(got), tok.Decode(l.IDs))
	}
	return s
}
