package lint

import (
	_ "embed"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// room is what a package, or one below it, may import of this module in addition to its own family.
type room struct {
	dir   string
	kind  string // pure: no libtorch, no cgo, nothing that has them, so that it builds and tests with CGO_ENABLED=0; else torch
	arrow []string
}

//go:embed rooms.txt
var roomList string

// rooms is the design's picture of the arrows. Nothing imports upward: a room never appears in the row of one below it.
var rooms = readRooms(roomList)

// readRooms reads rooms.txt, whose head describes it.
func readRooms(list string) (out []room) {
	for line := range strings.Lines(list) {
		words := strings.Fields(line)
		switch {
		case len(words) == 0 || strings.HasPrefix(line, "#"):
		case strings.HasPrefix(line, " "):
			last := &out[len(out)-1]
			last.arrow = append(last.arrow, words...)
		default:
			out = append(out, room{dir: words[0], kind: words[1], arrow: words[2:]})
		}
	}
	return out
}

func (r room) pure() bool { return r.kind == "pure" }

func TestRoomsAreAllThere(t *testing.T) {
	for _, r := range rooms {
		if _, err := os.Stat(filepath.Join(root, r.dir)); err != nil {
			t.Errorf("rooms.txt: %v", err)
		}
		if !r.pure() && r.kind != "torch" {
			t.Errorf("rooms.txt: %s is %q, neither pure nor torch", r.dir, r.kind)
		}
	}
}

// testOnly are packages that only tests import.
var testOnly = []string{"internal/golden", "model/modeltest", "internal/torch/torchtest", "internal/remote/remotetest",
	"internal/browsertest", "training/dist/disttest"}

// roomOf finds the row of a package: that of the longest name that it is in.
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
		return slices.Contains(testOnly, s.dir()) || r.dir == "scripts"
	}
	to, ok := roomOf(dir)
	if !ok {
		return false
	}
	if s.test() { // a test may join what the code keeps apart, but a pure one stays pure
		return to.pure() || !r.pure()
	}
	return to.dir == r.dir || slices.Contains(r.arrow, to.dir)
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
		for _, next := range r.arrow {
			to, _ := roomOf(next)
			if r.pure() && !to.pure() {
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
