package datasets

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/parquet-go/parquet-go"

	"clipgo/internal/fault"
)

// listed is a folder with pictures a.jpg to e.jpg, c.jpg in a folder of its own, and a keep list.
func listed(t *testing.T, name, list string) (folder, path string) {
	t.Helper()
	root := t.TempDir()
	folder = filepath.Join(root, "photos")
	for _, p := range []string{"a.jpg", "b.jpg", "sub/c.jpg", "d.jpg", "e.jpg"} {
		writeListed(t, filepath.Join(folder, p), p)
	}
	path = filepath.Join(root, "lists", name)
	writeListed(t, path, strings.ReplaceAll(list, "ROOT", folder))
	return folder, path
}

func writeListed(t *testing.T, path, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

// kept lists the names of a source's samples.
func kept(t *testing.T, s Source) (names []string) {
	t.Helper()
	for i := range s.Len() {
		names = append(names, filepath.Base(entryOf(t, s, i).Key))
	}
	return names
}

func TestAFilterKeepsWhatItsListKeeps(t *testing.T) {
	for _, c := range []struct {
		name, list, want string
		report           Filtered
	}{
		{"keep.csv", "path,keep,group,score,reason\nROOT/a.jpg,true,1,0.5,\nROOT/b.jpg,false,1,0.4,twin\nROOT/x.jpg,true,,,\n", "a.jpg",
			Filtered{Rows: 3, Kept: 1, Dropped: 1, Unnamed: 3, Unmatched: 1}},
		{"keep.jsonl", `{"path": "ROOT/sub/c.jpg", "keep": true}` + "\n" + `{"path": "ROOT/a.jpg", "keep": false}`, "c.jpg",
			Filtered{Rows: 2, Kept: 1, Dropped: 1, Unnamed: 3}},
		{"keep.json", `[{"path": "ROOT/d.jpg"}, {"path": "ROOT/a.jpg"}]`, "a.jpg d.jpg", Filtered{Rows: 2, Kept: 2, Unnamed: 3}},
		{"keep.txt", "ROOT/e.jpg\r\nROOT/./sub/../a.jpg\n\n", "a.jpg e.jpg", Filtered{Rows: 2, Kept: 2, Unnamed: 3}},
		{"drop.csv", "path\tkeep\nROOT/a.jpg\t0\nROOT/b.jpg\tno\n", "d.jpg e.jpg c.jpg", // only drops: the others are kept
			Filtered{Rows: 2, Kept: 3, Dropped: 2, Unnamed: 3, keepsUnnamed: true}},
		{"from-list.csv", "path,keep\n../photos/a.jpg,yes\n", "a.jpg", Filtered{Rows: 1, Kept: 1, Unnamed: 4}},
		{"from-source.csv", "path,keep\nsub/c.jpg,yes\nb.jpg,yes\n", "b.jpg c.jpg", Filtered{Rows: 2, Kept: 2, Unnamed: 3}},
		{"twice.csv", "path,keep\nROOT/a.jpg,1\nROOT/b.jpg,1\nROOT/a.jpg,0\n", "b.jpg", Filtered{Rows: 2, Kept: 1, Dropped: 1, Unnamed: 3}},
	} {
		folder, path := listed(t, c.name, c.list)
		s, err := Open(t.Context(), folder, Options{Filter: path})
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		if got := strings.Join(kept(t, s), " "); got != c.want {
			t.Errorf("%s keeps %s, want %s", c.name, got, c.want)
		}
		got := *s.Info().Filter
		got.File, got.Examples = "", nil
		if c.report.Examples = nil; got.Rows != c.report.Rows || got.Kept != c.report.Kept || got.Dropped != c.report.Dropped ||
			got.Unnamed != c.report.Unnamed || got.Unmatched != c.report.Unmatched || got.keepsUnnamed != c.report.keepsUnnamed {
			t.Errorf("%s: %+v, want %+v", c.name, got, c.report)
		}
		if got.Kept+got.Left() != 5 {
			t.Errorf("%s: %d kept and %d left out of 5", c.name, got.Kept, got.Left())
		}
	}
}

func TestAFilterNamesWhatItDidNotFind(t *testing.T) {
	folder, path := listed(t, "keep.csv", "path,keep\nROOT/a.jpg,1\nROOT/gone.jpg,1\n")
	s := openForTest(t, folder, Options{Filter: path})
	notes := strings.Join(s.Info().Notes, "\n")
	if !strings.Contains(notes, "keeps 1 of 5 samples: it drops 0, and 4 that it doesn't name are left out") ||
		!strings.Contains(notes, "1 of 2 rows of keep.csv name no sample, such as "+folder+"/gone.jpg (line 3)") {
		t.Errorf("%s", notes)
	}
	plain := openForTest(t, folder, Options{})
	if s.Info().Fingerprint == plain.Info().Fingerprint {
		t.Error("the fingerprint is that of all samples")
	}
}

func TestAFilterThatCannotBeMeantIsRefused(t *testing.T) {
	for _, c := range []struct {
		name, list, want string
		kind             fault.Kind
	}{
		{"keep.csv", "path,keep\nROOT/a.jpg,maybe\n", `line 2: keep is "maybe", which is neither true nor false`, fault.Data},
		{"keep.csv", "path,keep\nROOT/a.jpg,1\n,1\n", "line 3: path is empty", fault.Data},
		{"keep.csv", "name,keep\nROOT/a.jpg,1\n", "it has no column path; it has name, keep", fault.Data},
		{"keep.csv", "path,keep\n", "it has no rows", fault.Data},
		{"keep.csv", "path,keep\nx/a.jpg,1\n", "none of its 1 rows names a sample", fault.Data},
		{"keep.csv", "path,keep\nROOT/a.jpg,0\nROOT/b.jpg,0\nROOT/sub/c.jpg,0\nROOT/d.jpg,0\nROOT/e.jpg,0\n", "leaves none of its 5",
			fault.Data},
		{"keep.xlsx", "PK", "a filter is a .csv", fault.Usage},
		{"keep.parquet", "PAR1", "it is not a Parquet file: it has 4 bytes", fault.Data},
	} {
		folder, path := listed(t, c.name, c.list)
		_, err := Open(t.Context(), folder, Options{Filter: path})
		if err == nil || !strings.Contains(err.Error(), c.want) || fault.Of(err) != c.kind {
			t.Errorf("%q: %v, want %s", c.list, err, c.want)
		}
	}
	folder, path := listed(t, "keep.csv", "")
	if _, err := Open(t.Context(), folder, Options{Filter: path + "x.csv"}); fault.Of(err) != fault.Usage {
		t.Errorf("a list that doesn't exist: %v", err)
	}
	if _, err := OpenPreferences(t.Context(), "builtin:shapes-preferences", Options{Filter: path}); fault.Of(err) != fault.Usage {
		t.Errorf("judged pairs: %v", err)
	}
}

// kindOf is a row of a keep list whose column keep has a type.
type kindOf[T any] struct {
	Path string `parquet:"path"`
	Keep T      `parquet:"keep"`
}

// TestAFilterIsAParquetFileToo reads the column keep in each type and encoding that writers use for it.
func TestAFilterIsAParquetFileToo(t *testing.T) {
	folder, path := listed(t, "keep.parquet", "")
	a, b, e := folder+"/a.jpg", "b.jpg", folder+"/e.jpg"
	runs := parquet.DefaultEncodingFor(parquet.Boolean, &parquet.RLE)
	for what, write := range map[string]func() error{
		"booleans": func() error { return parquet.WriteFile(path, []kindOf[bool]{{a, true}, {b, false}, {e, true}}) },
		"runs":     func() error { return parquet.WriteFile(path, []kindOf[bool]{{a, true}, {b, false}, {e, true}}, runs) },
		"integers": func() error { return parquet.WriteFile(path, []kindOf[int32]{{a, 1}, {b, 0}, {e, 1}}) },
		"texts":    func() error { return parquet.WriteFile(path, []kindOf[string]{{a, "keep"}, {b, "no"}, {e, "True"}}) },
		"paths only": func() error {
			return parquet.WriteFile(path, []struct {
				Path string `parquet:"path"`
			}{{a}, {e}})
		},
	} {
		if err := write(); err != nil {
			t.Fatal(err)
		}
		s, err := Open(t.Context(), folder, Options{Filter: path})
		if err != nil {
			t.Errorf("%s: %v", what, err)
		} else if got := strings.Join(kept(t, s), " "); got != "a.jpg e.jpg" {
			t.Errorf("%s keep %s", what, got)
		}
	}
	for want, write := range map[string]func() error{
		`row 2: keep is "maybe"`:   func() error { return parquet.WriteFile(path, []kindOf[string]{{a, "yes"}, {b, "maybe"}}) },
		`row 1: path is empty`:     func() error { return parquet.WriteFile(path, []kindOf[bool]{{"", true}}) },
		"keep (number)":            func() error { return parquet.WriteFile(path, []kindOf[float32]{{a, 1}}) },
		"it has no column path of": func() error { return parquet.WriteFile(path, []struct{ Name string }{{a}}) },
	} {
		if err := write(); err != nil {
			t.Fatal(err)
		}
		_, err := Open(t.Context(), folder, Options{Filter: path})
		if err == nil || !strings.Contains(err.Error(), want) || fault.Of(err) != fault.Data || !strings.Contains(err.Error(), path) {
			t.Errorf("%v, want %s", err, want)
		}
	}
}

// A filter concerns all data that is joined: a row need not name a sample of each part.
func TestAFilterOfSeveralSources(t *testing.T) {
	folder, path := listed(t, "keep.csv", "path,keep\nROOT/a.jpg,1\nU+1F600 grinning face,1\nROOT/sub/c.jpg,1\n")
	s, err := OpenAll(t.Context(), []string{folder, "builtin:emoji"}, Options{Filter: path})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if got := kept(t, s); !slices.Equal(got, []string{"a.jpg", "c.jpg", "U+1F600 grinning face"}) {
		t.Errorf("%q", got)
	}
	if p, err := s.Picture(t.Context(), 1); err != nil || string(p.File) != "sub/c.jpg" {
		t.Errorf("%q %v", p.File, err)
	}
	writeListed(t, path, "path,keep\n"+folder+"/a.jpg,1\n") // nothing of the other part
	part, err := OpenAll(t.Context(), []string{folder, "builtin:emoji"}, Options{Filter: path})
	if err != nil {
		t.Fatal(err)
	}
	defer part.Close()
	if got := kept(t, part); !slices.Equal(got, []string{"a.jpg"}) {
		t.Errorf("%q", got)
	}
}

// TestAListThatLacksDecisionsIsRefused has a list of a review that was killed before it wrote the last decisions into it.
func TestAListThatLacksDecisionsIsRefused(t *testing.T) {
	folder, list := listed(t, "keep.reviewed.csv", "path,keep\nROOT/a.jpg,1\n")
	for content, refused := range map[string]bool{"": false, "{}\n": true} {
		writeListed(t, list+".journal", content)
		s, err := Open(t.Context(), folder, Options{Filter: list})
		if err == nil {
			s.Close()
		}
		named := err != nil && fault.Of(err) == fault.Data && strings.Contains(err.Error(), "keep.reviewed.csv.journal")
		if refused != (err != nil) || refused != named {
			t.Errorf("%q: %v", content, err)
		}
	}
}
