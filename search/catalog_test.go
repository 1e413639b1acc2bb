package search

import (
	"reflect"
	"slices"
	"testing"
)

func catalogOf(t *testing.T, files ...File) *Catalog {
	t.Helper()
	dir := t.TempDir()
	update(t, dir, func(w *Writer) {
		for i, f := range files {
			if err := w.Add(Row{File: f, Image: axis(i)}); err != nil {
				t.Fatal(err)
			}
		}
	})
	ix, err := Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer ix.Close()
	c, err := ix.Catalog(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func rowsOf(s Set, rows int) (out []int) {
	for row := range rows {
		if s.Has(row) {
			out = append(out, row)
		}
	}
	return out
}

func TestCatalogFindsRowsByWhatIsKnownOfThem(t *testing.T) {
	c := catalogOf(t,
		File{Path: "/pictures/2019/Cat.JPG", Caption: "On the sofa", Size: 100, MTime: 10, Hash: "aa11"},
		File{Path: "/pictures/2019/location.jpg", Caption: "A cat and a dog", Size: 200, MTime: 20, Hash: "bb22"},
		File{Path: "/pictures/20190/cafe\u0301.png", Size: 300, MTime: 30, Hash: "cc33"})
	if c.Root != "/pictures" {
		t.Errorf("root %q", c.Root)
	}
	for _, f := range []struct {
		name string
		s    Selection
		want []int
	}{
		{"all", Selection{}, []int{0, 1, 2}},
		{"folder, whole names only", Selection{Folders: []string{"/pictures/2019"}}, []int{0, 1}},
		{"folder with a slash", Selection{Folders: []string{"/pictures/2019/"}}, []int{0, 1}},
		{"either of two folders", Selection{Folders: []string{"/none", "/pictures/20190"}}, []int{2}},
		{"text anywhere in name or caption", Selection{Text: "CAT"}, []int{0, 1}},
		{"each word", Selection{Text: "cat sofa"}, []int{0}},
		{"an accent written otherwise", Selection{Text: "caf\u00e9"}, []int{2}},
		{"the root is no name", Selection{Text: "pictures"}, nil},
		{"least size", Selection{MinSize: 200}, []int{1, 2}},
		{"largest size", Selection{MaxSize: 200}, []int{0, 1}},
		{"after", Selection{After: 20}, []int{1, 2}},
		{"before", Selection{Before: 20}, []int{0}},
	} {
		if got := rowsOf(c.Select(f.s), 3); !slices.Equal(got, f.want) {
			t.Errorf("%s: rows %v, want %v", f.name, got, f.want)
		}
	}
	names, captions := c.Words("cat")
	if n, m := rowsOf(names, 3), rowsOf(captions, 3); !slices.Equal(n, []int{0}) || !slices.Equal(m, []int{1}) {
		t.Errorf("names %v, captions %v", n, m) // "location" has the letters, but not the word
	}
	about := Detail{Path: "/pictures/2019/location.jpg", Caption: "A cat and a dog", Size: 200, MTime: 20, Hash: "bb22", Live: true}
	if d, err := c.Detail(1); err != nil || !reflect.DeepEqual(d, about) {
		t.Errorf("%+v, %v", d, err)
	}
	if row := c.RowOf("cc"); row != 2 {
		t.Errorf("row %d", row)
	}
	if row := c.RowOf("dd"); row != -1 {
		t.Errorf("row %d of a hash that isn't there", row)
	}
	want := []FolderCount{{"/pictures", 3}, {"/pictures/2019", 2}, {"/pictures/20190", 1}}
	if got := c.Folders(10); !slices.Equal(got, want) {
		t.Errorf("folders %v", got)
	}
}

func TestCatalogLeavesDeadRowsOut(t *testing.T) {
	c := catalogOf(t, File{Path: "/a/x.png", Hash: "aa", Size: 1},
		File{Path: "/a/y.png", Hash: "bb", Size: 1}, File{Path: "built-in", Hash: "cc"})
	if c.Root != "/a" {
		t.Errorf("root %q: pictures without a folder don't count", c.Root)
	}
	c.live = NewSet(3)
	c.live.Add(1)
	if got := rowsOf(c.Select(Selection{}), 3); !slices.Equal(got, []int{1}) {
		t.Errorf("rows %v", got)
	}
	if row := c.RowOf("aa"); row != -1 {
		t.Errorf("a dead row %d was found", row)
	}
	if names, _ := c.Words("x"); names.Count() != 0 {
		t.Error("a dead row was found by its name")
	}
}
