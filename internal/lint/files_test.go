package lint

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"go/types"
	"maps"
	"path"
	"slices"
	"strings"
	"testing"
)

// layered are the packages whose files depend on each other in one direction only. They are large, and their files are parts that
// a reader can take one by one.
var layered = []string{"cmd/clipgo"}

// nothing imports every package as an empty one: only what the files use of each other is of interest.
type nothing struct{}

func (nothing) Import(p string) (*types.Package, error) {
	empty := types.NewPackage(p, path.Base(p))
	empty.MarkComplete()
	return empty, nil
}

// fileArrows maps each file of a package to the files whose declarations it uses, with one such name each.
func fileArrows(p pkg) map[string]map[string]string {
	fset, where := token.NewFileSet(), map[*token.File]string{}
	var files []*ast.File
	for _, s := range p.code() {
		f, err := parser.ParseFile(fset, s.name, s.content, 0)
		if err != nil {
			panic(err) // load parsed it
		}
		files = append(files, f)
		where[fset.File(f.Pos())] = path.Base(s.name)
	}
	info := &types.Info{Uses: map[*ast.Ident]types.Object{}}
	ignored := func(error) {} // what the empty packages lack
	whole, _ := (&types.Config{Importer: nothing{}, Error: ignored}).Check(p.dir, fset, files, info)
	out := map[string]map[string]string{}
	for id, used := range info.Uses {
		if used.Pkg() != whole || !used.Pos().IsValid() {
			continue
		}
		if from, to := where[fset.File(id.Pos())], where[fset.File(used.Pos())]; from != to {
			if out[from] == nil {
				out[from] = map[string]string{}
			}
			out[from][to] = max(out[from][to], id.Name) // the last one, so that the answer is always the same
		}
	}
	return out
}

// circle finds files that use each other in a circle.
func circle(arrows map[string]map[string]string) string {
	done := map[string]bool{}
	var visit func(file string, above []string) string
	visit = func(file string, above []string) string {
		if at := slices.Index(above, file); at >= 0 {
			text := file
			for i, from := range above[at:] {
				to := append(above[at:], file)[i+1]
				text += fmt.Sprintf(" -> %s (%s)", to, arrows[from][to])
			}
			return text
		}
		if done[file] {
			return ""
		}
		done[file] = true
		for _, next := range slices.Sorted(maps.Keys(arrows[file])) {
			if found := visit(next, append(slices.Clone(above), file)); found != "" {
				return found
			}
		}
		return ""
	}
	for _, file := range slices.Sorted(maps.Keys(arrows)) {
		if found := visit(file, nil); found != "" {
			return found
		}
	}
	return ""
}

// scattered lists types whose methods are in more than two files.
func scattered(p pkg) (bad []string) {
	files := map[string][]string{}
	for _, s := range p.code() {
		for _, d := range s.Decls {
			f, ok := d.(*ast.FuncDecl)
			if !ok || f.Recv == nil {
				continue
			}
			if name := rootName(f.Recv.List[0].Type); name != nil && !slices.Contains(files[name.Name], s.name) {
				files[name.Name] = append(files[name.Name], s.name)
			}
		}
	}
	for _, name := range slices.Sorted(maps.Keys(files)) {
		if in := files[name]; len(in) > 2 {
			bad = append(bad, fmt.Sprintf("%s: the methods of %s are in %s", p.dir, name, strings.Join(in, ", ")))
		}
	}
	return bad
}

func TestFilesOfAPackageAreLayered(t *testing.T) {
	seen := 0
	for _, p := range load(t) {
		if !slices.Contains(layered, p.dir) {
			continue
		}
		seen++
		if found := circle(fileArrows(p)); found != "" {
			t.Errorf("%s: a circle of files: %s", p.dir, found)
		}
		report(t, scattered(p))
	}
	if seen != len(layered) {
		t.Errorf("%d of %d layered packages were found", seen, len(layered))
	}
}

func TestCirclesOfFilesAreFound(t *testing.T) {
	for _, c := range []struct{ a, b, want string }{
		{"func f() { g() }", "func g() {}", ""},
		{"func f() { g() }", "func g() { h() }; func h() { g() }", ""},
		{"func f() { g() }", "func g() { f() }", "a.go -> b.go (g) -> a.go (f)"},
		{"type t struct{}; func f(x t) { x.m() }", "func (t) m() {}", "a.go -> b.go (m) -> a.go (t)"},
		{"type t struct{ n int }; func f() { g(t{}) }", "func g(x struct{ n int }) { n := x.n; _ = n }", ""},
	} {
		var p pkg
		for name, code := range map[string]string{"a.go": c.a, "b.go": c.b} {
			s, err := parse(name, []byte("package p; "+code))
			if err != nil {
				t.Fatal(err)
			}
			p.files = append(p.files, s)
		}
		if got := circle(fileArrows(p)); got != c.want {
			t.Errorf("%s | %s: %q, want %q", c.a, c.b, got, c.want)
		}
	}
}
