package search

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"clipgo/internal/durable"
)

var space = Space{Fingerprint: "model-1", Preprocess: json.RawMessage(`{"size": 64}`), Dim: 4, DType: Float16}

// axis is a feature along one of four directions.
func axis(i int) []float32 {
	v := make([]float32, 4)
	v[i%4] = 3 // the writer makes it a unit
	return v
}

func source(path string, content int) File {
	return File{Path: path, Caption: "a " + path, Size: int64(content), MTime: 1, Hash: fmt.Sprint("h", content)}
}

func update(t *testing.T, dir string, change func(w *Writer)) {
	t.Helper()
	w, err := Update(dir, space)
	if err != nil {
		t.Fatal(err)
	}
	change(w)
	if err := errors.Join(w.Commit(), w.Close()); err != nil {
		t.Fatal(err)
	}
}

func add(t *testing.T, w *Writer, path string, content int) {
	t.Helper()
	if err := w.Add(Row{File: source(path, content), Image: axis(content), Text: axis(content + 1)}); err != nil {
		t.Fatal(err)
	}
}

// contents maps each live path to the axis that its picture's feature lies on.
func contents(t *testing.T, dir string) map[string]int {
	t.Helper()
	ix, err := Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer ix.Close()
	if err := ix.Verify(); err != nil {
		t.Error(err)
	}
	out := map[string]int{}
	for i := range 4 {
		hits, err := ix.Find(t.Context(), Query{Vector: axis(i), Top: 100, Threshold: 0.5})
		if err != nil {
			t.Fatal(err)
		}
		for _, h := range hits {
			out[h.Path] = i
		}
	}
	return out
}

func check(t *testing.T, dir string, want map[string]int) {
	t.Helper()
	if got := contents(t, dir); fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("the index holds %v, want %v", got, want)
	}
}

func TestRowsAreReplacedAndRemoved(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "new", "index")
	update(t, dir, func(w *Writer) { add(t, w, "a", 0); add(t, w, "b", 1); add(t, w, "c", 2) })
	check(t, dir, map[string]int{"a": 0, "b": 1, "c": 2})
	update(t, dir, func(w *Writer) {
		add(t, w, "b", 3)
		w.Remove("c")
		add(t, w, "d", 0)
		add(t, w, "d", 1)
		add(t, w, "e", 1)
		w.Remove("e")
	})
	check(t, dir, map[string]int{"a": 0, "b": 3, "d": 1})
	update(t, dir, func(w *Writer) { w.Remove("a"); w.Remove("nothing") })
	check(t, dir, map[string]int{"b": 3, "d": 1})
	if _, err := os.Stat(filepath.Join(dir, imageFile(0))); err == nil {
		t.Error("the files of a segment without living rows were kept")
	}
}

func TestRowsWithoutATextAreNotFoundByText(t *testing.T) {
	dir := t.TempDir()
	update(t, dir, func(w *Writer) {
		add(t, w, "with", 0)
		if err := w.Add(Row{File: source("without", 1), Image: axis(1)}); err != nil {
			t.Fatal(err)
		}
	})
	ix, err := Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer ix.Close()
	hits, err := ix.Find(t.Context(), Query{Vector: axis(2), Table: Texts, Top: 9, Threshold: -1})
	if err != nil || len(hits) != 1 || hits[0].Path != "with" || hits[0].Caption != "a with" {
		t.Errorf("%v %v", hits, err)
	}
}

func TestQueryPicturesAreLeftOut(t *testing.T) {
	dir := t.TempDir()
	update(t, dir, func(w *Writer) { add(t, w, "/x/a", 0); add(t, w, "/x/b", 0); add(t, w, "/x/c", 1) })
	ix, err := Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer ix.Close()
	hits, err := ix.Find(t.Context(), Query{Vector: []float32{1, 0, 0, 0}, Top: 2, Threshold: -1, Without: []string{"/x/y/../a"}})
	if err != nil || len(hits) != 2 || hits[0].Path != "/x/b" || hits[0].Rank != 1 || hits[1].Rank != 2 || hits[0].Score != 1 {
		t.Errorf("%+v %v", hits, err)
	}
}

func TestAnotherModelIsRefused(t *testing.T) {
	dir := t.TempDir()
	update(t, dir, func(w *Writer) { add(t, w, "a", 0) })
	before := folder(t, dir)
	for what, change := range map[string]func(*Space){
		"fingerprint": func(s *Space) { s.Fingerprint = "model-2" },
		"pixels":      func(s *Space) { s.Preprocess = json.RawMessage(`{"size":65}`) },
		"dimension":   func(s *Space) { s.Dim = 5 },
		"type":        func(s *Space) { s.DType = Float32 },
	} {
		other := space
		change(&other)
		_, err := Update(dir, other)
		var mismatch *MismatchError
		if !errors.As(err, &mismatch) {
			t.Errorf("%s: %v", what, err)
		}
	}
	if after := folder(t, dir); fmt.Sprint(after) != fmt.Sprint(before) {
		t.Error("a refusal changed the folder")
	}
	same := space
	same.Preprocess, same.DType = json.RawMessage(` {"size":64}`), ""
	w, err := Update(dir, same)
	if err != nil {
		t.Fatal(err)
	}
	w.Close()
}

func TestASecondWriterIsLockedOut(t *testing.T) {
	dir := t.TempDir()
	w, err := Update(dir, space)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Update(dir, space); !errors.Is(err, durable.ErrLocked) {
		t.Errorf("got %v", err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	update(t, dir, func(*Writer) {})
}

func TestAFolderOfOtherThingsIsLeftAlone(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "holiday.jpg"), nil, 0o644); err != nil {
		t.Fatal(err)
	}
	var corrupt *CorruptError
	if _, err := Update(dir, space); !errors.As(err, &corrupt) {
		t.Errorf("update: %v", err)
	}
	if _, err := Open(dir); !errors.As(err, &corrupt) {
		t.Errorf("open: %v", err)
	}
	if _, err := Open(filepath.Join(dir, "nowhere")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("open: %v", err)
	}
}

func TestBadRowsAreRefused(t *testing.T) {
	update(t, t.TempDir(), func(w *Writer) {
		for name, v := range map[string][]float32{
			"none": nil, "short": {1}, "zero": make([]float32, 4), "NaN": {1, 2, 3, float32(math.NaN())},
			"infinite": {float32(math.Inf(1)), 0, 0, 0},
		} {
			if err := w.Add(Row{File: File{Path: name}, Image: v}); err == nil || !strings.Contains(err.Error(), name) {
				t.Errorf("%s: %v", name, err)
			}
		}
	})
}

// A process may die between any two file operations. What is on disk then is a prefix of the files in the order of
// their writing; each prefix must open as the index before or the index after, and take the rest of the work.
func TestDeathAtAnyPointLeavesTheOldIndexOrTheNew(t *testing.T) {
	dir := t.TempDir()
	update(t, dir, func(w *Writer) { add(t, w, "a", 0); add(t, w, "b", 1) })
	before := folder(t, dir)
	update(t, dir, func(w *Writer) { add(t, w, "b", 2); add(t, w, "c", 3) })
	after := folder(t, dir)
	steps := []string{imageFile(1), textFile(1), rowsFile(1), metaName}
	for n := range len(steps) + 1 {
		state := map[string]string{}
		for name, data := range before {
			state[name] = data
		}
		for _, name := range steps[:n] {
			state[name] = after[name]
		}
		trial := t.TempDir()
		restore(t, trial, state)
		if n < len(steps) { // and the next file was half written under a temporary name
			restore(t, trial, map[string]string{filepath.Join(filepath.Dir(steps[n]), "."+filepath.Base(steps[n])+".tmp1"): "half"})
		}
		want := map[string]int{"a": 0, "b": 1}
		if n == len(steps) {
			want = map[string]int{"a": 0, "b": 2, "c": 3}
		}
		check(t, trial, want)
		update(t, trial, func(w *Writer) {
			if n < len(steps) {
				add(t, w, "b", 2)
				add(t, w, "c", 3)
			}
		})
		if got := folder(t, trial); fmt.Sprint(got) != fmt.Sprint(after) {
			t.Errorf("after death at point %d the finished index has other bytes", n)
		}
	}
}

func TestEachDamageNamesItsFile(t *testing.T) {
	made := t.TempDir()
	update(t, made, func(w *Writer) { add(t, w, "a", 0); add(t, w, "b", 1) })
	good := folder(t, made)
	for _, name := range []string{imageFile(0), textFile(0), rowsFile(0), metaName} {
		data := good[name]
		flipped := []byte(data)
		flipped[len(flipped)*2/3] ^= 0x10
		for what, damaged := range map[string]string{"cut": data[:len(data)/2], "longer": data + "x", "flipped": string(flipped),
			"empty": "", "missing": "-"} {
			if name == metaName && (what == "longer" || what == "flipped" || what == "missing") {
				continue // a flip in meta.json can be a valid other meta.json; a missing one is another kind of folder
			}
			dir := t.TempDir()
			state := map[string]string{}
			for n, d := range good {
				state[n] = d
			}
			state[name] = damaged
			if damaged == "-" {
				delete(state, name)
			}
			restore(t, dir, state)
			err := openAndVerify(dir)
			var corrupt *CorruptError
			if !errors.As(err, &corrupt) || corrupt.File != filepath.Join(dir, name) {
				t.Errorf("%s %s: %v", name, what, err)
			}
		}
	}
}

func openAndVerify(dir string) error {
	ix, err := Open(dir)
	if err != nil {
		return err
	}
	defer ix.Close()
	return ix.Verify()
}

// folder reads all files of an index but its lock.
func folder(t *testing.T, dir string) map[string]string {
	t.Helper()
	out := map[string]string{}
	err := filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() || strings.HasPrefix(d.Name(), lockName) {
			return err
		}
		data, err := os.ReadFile(path)
		rel, _ := filepath.Rel(dir, path)
		out[rel] = string(data)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func restore(t *testing.T, dir string, files map[string]string) {
	t.Helper()
	for name, data := range files {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(data), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

func TestPlanSortsFilesIntoTheirKinds(t *testing.T) {
	known := map[string]details{
		"/p/same":    {Path: "/p/same", Size: 1, MTime: 1, Hash: "h1"},
		"/p/touched": {Path: "/p/touched", Size: 2, MTime: 1, Hash: "h2"},
		"/p/edited":  {Path: "/p/edited", Size: 3, MTime: 1, Hash: "h3"},
		"/p/old":     {Path: "/p/old", Size: 4, MTime: 1, Hash: "h4"},
		"/p/gone":    {Path: "/p/gone", Size: 5, MTime: 1, Hash: "h5"},
		"/q/other":   {Path: "/q/other", Size: 6, MTime: 1, Hash: "h6"},
		"/p/said":    {Path: "/p/said", Size: 7, MTime: 1, Hash: "h7", Caption: "before"},
	}
	hashes := map[string]string{"/p/touched": "h2", "/p/edited": "h3b", "/p/moved": "h4", "/p/copy": "h1", "/p/said": "h7",
		"/p/fresh": "h9"}
	found := []File{
		{Path: "/p/same", Size: 1, MTime: 1}, {Path: "/p/touched", Size: 2, MTime: 9}, {Path: "/p/edited", Size: 3, MTime: 9},
		{Path: "/p/moved", Size: 4, MTime: 1}, {Path: "/p/copy", Size: 1, MTime: 5}, {Path: "/p/fresh", Size: 99, MTime: 1},
		{Path: "/p/said", Size: 7, MTime: 1, Caption: "after"}, {Path: "/p/unreadable", Size: 1, MTime: 1},
		{Path: "/p/same", Size: 1, MTime: 1},
	}
	var hashed []string
	hash := func(i int) (string, error) {
		path := found[i].Path
		hashed = append(hashed, path)
		if hashes[path] == "" {
			return "", errors.New("can't be read")
		}
		return hashes[path], nil
	}
	p := plan(known, found, Scope{Roots: []string{"/p"}}, hash, func(string) bool { return false })
	var embed, copies []string
	for _, i := range p.Embed {
		embed = append(embed, found[i].Path)
	}
	for _, c := range p.Copy {
		copies = append(copies, c.File.Path+"<"+c.From)
	}
	for what, same := range map[string]bool{
		"embed":  slices.Equal(embed, []string{"/p/edited", "/p/fresh", "/p/said", "/p/unreadable"}),
		"copy":   slices.Equal(copies, []string{"/p/touched</p/touched", "/p/moved</p/old", "/p/copy</p/same"}),
		"remove": slices.Equal(p.Remove, []string{"/p/gone", "/p/old"}),
		"counts": p.Unchanged == 2 && p.Moved == 1 && p.Copied == 1 && p.Replaced == 0,
		"hash":   found[2].Hash == "h3b" && found[6].Hash == "h7" && found[5].Hash == "",
		"hashed": !slices.Contains(hashed, "/p/same") && !slices.Contains(hashed, "/p/fresh"),
	} {
		if !same {
			t.Errorf("%s: %+v, hashed %v", what, p, hashed)
		}
	}
}

// What left a table goes, unless something else of the run has it; what nobody looked for stays.
func TestRowsLeaveWithTheirTable(t *testing.T) {
	dir := t.TempDir()
	rows := []File{
		{Path: "/p/kept", List: "/t/one.csv"}, {Path: "/p/left", List: "/t/one.csv"}, {Path: "/p/other", List: "/t/two.csv"},
		{Path: "/t/below", List: "/t/two.csv"}, {Path: "/p/found"}, {Path: "/s/0.tar/gone"}, {Path: "/s/1.tar/far"},
	}
	update(t, dir, func(w *Writer) {
		for i, f := range rows {
			f.Size, f.Hash = int64(i), fmt.Sprint("h", i)
			if err := w.Add(Row{File: f, Image: axis(i)}); err != nil {
				t.Fatal(err)
			}
		}
	})
	for _, c := range []struct {
		what  string
		scope Scope
		found []string
		want  []string
	}{
		{"a table", Scope{Lists: []string{"/t/one.csv"}}, []string{"/p/kept"}, []string{"/p/left"}},
		{"a table and a folder that has the picture", Scope{Lists: []string{"/t/one.csv"}}, []string{"/p/kept", "/p/left"}, nil},
		{"two tables", Scope{Lists: []string{"/t/one.csv", "/t/two.csv"}}, []string{"/p/kept"},
			[]string{"/p/left", "/p/other", "/t/below"}},
		{"the folder of a table", Scope{Roots: []string{"/t"}}, nil, []string{"/t/below"}},
		{"an archive", Scope{Roots: []string{"/s/0.tar"}}, nil, []string{"/s/0.tar/gone"}},
		{"nothing", Scope{}, nil, nil},
	} {
		update(t, dir, func(w *Writer) {
			var found []File
			for _, path := range c.found {
				at := slices.IndexFunc(rows, func(f File) bool { return f.Path == path })
				found = append(found, File{Path: path, Size: int64(at)})
			}
			p := w.Plan(found, c.scope, func(int) (string, error) { return "", errors.New("not read") })
			if !slices.Equal(p.Remove, c.want) || p.Unchanged != len(c.found) {
				t.Errorf("%s: removes %v, %d unchanged; want %v, %d", c.what, p.Remove, p.Unchanged, c.want, len(c.found))
			}
		})
	}
}

// Two files that change names keep their own features.
func TestFollowLooksUpBeforeItMoves(t *testing.T) {
	dir := t.TempDir()
	update(t, dir, func(w *Writer) { add(t, w, "/p/a", 0); add(t, w, "/p/b", 1); add(t, w, "/p/c", 2) })
	update(t, dir, func(w *Writer) {
		a, b := source("/p/a", 1), source("/p/b", 0)
		a.Caption, b.Caption, a.MTime, b.MTime = "a /p/b", "a /p/a", 5, 5
		hash := func(i int) (string, error) { return []string{"h1", "h0"}[i], nil }
		p := w.Plan([]File{{Path: a.Path, Caption: a.Caption, Size: a.Size, MTime: 5}, {Path: b.Path, Caption: b.Caption, Size: b.Size,
			MTime: 5}}, Scope{Roots: []string{"/p"}}, hash)
		if len(p.Copy) != 2 || len(p.Remove) != 1 {
			t.Fatalf("%+v", p)
		}
		w.SegmentRows = 1 // commits in between must not disturb
		if err := w.Follow(p); err != nil {
			t.Fatal(err)
		}
	})
	check(t, dir, map[string]int{"/p/a": 1, "/p/b": 0})
}
