package lint

import (
	"strings"
	"testing"
)

// Each rule finds what it is there for. The last column is a word of the complaint; empty: there is none.
func TestRulesFindWhatTheyAreFor(t *testing.T) {
	long := "func f() {\n" + strings.Repeat("\tf()\n", functionLimit) + "}\n"
	for _, c := range []struct {
		rule       func(*source) []string
		name, code string
		want       string
	}{
		{arrows, "eval/a.go", `import "clipgo/contrastive"`, "doesn't import"},
		{arrows, "report/a.go", `import "clipgo/eval"`, ""},
		{arrows, "eval/a_test.go", `import "clipgo/internal/golden"`, ""},
		{arrows, "eval/a_test.go", `import "clipgo/contrastive"`, "doesn't import"},
		{arrows, "contrastive/a_test.go", `import "clipgo/text/bpe"`, ""},
		{arrows, "eval/a.go", `import "clipgo/internal/golden"`, "doesn't import"},
		{arrows, "vision/a.go", `import "clipgo/contrastive"`, "doesn't import"},
		{arrows, "text/bpe/a.go", `import "clipgo/internal/torch"`, "doesn't import"},
		{arrows, "search/a.go", `import "C"`, "cgo"},
		{arrows, "internal/jpeg/a.go", `import "C"`, "cgo"},
		{arrows, "internal/torch/a.go", `import "C"`, ""},
		{arrows, "vision/a.go", `import "github.com/sugarme/gotch/libtch"`, "gotch"},
		{arrows, "internal/torch/a.go", `import "github.com/sugarme/gotch/libtch"`, ""},
		{arrows, "internal/torch/a.go", `import "github.com/sugarme/gotch/ts"`, "gotch"},
		{arrows, "somewhere/a.go", ``, "no row"},
		{emptyName, "eval/util/a.go", ``, "util"},
		{forbiddenCalls, "datasets/a.go", "import \"image\"\nvar x, _, _ = image.Decode(nil)", "image.Decode"},
		{forbiddenCalls, "datasets/a.go", "import pic \"image\"\nvar x, _, _ = pic.DecodeConfig(nil)", "image.DecodeConfig"},
		{forbiddenCalls, "datasets/a.go", "import \"github.com/disintegration/imaging\"\nvar x, _ = imaging.Open(``)", "imaging.Open"},
		{forbiddenCalls, "datasets/a.go", "import \"image/png\"\nvar x, _ = png.Decode(nil)", ""},
		{forbiddenCalls, "datasets/a.go", "import \"image\"\nfunc f(image struct{ Decode int }) int { return image.Decode }", ""},
		{forbiddenCalls, "cmd/clipgo/train.go", "import \"os\"\nfunc f() { os.Exit(1) }", "os.Exit"},
		{forbiddenCalls, "cmd/clipgo/main.go", "import \"os\"\nfunc f() { os.Exit(1) }", ""},
		{forbiddenCalls, "eval/a.go", "import \"log\"\nfunc f() { log.Fatalf(``) }", "log.Fatalf"},
		{forbiddenCalls, "eval/a.go", "import \"text/template\"\nvar x = template.Must(nil, nil)", "template.Must"},
		{forbiddenCalls, "eval/a.go", "import \"regexp\"\nvar x = regexp.MustCompile(``)", ""},
		{blankImports, "eval/a.go", `import _ "image/png"`, "blank"},
		{blankImports, "eval/a.go", `import _ "embed"`, ""},
		{forbiddenFunctions, "eval/a.go", `func init() {}`, "init"},
		{forbiddenFunctions, "eval/a.go", `func mustRead() {}`, "mustRead"},
		{forbiddenFunctions, "eval/a.go", `func mustard() {}`, ""},
		{sizes, "eval/a.go", long, "52 lines"},
		{sizes, "eval/a_test.go", long, ""},
		{sizes, "eval/a.go", strings.Repeat("var _ = 1\n", fileLimit), "lines"},
		{comments, "eval/a.go", `func Exported() {}`, "Exported"},
		{comments, "eval/a.go", "// Exported is.\nfunc Exported() {}\nfunc (t *t) Method() {}\nfunc (t T) Error() string { return `` }",
			""},
		{comments, "eval/a.go", "func (t *T[int]) Method() {}", "Method"},
		{comments, "eval/a.go", "const (\n\ta = 1\n\tB = 2\n)", "B"},
		{comments, "eval/a.go", "// All of them.\nconst (\n\tA = 1\n\tB = 2\n)\n\ntype t struct{}", ""},
		{comments, "eval/a.go", "type T struct{}", "T"},
		{ascii, "eval/a.go", "// Na\u00efve.\nvar x = 1", "comment"},
		{ascii, "eval/a.go", "var x = `na\u00efve` // naive", ""},
		{lines, "eval/a.go", "\t\t// " + strings.Repeat("\u00e4", lineLimit-11), ""},
		{lines, "eval/a.go", "\t\t// " + strings.Repeat("a", lineLimit-10), "141 columns"},
		{words, "eval/a.go", "// It was told.\nvar x = 1", "told"},
		{words, "eval/a.go", "// It fails for want\n// of memory.\nvar x = 1", "want of"},
		{words, "eval/a.go", "var x = `Besides, it is`", "besides"},
		{words, "eval/a.go", "// It stands\n// for x.\nvar x = `It stands in for y`", ""},
		{words, "eval/a.go", "// Where it stands.\nvar x = 1", "stands"},
		{words, "eval/a.go", "// The least is untold.\nvar told = `x`", ""},
		{onePackage(packageComment), "eval/a.go", "", "package comment"},
		{onePackage(variables), "eval/a.go", "var x int\nfunc f() { x = 1 }", "x is assigned"},
		{onePackage(variables), "eval/a.go", "var x []int\nfunc f() { x[0]++ }", "x is assigned"},
		{onePackage(variables), "eval/a.go", "var x struct{ y int }\nfunc f() { x.y, _ = 1, 2 }", "x is assigned"},
		{onePackage(variables), "eval/a.go", "var x int\nfunc f() { x := 1; x = 2; _ = x }", ""},
		{onePackage(variables), "eval/a.go", "var x int\nfunc f(x int) { x++ }", ""},
		{onePackage(variables), "eval/a.go", "import \"sync\"\nvar mu sync.Mutex", "sync.Mutex"},
		{onePackage(variables), "eval/a.go", "import \"sync\"\nvar table = sync.OnceValue(f)", ""},
	} {
		s, err := parse(c.name, []byte("package p\n\n"+c.code+"\n"))
		if err != nil {
			t.Fatalf("%s: %v", c.code, err)
		}
		got := strings.Join(c.rule(s), "\n")
		if c.want == "" && got != "" || !strings.Contains(got, c.want) {
			t.Errorf("%s, %.60q: %q, want %q", c.name, c.code, got, c.want)
		}
	}
}

func onePackage(rule func(pkg) []string) func(*source) []string {
	return func(s *source) []string { return rule(pkg{s.dir(), []*source{s}}) }
}
