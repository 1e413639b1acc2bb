package lint

import (
	"go/ast"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// documents are the pages whose names are checked.
func documents(t *testing.T) []string {
	t.Helper()
	pages, err := filepath.Glob(filepath.Join(root, "docs", "*.md"))
	if err != nil || len(pages) == 0 {
		t.Fatalf("docs has no pages, %v", err)
	}
	for i, page := range pages {
		pages[i] = "docs/" + filepath.Base(page)
	}
	return append(pages, "README.md", "ARCHITECTURE.md")
}

var (
	fence     = regexp.MustCompile("(?ms)^```.*?^```$")
	quoted    = regexp.MustCompile("`([^`\n]+)`")
	link      = regexp.MustCompile(`\]\(([^)#:]+)(?:#[^)]*)?\)`)
	plainName = regexp.MustCompile(`^[\w.-]+(/[\w.-]+)*/?$`)
	ourFile   = regexp.MustCompile(`\.(go|s|cpp|h|sh|md)$`)
	testName  = regexp.MustCompile(`^Test[A-Z]\w*$`)
	foreign   = regexp.MustCompile(`^(runs|gotch)/`) // what a user's run writes; another module
)

// namedPaths lists what a page names as a file or a folder of this repository: in backticks, with a slash or as a source file, and
// the targets of links, which are relative to the page.
func namedPaths(page, text string) (out []string) {
	text = fence.ReplaceAllString(text, "")
	for _, m := range quoted.FindAllStringSubmatch(text, -1) {
		name := m[1]
		if plainName.MatchString(name) && (strings.Contains(name, "/") || ourFile.MatchString(name)) && !foreign.MatchString(name) {
			out = append(out, name)
		}
	}
	for _, m := range link.FindAllStringSubmatch(text, -1) {
		out = append(out, filepath.ToSlash(filepath.Join(filepath.Dir(page), m[1])))
	}
	return out
}

// namedTests lists the tests that a page names in backticks.
func namedTests(text string) (out []string) {
	for _, m := range quoted.FindAllStringSubmatch(text, -1) {
		if testName.MatchString(m[1]) {
			out = append(out, m[1])
		}
	}
	return out
}

func readPage(t *testing.T, page string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(root, page))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func TestDocumentsNameWhatExists(t *testing.T) {
	tests := map[string]bool{}
	for _, p := range load(t) {
		for _, s := range p.files {
			for _, d := range s.Decls {
				if f, ok := d.(*ast.FuncDecl); ok && s.test() {
					tests[f.Name.Name] = true
				}
			}
		}
	}
	for _, page := range documents(t) {
		text := readPage(t, page)
		for _, name := range namedPaths(page, text) {
			if first, _, _ := strings.Cut(name, "/"); slices.Contains(skipped, first) && first != "testdata" {
				continue // made by the build or by a run
			}
			if _, err := os.Stat(filepath.Join(root, name)); err != nil {
				t.Errorf("%s names %s, which doesn't exist", page, name)
			}
		}
		for _, name := range namedTests(text) {
			if !tests[name] {
				t.Errorf("%s names %s, which is no test", page, name)
			}
		}
	}
}

func TestArchitectureNamesEveryPackage(t *testing.T) {
	named := namedPaths("ARCHITECTURE.md", readPage(t, "ARCHITECTURE.md"))
	for _, m := range quoted.FindAllStringSubmatch(readPage(t, "ARCHITECTURE.md"), -1) {
		named = append(named, m[1])
	}
	for _, r := range rooms {
		if !slices.Contains(named, r.dir) {
			t.Errorf("ARCHITECTURE.md doesn't name %s", r.dir)
		}
	}
}

func TestNamesAreFoundInPages(t *testing.T) {
	page := "# `a/b.go` and `a/b/`, `c.go`, [d](d.md#e), [f](https://f.example), ![g](g.png)\n" +
		"`runs/x`, `y --z`, `shards/{0..9}.tar`, `state.json`, `TestA`, `Testify`\n```\n`in/fence`\n```\n"
	want := []string{"a/b.go", "a/b/", "c.go", "docs/d.md", "docs/g.png"}
	if got := namedPaths("docs/page.md", page); !slices.Equal(got, want) {
		t.Errorf("paths %q, want %q", got, want)
	}
	if got := namedTests(page); !slices.Equal(got, []string{"TestA"}) {
		t.Errorf("tests %q", got)
	}
}
