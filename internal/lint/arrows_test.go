package lint

import (
	"path"
	"slices"
	"strings"
	"testing"
)

// room is what a package, or one below it, may import of this module besides its own family.
type room struct {
	dir   string
	pure  bool // no libtorch, no cgo, nothing that has them: it builds and tests with CGO_ENABLED=0
	arrow string
}

// rooms is the design's picture of the arrows. Nothing imports upward: a room that stands above another never appears
// in its row.
var rooms = []room{
	{dir: "cmd/clipgo", arrow: "training/record alignment captioning contrastive vision text losses training internal/optim internal/nn internal/torch " +
		"eval search search/ingest datasets weights vision/preprocess vision/timm text/bpe text/tokenizer internal/safetensors internal/durable internal/config internal/jpeg internal/hub internal/memory internal/paths internal/vec bench"},
	{dir: "alignment", arrow: "captioning contrastive vision text losses training datasets internal/optim internal/nn internal/torch internal/safetensors internal/config"},
	{dir: "captioning", arrow: "contrastive vision text losses training datasets internal/nn internal/torch internal/safetensors internal/config"},
	{dir: "contrastive", arrow: "vision text losses training datasets weights vision/preprocess internal/nn internal/torch internal/safetensors internal/config"},
	{dir: "training", arrow: "training/record datasets internal/optim internal/nn internal/torch internal/safetensors internal/durable"},
	{dir: "training/record", pure: true},
	{dir: "losses", arrow: "internal/torch"},
	{dir: "vision", arrow: "vision/timm internal/nn internal/torch"},
	{dir: "text", arrow: "internal/nn internal/torch"},
	{dir: "internal/optim", arrow: "internal/nn internal/torch internal/safetensors"},
	{dir: "internal/nn", arrow: "internal/torch internal/safetensors"},
	{dir: "internal/torch"},
	{dir: "vision/preprocess", pure: true, arrow: "internal/jpeg"},
	{dir: "vision/timm", pure: true},
	{dir: "text/ftfy", pure: true},
	{dir: "text/bpe", pure: true, arrow: "text/ftfy"},
	{dir: "text/tokenizer", pure: true, arrow: "text/bpe"},
	{dir: "datasets", pure: true, arrow: "internal/durable internal/paths"},
	{dir: "eval", pure: true, arrow: "training/record internal/durable internal/parallel internal/vec"},
	{dir: "weights", pure: true, arrow: "vision/timm internal/safetensors internal/pickle internal/durable internal/half internal/paths"},
	{dir: "search", pure: true, arrow: "internal/durable internal/half internal/mapped internal/parallel internal/paths internal/vec"},
	{dir: "search/ingest", pure: true, arrow: "search datasets internal/paths"},
	{dir: "internal/golden", pure: true, arrow: "internal/safetensors"},
	{dir: "internal/half", pure: true},
	{dir: "internal/jpeg", pure: true},
	{dir: "internal/safetensors", pure: true, arrow: "internal/mapped internal/half internal/parallel"},
	{dir: "internal/pickle", pure: true, arrow: "internal/safetensors internal/mapped"},
	{dir: "internal/mapped", pure: true},
	{dir: "internal/memory", pure: true},
	{dir: "internal/durable", pure: true},
	{dir: "internal/config", pure: true},
	{dir: "internal/hub", pure: true, arrow: "internal/durable"},
	{dir: "internal/lint", pure: true},
	{dir: "internal/parallel", pure: true},
	{dir: "internal/paths", pure: true},
	{dir: "internal/vec", pure: true, arrow: "internal/half"},
	{dir: "bench", pure: true, arrow: "datasets text/bpe"},
	{dir: "scripts", arrow: "datasets eval vision/preprocess text/bpe internal/jpeg internal/safetensors internal/golden"},
}

// testOnly are packages that only tests import.
var testOnly = []string{"internal/golden", "internal/torch/torchtest"}

// roomOf finds the row of a package: that of the longest name that it stands in.
func roomOf(dir string) (room, bool) {
	var best room
	for _, r := range rooms {
		if within(dir, r.dir) && len(r.dir) > len(best.dir) {
			best = r
		}
	}
	return best, best.dir != ""
}

func within(dir, parent string) bool { return dir == parent || strings.HasPrefix(dir, parent+"/") }

func TestImportsFollowTheArrows(t *testing.T) {
	for _, p := range load(t) {
		for _, s := range p.files {
			report(t, arrows(s))
		}
	}
}

// arrows lists a file's imports that go against the picture.
func arrows(s *source) (bad []string) {
	r, ok := roomOf(s.dir())
	if !ok {
		return []string{s.name + ": its package has no row among the rooms"}
	}
	for _, spec := range s.Imports {
		p := imported(spec)
		switch dir, ours := strings.CutPrefix(p, module+"/"); {
		case ours && !arrow(s, r, dir):
			bad = append(bad, s.at(spec)+": "+r.dir+" doesn't import "+dir)
		case p == "C" && r.dir != "internal/torch" && !(r.dir == "internal/jpeg" && tagged(s)):
			bad = append(bad, s.at(spec)+": cgo outside internal/torch")
		case strings.HasPrefix(p, "github.com/sugarme/gotch") && (r.dir != "internal/torch" || p != "github.com/sugarme/gotch/libtch"):
			bad = append(bad, s.at(spec)+": of gotch only libtch is used, and only by internal/torch")
		}
	}
	return bad
}

func arrow(s *source, r room, dir string) bool {
	if slices.Contains(testOnly, dir) && !s.test() {
		return r.dir == "internal/golden" || r.dir == "scripts"
	}
	to, ok := roomOf(dir)
	if !ok {
		return false
	}
	if s.test() { // a test may join what the code keeps apart, but a pure one stays pure
		return to.pure || !r.pure
	}
	return to.dir == r.dir || slices.Contains(strings.Fields(r.arrow), to.dir)
}

// tagged tells whether a file is built only with a tag.
func tagged(s *source) bool {
	for _, g := range s.Comments {
		for _, c := range g.List {
			if c.Pos() < s.Package && strings.HasPrefix(c.Text, "//go:build ") && !strings.HasPrefix(c.Text, "//go:build !") {
				return true
			}
		}
	}
	return false
}

// The table itself has no way up: each arrow goes down a partial order.
func TestArrowsHaveNoCircle(t *testing.T) {
	var visit func(dir string, above []string)
	visit = func(dir string, above []string) {
		if slices.Contains(above, dir) {
			t.Fatalf("a circle: %s", strings.Join(append(above, dir), " -> "))
		}
		r, ok := roomOf(dir)
		if !ok || r.dir != dir {
			t.Fatalf("%s has no row", dir)
		}
		for next := range strings.FieldsSeq(r.arrow) {
			to, _ := roomOf(next)
			if r.pure && !to.pure {
				t.Errorf("%s is pure, %s is not", dir, next)
			}
			visit(next, append(slices.Clone(above), dir))
		}
	}
	for _, r := range rooms {
		visit(r.dir, nil)
	}
}

func TestPackagesAreNamedForWhatTheyHold(t *testing.T) {
	for _, p := range load(t) {
		for _, s := range p.files {
			report(t, emptyName(s))
		}
	}
}

func emptyName(s *source) (bad []string) {
	for _, name := range []string{path.Base(s.dir()), strings.TrimSuffix(s.File.Name.Name, "_test")} {
		if slices.Contains([]string{"util", "utils", "common", "helper", "helpers", "misc", "shared", "lib"}, name) {
			bad = append(bad, s.name+": a package called "+name)
		}
	}
	return bad
}

func report(t *testing.T, bad []string) {
	t.Helper()
	for _, b := range bad {
		t.Error(b)
	}
}
