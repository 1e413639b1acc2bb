package benchmark

import (
	"context"
	"os"
	"path/filepath"
	"testing"
)

// A cell is computed again if names, prompts or what the result says of them change, and only then.
func TestCellsDependOnNamesAndPrompts(t *testing.T) {
	dir, out := t.TempDir(), t.TempDir()
	file := func(name, text string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	fresh := func(p Prompting) (n int) {
		s := smallSuite(t, out)
		s.Data, s.Tasks, s.Prompts = s.Data[1:], []string{ZeroShot}, p
		s.Report = func(e Event) {
			if e.Err == nil && !e.Kept {
				n++
			}
		}
		if err := s.Run(context.Background()); err != nil {
			t.Fatal(err)
		}
		return n
	}
	for i, c := range []struct {
		p    Prompting
		want int
	}{
		{Prompting{}, 1}, {Prompting{}, 0},
		{Prompting{TemplatesFile: file("a.txt", "one {}")}, 1}, {Prompting{TemplatesFile: file("b.txt", "one {}\n")}, 0},
		{Prompting{TemplatesFile: file("c.json", `{"odd-five": ["two {c}"]}`)}, 1},
		{Prompting{TemplatesFile: file("d.json", `{"wds/odd-five": ["two {c}"], "x": ["three {c}"]}`)}, 0},
		{Prompting{NamesFile: file("n.json", `["a", "b", "c", "d", "e", "f", "g", "h", "i", "j", "k", "l"]`)}, 1},
		{Prompting{DumpNames: true}, 1}, {Prompting{DumpNames: true}, 0}, {Prompting{DumpTemplates: true}, 1},
		{Prompting{Language: "de"}, 1}, {Prompting{DumpTemplates: true}, 0},
	} {
		if got := fresh(c.p); got != c.want {
			t.Errorf("%d: %+v: %d cells, want %d", i, c.p, got, c.want)
		}
	}
}
