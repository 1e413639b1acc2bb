package tokenizer

import (
	"encoding/json"
	"math"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"clipgo/internal/golden"
)

// fixture is a model's folder whose larger files lie elsewhere.
type fixture struct {
	Files  map[string]string `json:"files"`
	Clean  Clean             `json:"clean"`
	Length int               `json:"length"`
}

// line is a text as transformers, or open_clip over it, fills a context with it.
type line struct {
	Text string  `json:"text"`
	IDs  []int32 `json:"ids"`
}

// assemble makes a folder of a fixture.
func assemble(t testing.TB, root, name string) (string, fixture) {
	t.Helper()
	from, dir := filepath.Join(root, "folders", name), t.TempDir()
	var f fixture
	if err := json.Unmarshal(golden.Read(t, filepath.Join(from, "fixture.json")), &f); err != nil {
		t.Fatal(err)
	}
	for target, source := range f.Files {
		write(t, filepath.Join(dir, target), golden.Read(t, filepath.Join(root, source)))
	}
	for _, config := range []string{"tokenizer_config.json", "config.json"} {
		write(t, filepath.Join(dir, config), golden.Read(t, filepath.Join(from, config)))
	}
	return dir, f
}

func write(t testing.TB, path string, data []byte) {
	t.Helper()
	if err := os.WriteFile(path, data, 0o644); err != nil {
		t.Fatal(err)
	}
}

func TestGoldenFolders(t *testing.T) {
	root := golden.Dir(t, "tokenizers")
	dirs, _ := filepath.Glob(filepath.Join(root, "folders", "*"))
	for _, d := range dirs {
		name := filepath.Base(d)
		t.Run(name, func(t *testing.T) {
			dir, f := assemble(t, root, name)
			tok, err := Open(dir, Spec{VocabSize: math.MaxInt32, Clean: f.Clean})
			if err != nil {
				t.Fatal(err)
			}
			all := golden.Lines[line](t, filepath.Join(d, "lines.jsonl.gz"))
			for _, l := range all {
				got := make([]int32, f.Length)
				if tok.Fill(got, l.Text); !slices.Equal(got, l.IDs) {
					t.Errorf("%.80q: %v, want %v", l.Text, got, l.IDs)
				}
			}
			t.Logf("%d lines", len(all))
		})
	}
}

// canonical is a text as open_clip makes it canonical, the second after its repair.
type canonical struct {
	Text    string  `json:"text"`
	Plain   string  `json:"canonical"`
	Cleaned string  `json:"cleaned_canonical"`
	Keep    *string `json:"keep"`
}

func TestGoldenCanonicalText(t *testing.T) {
	clean, err := CleanCanonicalize.function()
	if err != nil {
		t.Fatal(err)
	}
	exact, total := 0, 0
	for _, l := range golden.Lines[canonical](t, filepath.Join(golden.Dir(t, "tokenizer"), "canonicalize.jsonl")) {
		if l.Keep != nil {
			continue // a template's placeholder, which clipgo fills in first
		}
		if got := Canonicalize(l.Text); got != l.Plain {
			t.Errorf("%+q: %+q, want %+q", l.Text, got, l.Plain)
		}
		total++
		if got := clean(l.Text); got == l.Cleaned {
			exact++
		} else {
			t.Logf("%+q repaired: %+q, want %+q", l.Text, got, l.Cleaned)
		}
	}
	t.Logf("%d of %d repaired texts are exact", exact, total)
	if 100*exact < 98*total { // what is mojibake is a judgement, as in text/bpe
		t.Errorf("%d of %d repaired texts are exact", exact, total)
	}
}
