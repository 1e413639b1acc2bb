package datasets

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestBeginningsArePartsOfThePictures(t *testing.T) {
	long := strings.Repeat("0123456789", 100)
	root := tree(t, map[string]string{"a.jpg": long, "a.txt": "one", "b.jpg": "short", "b.txt": "two",
		"t.csv": "filepath,title\na.jpg,x\nb.jpg,y\n"})
	tars := shardTree(t, map[string]string{"0.tar": "a.jpg=" + long + " a.txt=one b.jpg=short b.txt=two"})
	for _, name := range []string{root, filepath.Join(root, "t.csv"), tars, filepath.Join(tars, "0.tar")} {
		s := openForTest(t, name, Options{})
		both := Select(s, []int{1, 0})
		if !ReadsParts(s) || !ReadsParts(both) {
			t.Errorf("%s reads no parts", name)
		}
		for _, c := range []struct {
			source Source
			i      int
			want   string
			whole  bool
		}{{s, 0, long[:20], false}, {s, 1, "short", true}, {both, 1, long[:20], false}, {both, 0, "short", true}} {
			p, whole, err := Beginning(t.Context(), c.source, c.i, 20)
			if err != nil || string(p.File) != c.want || whole != c.whole {
				t.Errorf("%s, %d: %q, whole %v, %v", name, c.i, p.File, whole, err)
			}
		}
	}
}

// tape is a source that is read in sequence.
type tape struct{ *folder }

func (tape) sequential() bool { return true }

func TestSequencesAreKnown(t *testing.T) {
	s := openForTest(t, tree(t, map[string]string{"a.jpg": "x", "a.txt": "one"}), Options{})
	both := &joined{parts: []Source{s, tape{s.(*folder)}}}
	for name, one := range map[string]Source{"a part": both, "a subset": Select(both, []int{0}), "itself": tape{s.(*folder)}} {
		if !InSequence(one) || ReadsParts(one) {
			t.Errorf("%s: read in any order", name)
		}
	}
	if InSequence(s) || !ReadsParts(s) {
		t.Error("a folder is read in sequence")
	}
}

func TestBeginningsOfWhatCannotBeReadSayWhy(t *testing.T) {
	root := tree(t, map[string]string{"a.jpg": "x", "a.txt": "one", "b.jpg": "y", "b.txt": "two"})
	s := openForTest(t, root, Options{})
	if err := os.Remove(filepath.Join(root, "a.jpg")); err != nil {
		t.Fatal(err)
	}
	if _, _, err := Beginning(t.Context(), s, 0, 10); err == nil || !strings.Contains(err.Error(), "no such file") {
		t.Errorf("%v", err)
	}
	huge := file{path: filepath.Join(root, "b.jpg"), size: pictureLimit + 1, label: -1}
	if _, err := huge.readPart(t.Context(), 10); err == nil || !strings.Contains(err.Error(), "more than") {
		t.Errorf("a part of a huge file: %v", err)
	}
	whole := &fake{n: 3}
	if ReadsParts(whole) {
		t.Error("a source without parts reads them")
	}
	if p, all, err := Beginning(t.Context(), whole, 1, 10); err != nil || !all || p.RGB == nil && p.File == nil {
		t.Errorf("%v, %v, %v", p, all, err)
	}
}
