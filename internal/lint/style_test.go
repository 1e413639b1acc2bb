package lint

import (
	"bytes"
	"fmt"
	"go/ast"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// rules are those that look at one file.
var rules = map[string]func(s *source) []string{
	"calls":     forbiddenCalls,
	"imports":   blankImports,
	"functions": forbiddenFunctions,
	"sizes":     sizes,
	"comments":  comments,
	"ascii":     ascii,
}

func TestStyle(t *testing.T) {
	pkgs := load(t)
	for name, rule := range rules {
		t.Run(name, func(t *testing.T) {
			for _, p := range pkgs {
				for _, s := range p.files {
					report(t, rule(s))
				}
			}
		})
	}
	t.Run("package comments", func(t *testing.T) {
		for _, p := range pkgs {
			report(t, packageComment(p))
		}
	})
	t.Run("variables", func(t *testing.T) {
		for _, p := range pkgs {
			report(t, variables(p))
		}
	})
}

// decoders take whatever formats happen to be registered, and read a header that nobody has bounded.
var decoders = map[string][]string{
	"image":                             {"Decode", "DecodeConfig", "RegisterFormat"},
	"github.com/disintegration/imaging": {"Decode", "Open"},
}

func forbiddenCalls(s *source) (bad []string) {
	program := s.name == "cmd/clipgo/main.go" || s.File.Name.Name == "main" && !within(s.dir(), "cmd") || s.test()
	s.selections(func(n ast.Node, path, name string) {
		ends := path == "os" && name == "Exit" || path == "log" && (strings.HasPrefix(name, "Fatal") || strings.HasPrefix(name, "Panic"))
		switch {
		case slices.Contains(decoders[path], name):
			bad = append(bad, s.at(n)+": "+path+"."+name+"; vision/preprocess decodes")
		case ends && !program:
			bad = append(bad, s.at(n)+": "+path+"."+name+" outside main.go")
		case strings.HasPrefix(name, "Must") && !(path == "regexp" && name == "MustCompile"):
			bad = append(bad, s.at(n)+": "+path+"."+name)
		}
	})
	return bad
}

// blankImports would register image formats, or do something else behind the reader's back.
func blankImports(s *source) (bad []string) {
	for _, spec := range s.Imports {
		if spec.Name != nil && spec.Name.Name == "_" && imported(spec) != "embed" {
			bad = append(bad, s.at(spec)+": blank import of "+imported(spec))
		}
	}
	return bad
}

func forbiddenFunctions(s *source) (bad []string) {
	for _, f := range functions(s) {
		if f.Name.Name == "init" && f.Recv == nil {
			bad = append(bad, s.at(f)+": init")
		}
		if regexp.MustCompile(`^[Mm]ust([A-Z]|$)`).MatchString(f.Name.Name) && !s.test() {
			bad = append(bad, s.at(f)+": "+f.Name.Name)
		}
	}
	return bad
}

func functions(s *source) (out []*ast.FuncDecl) {
	for _, d := range s.Decls {
		if f, ok := d.(*ast.FuncDecl); ok {
			out = append(out, f)
		}
	}
	return out
}

// The sizes in lines that nothing passes, and the one that a function should keep to.
const (
	fileLimit, functionLimit, functionAim = 400, 50, 40
)

func sizes(s *source) (bad []string) {
	if s.test() {
		return nil
	}
	if n := s.lines(s.File); n > fileLimit {
		bad = append(bad, fmt.Sprintf("%s: %d lines", s.name, n))
	}
	for _, f := range functions(s) {
		if n := s.lines(f); n > functionLimit {
			bad = append(bad, fmt.Sprintf("%s: %s has %d lines", s.at(f), f.Name.Name, n))
		}
	}
	return bad
}

// TestLongFunctions fails nothing: it lists what to look at (go test -v).
func TestLongFunctions(t *testing.T) {
	for _, p := range load(t) {
		for _, s := range p.code() {
			for _, f := range functions(s) {
				if n := s.lines(f); n > functionAim {
					t.Logf("%s: %s has %d lines", s.at(f), f.Name.Name, n)
				}
			}
		}
	}
}

// known are methods whose name says all.
var known = strings.Fields("Error Unwrap Is As String Len Less Swap Read Write Close MarshalJSON UnmarshalJSON MarshalText UnmarshalText")

// comments wants one on every exported name of a package that can be imported.
func comments(s *source) (bad []string) {
	if s.test() || s.File.Name.Name == "main" {
		return nil
	}
	for _, d := range s.Decls {
		switch d := d.(type) {
		case *ast.FuncDecl:
			if d.Name.IsExported() && d.Doc == nil && (d.Recv == nil || exportedReceiver(d) && !slices.Contains(known, d.Name.Name)) {
				bad = append(bad, s.at(d)+": "+d.Name.Name+" has no comment")
			}
		case *ast.GenDecl:
			for _, spec := range d.Specs {
				if name := uncommented(d, spec); name != "" {
					bad = append(bad, s.at(spec)+": "+name+" has no comment")
				}
			}
		}
	}
	return bad
}

func exportedReceiver(f *ast.FuncDecl) bool {
	t := f.Recv.List[0].Type
	if p, ok := t.(*ast.StarExpr); ok {
		t = p.X
	}
	if g, ok := t.(*ast.IndexExpr); ok {
		t = g.X
	}
	name, ok := t.(*ast.Ident)
	return ok && name.IsExported()
}

// uncommented gives the first exported name that neither a spec nor its group comments on.
func uncommented(d *ast.GenDecl, spec ast.Spec) string {
	var names []*ast.Ident
	var own bool
	switch spec := spec.(type) {
	case *ast.TypeSpec:
		names, own = []*ast.Ident{spec.Name}, spec.Doc != nil || spec.Comment != nil
	case *ast.ValueSpec:
		names, own = spec.Names, spec.Doc != nil || spec.Comment != nil
	}
	if own || d.Doc != nil {
		return ""
	}
	for _, n := range names {
		if n.IsExported() {
			return n.Name
		}
	}
	return ""
}

func ascii(s *source) (bad []string) {
	for _, g := range s.Comments {
		for _, c := range g.List {
			if i := strings.IndexFunc(c.Text, func(r rune) bool { return r > 126 || r < ' ' && r != '\t' && r != '\n' }); i >= 0 {
				bad = append(bad, fmt.Sprintf("%s: %q in a comment", s.at(c), []rune(c.Text[i:])[0]))
			}
		}
	}
	return bad
}

func packageComment(p pkg) []string {
	code := p.code()
	if len(code) == 0 || slices.ContainsFunc(code, func(s *source) bool { return s.Doc != nil }) {
		return nil
	}
	return []string{p.dir + ": no package comment"}
}

// variables lists package variables that code changes: the assigned ones, and those of a type that exists to be changed.
// It doesn't see a change through a pointer. The seam counts its live handles and has one thread: that is its own.
func variables(p pkg) (bad []string) {
	if p.dir == "internal/torch" {
		return nil
	}
	vars := map[string]bool{}
	for _, s := range p.code() {
		for _, spec := range globals(s) {
			for _, n := range spec.Names {
				vars[n.Name] = n.Name != "_"
			}
			if t, ok := spec.Type.(*ast.SelectorExpr); ok {
				if x, ok := t.X.(*ast.Ident); ok && (x.Name == "sync" || x.Name == "atomic") {
					bad = append(bad, fmt.Sprintf("%s: a package variable of type %s.%s", s.at(spec), x.Name, t.Sel.Name))
				}
			}
		}
	}
	for _, s := range p.code() {
		for _, n := range assigned(s) {
			if vars[n.Name] && (n.Obj == nil || global(n, s)) {
				bad = append(bad, s.at(n)+": package variable "+n.Name+" is assigned")
			}
		}
	}
	return bad
}

func globals(s *source) (out []*ast.ValueSpec) {
	for _, d := range s.Decls {
		if g, ok := d.(*ast.GenDecl); ok && g.Tok == token.VAR {
			for _, spec := range g.Specs {
				out = append(out, spec.(*ast.ValueSpec))
			}
		}
	}
	return out
}

// global tells whether a name that the file declares is declared at its top.
func global(n *ast.Ident, s *source) bool {
	spec, ok := n.Obj.Decl.(*ast.ValueSpec)
	return ok && slices.Contains(globals(s), spec)
}

// assigned finds the names at the root of what is assigned to: x of x = 1, x.f += 1, x[i]++ and range loops.
func assigned(s *source) (out []*ast.Ident) {
	add := func(e ast.Expr) {
		if n := rootName(e); n != nil {
			out = append(out, n)
		}
	}
	ast.Inspect(s.File, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.AssignStmt:
			if n.Tok != token.DEFINE {
				for _, e := range n.Lhs {
					add(e)
				}
			}
		case *ast.IncDecStmt:
			add(n.X)
		case *ast.RangeStmt:
			if n.Tok == token.ASSIGN {
				add(n.Key)
			}
		}
		return true
	})
	return out
}

func rootName(e ast.Expr) *ast.Ident {
	for {
		switch x := e.(type) {
		case *ast.Ident:
			return x
		case *ast.SelectorExpr:
			e = x.X
		case *ast.IndexExpr:
			e = x.X
		case *ast.ParenExpr:
			e = x.X
		case *ast.StarExpr:
			e = x.X
		default:
			return nil
		}
	}
}

// machinePath is the home or workplace of one machine; it is put together so that it doesn't find itself.
var machinePath = regexp.MustCompile(`(^|[\s"'=:(` + "`" + `])/(` +
	strings.Join([]string{"work", "farm", "root", "Users", "home"}, "|") + `)/\w`)

func TestNoMachinePaths(t *testing.T) {
	walk(t, func(name string) error {
		content, err := os.ReadFile(filepath.Join(root, filepath.FromSlash(name)))
		if err != nil || bytes.IndexByte(content, 0) >= 0 {
			return err
		}
		for i, line := range strings.Split(string(content), "\n") {
			if m := machinePath.FindString(line); m != "" {
				t.Errorf("%s:%d: a path of one machine: %s", name, i+1, strings.TrimSpace(m))
			}
		}
		return nil
	})
}
