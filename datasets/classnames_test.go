package datasets

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

func TestClassFoldersGetTheirNames(t *testing.T) {
	folders := []string{"n01", "n02", "x 3"}
	want := []string{"tench", "gold fish", "great white shark"}
	for _, lines := range [][]string{
		{"tench", "gold fish", "great white shark"},
		{"n02 gold fish", "n01 tench", "x_3 great white shark", "n04 hammerhead"},
		{"n01\ttench", "n02\tgold fish, Carassius auratus", "x_3\tgreat white shark"},
		{"n01,tench", "x_3,great white shark,white shark", "n02,gold fish"},
	} {
		if got, err := NameClasses(folders, lines); err != nil || !slices.Equal(got, want) {
			t.Errorf("%q: %q, %v", lines, got, err)
		}
	}
	for _, c := range []struct{ lines, says string }{
		{"a|b", "2 names for 3"}, {"a|b|c|d", "4 names for 3"}, {"n01 a|n02 b|n03 c", `"x 3"`}, {"a||c", "name 2 of 3 is empty"},
	} {
		if got, err := NameClasses(folders, strings.Split(c.lines, "|")); err == nil || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: %q, %v; want %q", c.lines, got, err, c.says)
		}
	}
	// Sentences that begin with a folder's name are names.
	if got, err := NameClasses([]string{"cat", "dog"}, []string{"cat sitting", "dog running"}); err != nil || got[0] != "cat sitting" {
		t.Errorf("%q, %v", got, err)
	}
}

func TestClassnamesFileNamesTheFolders(t *testing.T) {
	root := t.TempDir()
	for _, name := range []string{"n02/a.png", "n01/a.png"} {
		path := filepath.Join(root, "im", name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte("x"), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	open := func() Info {
		t.Helper()
		s, err := Open(t.Context(), filepath.Join(root, "im"), Options{Need: NeedLabels})
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close()
		return s.Info()
	}
	put := func(name, text string) {
		t.Helper()
		if err := os.WriteFile(filepath.Join(root, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	plain := open()
	put("classnames.txt", "a\nb\nc\n") // beside the folder, for other data
	got := open()
	if !slices.Equal(got.Classes, []string{"n01", "n02"}) || !strings.Contains(strings.Join(got.Notes, " "), "3 names for 2") {
		t.Errorf("a list that doesn't fit: %q, notes %q", got.Classes, got.Notes)
	}
	put("im/classnames.txt", "\ufeffred circle\r\nblue square\r\n")
	got = open()
	if !slices.Equal(got.Classes, []string{"red circle", "blue square"}) {
		t.Errorf("%q", got.Classes)
	}
	if got.Fingerprint == plain.Fingerprint {
		t.Error("other names, but the same fingerprint: the names are captions in training")
	}
}

// Names that are given take the place of the data's own, for every kind of data.
func TestGivenNamesAreThoseOfTheClasses(t *testing.T) {
	root := t.TempDir()
	for _, name := range []string{"n01/a.png", "n02/a.png"} {
		path := filepath.Join(root, "im", name)
		if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte("x"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	table := filepath.Join(root, "a.csv")
	if err := os.WriteFile(table, []byte("filepath,label\nim/n01/a.png,0\nim/n02/a.png,1\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	shards := benchmarkFolder(t, nil, member{"0.cls", "0"}, member{"0.png", "x"}, member{"1.cls", "1"}, member{"1.png", "x"})
	names := []string{"tench", "gold fish"}
	for _, place := range []string{filepath.Join(root, "im"), table, shards} {
		s := openForTest(t, place, Options{Need: NeedLabels, Classes: names})
		if got := s.Info().Classes; !slices.Equal(got, names) || entryOf(t, s, 1).Label != 1 {
			t.Errorf("%s: %q, label %d", place, got, entryOf(t, s, 1).Label)
		}
		few, err := Open(t.Context(), place, Options{Need: NeedLabels, Classes: names[:1]})
		if err == nil && !strings.Contains(entryOf(t, few, 1).Bad, "not below the number of class names, 1") {
			t.Errorf("%s: one name for two classes is accepted", place)
		}
		if err != nil && !strings.Contains(err.Error(), "don't fit: 1 names for 2") {
			t.Error(err)
		}
	}
}
