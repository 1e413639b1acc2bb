package lint

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

const module = "clipgo"

// source is a parsed Go file, whatever its build tags say.
type source struct {
	name    string // from the module's root, with slashes
	content []byte
	fset    *token.FileSet
	*ast.File
}

func (s *source) dir() string { return path.Dir(s.name) }
func (s *source) test() bool  { return strings.HasSuffix(s.name, "_test.go") }
func (s *source) at(p ast.Node) string {
	return fmt.Sprintf("%s:%d", s.name, s.fset.Position(p.Pos()).Line)
}

// pkg is the files of a directory; those of an external test package are among them.
type pkg struct {
	dir   string
	files []*source
}

// code gives the files that are not tests.
func (p pkg) code() []*source {
	return slices.DeleteFunc(slices.Clone(p.files), (*source).test)
}

func parse(name string, content []byte) (*source, error) {
	fset := token.NewFileSet()
	f, err := parser.ParseFile(fset, name, content, parser.ParseComments)
	return &source{name, content, fset, f}, err
}

// root is the module's directory.
const root = "../.."

// skipped are folders that hold no source of this module. In a worktree of git, .git is a file.
var skipped = []string{".git", "bin", "build", "runs", "testdata"}

// walk visits all files of the module; name is from its root.
func walk(t *testing.T, visit func(name string) error) {
	t.Helper()
	err := filepath.WalkDir(root, func(p string, e fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if !e.IsDir() && e.Name() != ".git" {
			name, err := filepath.Rel(root, p)
			if err != nil || !e.Type().IsRegular() || name == ".git" { // a file in a linked work tree
				return err
			}
			return visit(filepath.ToSlash(name))
		}
		switch {
		case !e.IsDir():
			return nil
		case slices.Contains(skipped, e.Name()):
			return fs.SkipDir
		}
		if _, err := os.Stat(filepath.Join(p, "go.mod")); err == nil && p != root {
			return fs.SkipDir
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// load parses the module, in the order of its directories.
func load(t *testing.T) []pkg {
	t.Helper()
	var out []pkg
	walk(t, func(name string) error {
		if path.Ext(name) != ".go" {
			return nil
		}
		content, err := os.ReadFile(filepath.Join(root, filepath.FromSlash(name)))
		if err != nil {
			return err
		}
		s, err := parse(name, content)
		if err != nil {
			return err
		}
		i := slices.IndexFunc(out, func(p pkg) bool { return p.dir == s.dir() })
		if i < 0 {
			i, out = len(out), append(out, pkg{dir: s.dir()})
		}
		out[i].files = append(out[i].files, s)
		return nil
	})
	if !slices.ContainsFunc(out, func(p pkg) bool { return p.dir == "internal/lint" }) {
		t.Fatal("the walk missed this package")
	}
	return out
}

// imported gives the path that an import spec names.
func imported(spec *ast.ImportSpec) string {
	p, err := strconv.Unquote(spec.Path.Value)
	if err != nil {
		panic(err) // the parser took it
	}
	return p
}

// lines counts the lines of a node.
func (s *source) lines(n ast.Node) int {
	return s.fset.Position(n.End()).Line - s.fset.Position(n.Pos()).Line + 1
}

// selections visits what is selected of imported packages: image.Decode is visit(node, "image", "Decode").
func (s *source) selections(visit func(n ast.Node, path, name string)) {
	local := map[string]string{}
	for _, spec := range s.Imports {
		p := imported(spec)
		name := path.Base(p)
		if spec.Name != nil {
			name = spec.Name.Name
		}
		local[name] = p
	}
	ast.Inspect(s.File, func(n ast.Node) bool {
		if sel, ok := n.(*ast.SelectorExpr); ok {
			if x, ok := sel.X.(*ast.Ident); ok && x.Obj == nil && local[x.Name] != "" {
				visit(n, local[x.Name], sel.Sel.Name)
			}
		}
		return true
	})
}
