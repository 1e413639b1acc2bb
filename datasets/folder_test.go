package datasets

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
)

// tree writes a folder: names with their contents; a name that ends in a slash is a folder, a content that starts with
// "-> " a link.
func tree(t *testing.T, files map[string]string) string {
	t.Helper()
	root := t.TempDir()
	for name, content := range files {
		path := filepath.Join(root, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		target, link := strings.CutPrefix(content, "-> ")
		var err error
		switch {
		case strings.HasSuffix(name, "/"):
			err = os.MkdirAll(path, 0o755)
		case link:
			err = os.Symlink(target, path)
		default:
			err = os.WriteFile(path, []byte(content), 0o644)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	return root
}

// listing shows a source's samples in one line each: the name below root, its label, captions, and why it is bad.
func listing(t *testing.T, s Source, root string) []string {
	var out []string
	for i := range s.Len() {
		e := entryOf(t, s, i)
		rel, _ := filepath.Rel(root, e.Key)
		line := fmt.Sprintf("%s %d %q", filepath.ToSlash(rel), e.Label, e.Captions)
		if e.Bad != "" {
			line += " bad: " + e.Bad
		}
		out = append(out, line)
	}
	return out
}

func TestFoldersAreReadForWhatTheyHold(t *testing.T) {
	for name, c := range map[string]struct {
		files   map[string]string
		need    Need
		want    []string
		classes []string
		notes   []string
	}{
		"captions beside pictures": {
			files: map[string]string{"a.jpg": "1", "a.txt": "one\n\n  two \r\n", "b.png": "2", "b.txt": "three"},
			want:  []string{`a.jpg -1 ["one" "two"]`, `b.png -1 ["three"]`},
		},
		"extensions in any case": {
			files: map[string]string{
				"a.JPG": "1", "a.TXT": "one", "b.JpEg": "", "c.WEBP": "", "d.gif": "", "e.svg": "", "f": "", "g.jpg.part": "",
			},
			want:  []string{`a.JPG -1 ["one"]`, `b.JpEg -1 []`, `c.WEBP -1 []`, `d.gif -1 []`},
			notes: []string{"3 of 4 pictures have no caption"},
		},
		"bytewise order over depths": {
			files: map[string]string{"b.jpg": "", "a/z.jpg": "", "a.jpg": "", "a-b/c.jpg": "", "B.jpg": "", "ä.jpg": ""},
			want:  []string{`B.jpg -1 []`, `a-b/c.jpg -1 []`, `a.jpg -1 []`, `a/z.jpg -1 []`, `b.jpg -1 []`, `ä.jpg -1 []`},
		},
		"hidden ones are left out": {
			files: map[string]string{"a.jpg": "", ".b.jpg": "", ".git/c.jpg": "", "d/.e.jpg": "", "d/.f/g.jpg": ""},
			want:  []string{`a.jpg -1 []`},
		},
		"a picture without a caption is left out where captions are needed": {
			need:  NeedCaptions,
			files: map[string]string{"a.jpg": "", "a.txt": "one", "b.jpg": "", "b.txt": "two", "c.jpg": "", "c.txt": " \n", "d.jpg": ""},
			want:  []string{`a.jpg -1 ["one"]`, `b.jpg -1 ["two"]`},
		},
		"captions in .json files of img2dataset": {
			need: NeedCaptions,
			files: map[string]string{
				"0/a.jpg": "", "0/a.json": `{"caption":"one","key":"a"}`, "0/b.jpg": "",
				"0/b.json": "\ufeff{\"TEXT\":\"two\"}", "0/c.jpg": "", "0/c.json": `{"caption":"not used"}`, "0/c.txt": "three",
				"0/d.jpg": "", "0/d.json": `{"caption":null}`, "0_stats.json": "{}",
			},
			want: []string{`0/a.jpg -1 ["one"]`, `0/b.jpg -1 ["two"]`, `0/c.jpg -1 ["three"]`},
		},
		"two folders of one class": {
			files:   map[string]string{"red_circle/a.jpg": "", "red circle/b.jpg": "", "red-circle/c.jpg": ""},
			want:    []string{`red circle/b.jpg 0 []`, `red-circle/c.jpg 1 []`, `red_circle/a.jpg 0 []`},
			classes: []string{"red circle", "red-circle"},
			notes:   []string{"folder red_circle is of the same class as an earlier one: red circle"},
		},
		"JPEG by its other names": {
			files: map[string]string{"a.jfif": "", "b.JPE": "", "c.jif": ""},
			want:  []string{`a.jfif -1 []`, `b.JPE -1 []`, `c.jif -1 []`},
		},
		"classes": {
			files:   map[string]string{"polar_bear/x/1.jpg": "", "ant/2.jpg": "", "Zebra/3.jpg": "", "none/readme.txt": "", "list.csv": ""},
			want:    []string{`Zebra/3.jpg 0 []`, `ant/2.jpg 1 []`, `polar_bear/x/1.jpg 2 []`},
			classes: []string{"Zebra", "ant", "polar bear"},
		},
		"class names are captions where captions are needed": {
			need:    NeedCaptions,
			files:   map[string]string{"polar_bear/1.jpg": "", "ant/2.jpg": ""},
			want:    []string{`ant/2.jpg 0 ["ant"]`, `polar_bear/1.jpg 1 ["polar bear"]`},
			classes: []string{"ant", "polar bear"},
		},
		"numbered folders with captions are no classes": {
			need:  NeedCaptions,
			files: map[string]string{"000/a.jpg": "", "000/a.txt": "one", "001/b.jpg": "", "001/b.txt": "two"},
			want:  []string{`000/a.jpg -1 ["one"]`, `001/b.jpg -1 ["two"]`},
		},
		"unless labels are needed": {
			need:    NeedLabels,
			files:   map[string]string{"000/a.jpg": "", "000/a.txt": "one", "001/b.jpg": "", "001/b.txt": "two"},
			want:    []string{`000/a.jpg 0 ["one"]`, `001/b.jpg 1 ["two"]`},
			classes: []string{"000", "001"},
		},
		"links": {
			files: map[string]string{
				"a/x.jpg": "", "a/up": "-> ..", "a/self": "-> .", "b": "-> a", "c.jpg": "-> a/x.jpg",
				"d.jpg": "-> nowhere", "e": "-> nowhere",
			},
			want: []string{`a/x.jpg -1 []`, `b/x.jpg -1 []`, `c.jpg -1 []`, `d.jpg -1 [] bad: read: no such file or directory`},
		},
		"caption repairs are reported": {
			files: map[string]string{"a.jpg": "", "a.txt": "\ufeffcaf\xe9\n" + strings.Repeat("é", captionLimit)},
			want:  []string{`a.jpg -1 ["caf�" "` + strings.Repeat("é", captionLimit/2) + `"]`},
			notes: []string{"cut 1 captions to 65536 bytes", "replaced invalid UTF-8 in 1 captions"},
		},
		"a folder named like a picture is a folder": {
			files: map[string]string{"a.jpg/b.jpg": "", "c.jpg": ""},
			want:  []string{`a.jpg/b.jpg -1 []`, `c.jpg -1 []`},
		},
	} {
		t.Run(name, func(t *testing.T) {
			root := tree(t, c.files)
			s, err := Open(t.Context(), root, Options{Need: c.need})
			if err != nil {
				t.Fatal(err)
			}
			if got := listing(t, s, root); !slices.Equal(got, c.want) {
				t.Errorf("samples\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(c.want, "\n"))
			}
			info := s.Info()
			if !slices.Equal(info.Classes, c.classes) || !slices.Equal(info.Notes, c.notes) ||
				(info.Kind == "classes") != (c.classes != nil) {
				t.Errorf("%+v", info)
			}
		})
	}
}

func TestFoldersOfNoUseAreRefused(t *testing.T) {
	for name, c := range map[string]struct {
		files  map[string]string
		need   Need
		reason string
	}{
		"empty":       {nil, NeedNothing, "holds no pictures"},
		"no pictures": {map[string]string{"a.txt": "", "b.svg": ""}, NeedNothing, "holds no pictures"},
		"no captions": {
			map[string]string{"a.jpg": "", "b.jpg": "", "b.txt": "\n"}, NeedCaptions, "expected a.txt beside a.jpg",
		},
		"one class says nothing":      {map[string]string{"images/a.jpg": ""}, NeedCaptions, "expected a.txt beside a.jpg"},
		"pictures outside of classes": {map[string]string{"a.jpg": "", "cat/b.jpg": ""}, NeedLabels, "no classes"},
	} {
		_, err := Open(t.Context(), tree(t, c.files), Options{Need: c.need})
		var refused *DataError
		if !errors.As(err, &refused) || !strings.Contains(refused.Reason, c.reason) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestFoldersEntriesTellTheFile(t *testing.T) {
	root := tree(t, map[string]string{"sub/a.jpg": "bytes"})
	when := time.Date(2020, 2, 3, 4, 5, 6, 0, time.UTC)
	path := filepath.Join(root, "sub", "a.jpg")
	if err := os.Chtimes(path, when, when); err != nil {
		t.Fatal(err)
	}
	t.Chdir(filepath.Dir(root))
	relative := filepath.Base(root)
	s, err := Open(t.Context(), "./"+relative+"/", Options{})
	if err != nil {
		t.Fatal(err)
	}
	e := entryOf(t, s, 0)
	want := filepath.Join(relative, "sub", "a.jpg")
	if e.Key != want || e.File != want || e.Size != 5 || !e.ModTime.Equal(when) || e.Offset != 0 {
		t.Errorf("%+v", e)
	}
	p, err := s.Picture(t.Context(), 0)
	if err != nil || string(p.File) != "bytes" {
		t.Errorf("%q %v", p.File, err)
	}
	const sum = "277089d91c0bdf4f2e6862ba7e4a07605119431f5d13f726dd352b06f1b206a9" // printf bytes | sha256sum
	if h, err := Hash(t.Context(), s, 0); err != nil || h != sum {
		t.Errorf("%s %v", h, err)
	}
}

func TestPicturesThatCannotBeReadSayWhy(t *testing.T) {
	root := tree(t, map[string]string{"gone.jpg": "", "huge.jpg": "", "link.jpg": "-> nowhere"})
	if err := os.Truncate(filepath.Join(root, "huge.jpg"), pictureLimit+1); err != nil {
		t.Fatal(err)
	}
	if runtime.GOOS == "linux" {
		if err := syscall.Mkfifo(filepath.Join(root, "pipe.jpg"), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	s, err := Open(t.Context(), root, Options{})
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(filepath.Join(root, "gone.jpg")); err != nil {
		t.Fatal(err)
	}
	reasons := []string{"read: no such file", "67108865 bytes, more than", "read: no such file", "not a regular file"}
	for i := range s.Len() {
		_, err := s.Picture(t.Context(), i)
		if err == nil || !strings.Contains(err.Error(), reasons[i]) || strings.Contains(err.Error(), root) {
			t.Errorf("%s: %v", entryOf(t, s, i).Key, err)
		}
	}
	over, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := s.Picture(over, 0); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}

// A pipe or a device that takes the place of a picture, a caption file or a table after it was listed is neither waited for nor read.
func TestFilesThatBecomeSomethingElseAreNotRead(t *testing.T) {
	root := tree(t, map[string]string{"a.jpg": "1", "a.txt": "one", "b.jpg": "2", "c.jpg": "3"})
	s := openForTest(t, root, Options{})
	a, b, caption := filepath.Join(root, "a.jpg"), filepath.Join(root, "b.jpg"), filepath.Join(root, "a.txt")
	table, link := filepath.Join(root, "t.csv"), filepath.Join(root, "l.csv")
	err := errors.Join(os.Remove(a), os.Remove(b), os.Remove(caption), syscall.Mkfifo(a, 0o600), os.Symlink("/dev/zero", b),
		syscall.Mkfifo(caption, 0o600), syscall.Mkfifo(table, 0o600), os.Symlink("/dev/zero", link))
	if err != nil {
		t.Fatal(err)
	}
	for i := range 2 {
		if _, err := s.Picture(t.Context(), i); err == nil || !strings.HasSuffix(err.Error(), "not a regular file") {
			t.Errorf("sample %d: %v", i, err)
		}
	}
	if e := entryOf(t, openForTest(t, root, Options{}), 0); e.Bad != "its caption "+caption+": it is a pipe, not a regular file" {
		t.Errorf("the caption: %q", e.Bad)
	}
	for _, path := range []string{table, link} {
		var data *DataError
		_, err := Open(t.Context(), path, Options{})
		if !errors.As(err, &data) || !strings.HasSuffix(data.Reason, ", not a regular file") || strings.Contains(data.Reason, path) {
			t.Errorf("%s: %v", path, err)
		}
	}
}

func TestFolderFingerprintsFollowTheData(t *testing.T) {
	base := func() map[string]string { return map[string]string{"a.jpg": "1", "a.txt": "one", "b.jpg": "22"} }
	with := func(name, content string) map[string]string { m := base(); m[name] = content; return m }
	fingerprint := func(files map[string]string) string {
		s, err := Open(t.Context(), tree(t, files), Options{})
		if err != nil {
			t.Fatal(err)
		}
		return s.Info().Fingerprint
	}
	seen := map[string]string{fingerprint(base()): "the base"}
	for name, files := range map[string]map[string]string{
		"another caption": with("a.txt", "eno"), "a second caption": with("a.txt", "one\none"), "a caption more": with("b.txt", "x"),
		"a picture more": with("c.jpg", ""), "another size": with("b.jpg", "1"),
	} {
		p := fingerprint(files)
		if other, twice := seen[p]; twice {
			t.Errorf("%s has the fingerprint of %s", name, other)
		}
		seen[p] = name
	}
	if seen[fingerprint(with("notes.md", "?"))] != "the base" {
		t.Error("a file that is no sample, or another place, changes the fingerprint")
	}
}

func TestFilesAndFoldersJoin(t *testing.T) {
	root := tree(t, map[string]string{"x/b.jpg": "", "x/cat/c.jpg": "", "a.jpg": "", "a.txt": "one", "n.svg": "", "empty/": ""})
	at := func(names ...string) (out []string) {
		for _, n := range names {
			out = append(out, filepath.Join(root, n))
		}
		return out
	}
	s, err := OpenFiles(t.Context(), at("x", "a.jpg", "x/b.jpg", "empty", "x"), Options{})
	if err != nil {
		t.Fatal(err)
	}
	want := []string{`x/b.jpg -1 []`, `x/cat/c.jpg -1 []`, `a.jpg -1 ["one"]`}
	if got := listing(t, s, root); !slices.Equal(got, want) || s.Info().Classes != nil {
		t.Errorf("%q", got)
	}
	_, err = OpenFiles(t.Context(), at("a.jpg", "nowhere.jpg"), Options{})
	if !errors.Is(err, fs.ErrNotExist) || !strings.Contains(err.Error(), "nowhere.jpg") {
		t.Error(err)
	}
	var usage *UsageError
	if _, err := OpenFiles(t.Context(), at("n.svg"), Options{}); !errors.As(err, &usage) {
		t.Error(err)
	}
	var data *DataError
	if _, err := OpenFiles(t.Context(), at("empty"), Options{}); !errors.As(err, &data) {
		t.Error(err)
	}
}
