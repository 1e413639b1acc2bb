package datasets

import (
	"errors"
	"maps"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"clipgo/internal/fault"
)

func TestWhatAFolderWalkPassesOverIsCounted(t *testing.T) {
	files := map[string]string{
		"a.jpg": "", "a.txt": "one", "b.jpg": "", "lost.txt": "", "c.SVG": "", "d.svg": "", "e.heic": "", "f": "", "g.": "", ".h.jpg": "",
		".git/i.jpg": "", "@eaDir/j.jpg": "", "deep/Node_Modules/k.jpg": "", "up": "-> .", "dangling": "-> nowhere", "l.json": "{}",
		"thumbs/m.jpg": "", "deep/thumbs/n.jpg": "", "o_small.jpg": "", "deep/raw/p.jpg": "", "raw/q.jpg": "", "b.caf\xe9": "",
	}
	root := tree(t, files)
	socket, err := net.Listen("unix", filepath.Join(root, "s"))
	if err != nil {
		t.Fatal(err)
	}
	defer socket.Close()
	o := Options{Exclude: []string{"thumbs", "*_small.*", "./deep/raw/"}}
	s := openForTest(t, root, o)
	want := Ignored{
		".svg": 2, ".heic": 1, ".txt": 1, ".json": 1, "without extension": 3, "hidden": 2, "excluded by @eaDir": 1,
		"excluded by node_modules": 1, "links to a folder above them": 1,
		"excluded by thumbs":    2,
		"excluded by *_small.*": 1, "excluded by deep/raw": 1, ".caf\uFFFD": 1,
		"pipes, devices or sockets": 1,
	}
	if got := s.Info().Ignored; !maps.Equal(got, want) {
		t.Errorf("ignored %v\nwant %v", map[string]int(got), map[string]int(want))
	}
	if got := listing(t, s, root); !slices.Equal(got, []string{`a.jpg -1 ["one"]`, `b.jpg -1 []`, `raw/q.jpg -1 []`}) {
		t.Errorf("%q", got)
	}
	o.Need = NeedCaptions
	if got := openForTest(t, root, o).Info().Ignored; got[ignoredNoCaption] != 2 || got.Total() != want.Total()+2 {
		t.Errorf("where captions are needed: %v", got)
	}
	names := []string{filepath.Join(root, "raw"), filepath.Join(root, "deep"), filepath.Join(root, "a.jpg")}
	j, err := OpenAll(t.Context(), names, Options{})
	if err != nil || !maps.Equal(j.Info().Ignored, Ignored{"excluded by node_modules": 1}) {
		t.Errorf("joined: %v, %v", j.Info().Ignored, err)
	}
}

func TestIgnoredFilesAreOneLine(t *testing.T) {
	const kinds = "; pictures are read from .jpg .jpeg .png .webp .gif .jfif .jpe .jif"
	many := Ignored{}
	for i := range 20 {
		many["."+strings.Repeat("x", i+1)] = 100 - i
	}
	for want, g := range map[string]Ignored{
		"": nil, "ignored 1 file: 1 .svg" + kinds: {".svg": 1}, "ignored 4 files: 4 without caption": {ignoredNoCaption: 4},
		"ignored 14 files and folders: 9 .svg, 3 .heic, 2 hidden" + kinds: {".heic": 3, "hidden": 2, ".svg": 9},
	} {
		if got := g.String(); !strings.HasPrefix(got, want) || want == "" && got != "" {
			t.Errorf("%q, want %q", got, want)
		}
	}
	if got := many.String(); !strings.Contains(got, ", 676 others; ") {
		t.Errorf("%q", got)
	}
}

func TestPatternsThatCantMatchAreRefused(t *testing.T) {
	root := tree(t, map[string]string{"a.jpg": ""})
	for _, glob := range []string{"[", "", "/", `a\`} {
		_, err := Open(t.Context(), root, Options{Exclude: []string{glob}})
		if f := (*fault.Error)(nil); !errors.As(err, &f) || f.Key != "exclude" || fault.Of(err) != fault.Usage {
			t.Errorf("%q: %v", glob, err)
		}
	}
}

// A folder whose path is longer than the system allows can't be read, not even by root.
func TestAFolderThatCantBeReadCostsItselfAlone(t *testing.T) {
	root := tree(t, map[string]string{"a.jpg": "", "z/b.jpg": ""})
	t.Chdir(root)
	long := strings.Repeat("d", 250)
	for range 17 {
		if err := errors.Join(os.Mkdir(long, 0o755), os.Chdir(long)); err != nil {
			t.Fatal(err)
		}
	}
	s := openForTest(t, root, Options{})
	if got := listing(t, s, root); !slices.Equal(got, []string{`a.jpg -1 []`, `z/b.jpg -1 []`}) {
		t.Errorf("%q", got)
	}
	unread := s.Info().Unread
	if len(unread) != 1 || !strings.HasPrefix(unread[0].Key, filepath.Join(root, long)) || unread[0].Source != root ||
		!strings.Contains(unread[0].Reason, "too long") {
		t.Errorf("%v", unread)
	}
}

// A folder that can be looked at but not listed, here one that has become a file.
func TestAFolderThatCantBeListedCostsItselfAlone(t *testing.T) {
	f := finder{root: tree(t, map[string]string{"a.jpg": ""})}
	err := f.folder(t.Context(), "a.jpg", nil)
	if err != nil || len(f.unread) != 1 || !strings.Contains(f.unread[0].Reason, "not a directory") {
		t.Errorf("%v, %v", err, f.unread)
	}
	if err := f.folder(t.Context(), "gone", nil); err != nil || len(f.unread) != 1 {
		t.Errorf("removed in the meantime: %v, %v", err, f.unread)
	}
	f.root += "/a.jpg"
	if err := f.folder(t.Context(), "", nil); err == nil {
		t.Error("the source itself can't be listed, and there is no error")
	}
}
