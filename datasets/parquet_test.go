package datasets

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/parquet-go/parquet-go"

	"clipgo/internal/golden"
)

// parquetLine writes a source as row:bytes of the picture|captions#label, or row!reason.
func parquetLine(t *testing.T, s Source) string {
	t.Helper()
	var out []string
	for i := range s.Len() {
		e := entryOf(t, s, i)
		p, err := s.Picture(t.Context(), i)
		switch {
		case e.Bad != "":
			out = append(out, fmt.Sprintf("%d!%s", e.Offset, e.Bad))
		case err != nil:
			out = append(out, fmt.Sprintf("%d!%v", e.Offset, err))
		default:
			out = append(out, fmt.Sprintf("%d:%d|%s#%d", e.Offset, len(p.File), strings.Join(e.Captions, "|"), e.Label))
		}
	}
	return strings.Join(out, "; ")
}

func TestParquetOfRealWriters(t *testing.T) {
	dir := golden.Dir(t, "parquet")
	for _, c := range []struct {
		name, want, notes string
		o                 Options
	}{
		{"huggingface", "1:733|picture 0|the same, 0#0; 2:732|picture 1|the same, 1#1; 3:732|picture 2|the same, 2#0; " +
			"4:732|picture 3|the same, 3#1; 5:731|picture 4|the same, 4#-1; 6:732|cat#0",
			"[read pictures from column image.bytes and captions from column caption read 2 classes from column label]", Options{}},
		{"img2dataset", "1:733|picture 0#-1; 2:732|picture 1#-1; 3!the row has no picture; 4:732|picture 3#-1",
			"[read pictures from column jpg and captions from column caption]", Options{Need: NeedCaptions}},
		{"img2dataset", "1:733|https://example.com/0.jpg#-1; 2:732|https://example.com/1.jpg#-1; 3!the row has no picture; " +
			"4:732|https://example.com/3.jpg#-1", "[]", Options{CSVImageKey: "jpg", CaptionKey: "url"}},
	} {
		s, err := Open(t.Context(), filepath.Join(dir, c.name+".parquet"), c.o)
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		if got := parquetLine(t, s); got != c.want {
			t.Errorf("%s:\n%s\nwant\n%s", c.name, got, c.want)
		}
		if info := s.Info(); fmt.Sprint(info.Notes) != c.notes || info.Kind != "parquet" {
			t.Errorf("%s: %v", c.name, info)
		}
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}
	s, err := Open(t.Context(), filepath.Join(dir, "laion.parquet"), Options{Need: NeedCaptions})
	if err != nil || entryOf(t, s, 1).Key != "https://example.com/2.jpg" || fmt.Sprint(entryOf(t, s, 1).Captions) != "[two]" {
		t.Errorf("laion: %v", err)
	}
}

// packedRow is a row with its picture.
type packedRow struct {
	Image struct {
		Bytes []byte `parquet:"bytes,optional"`
		Path  string `parquet:"path"`
	} `parquet:"image"`
	Caption string  `parquet:"caption"`
	Label   *string `parquet:"label,optional"`
}

// listedRow is a row that names its picture.
type listedRow struct {
	Image    string   `parquet:"file_name"`
	Captions []string `parquet:"captions,list"`
	Label    int64    `parquet:"label"`
}

func packed(picture, path, caption string) (r packedRow) {
	r.Caption, r.Image.Path = caption, path
	if picture != "" {
		r.Image.Bytes = []byte(picture)
	}
	return r
}

func encodeRows[T any](t testing.TB, rows ...T) string {
	t.Helper()
	var b bytes.Buffer
	w := parquet.NewGenericWriter[T](&b)
	_, err := w.Write(rows)
	if err = errors.Join(err, w.Close()); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func TestRowsOfOnePictureAreOneSample(t *testing.T) {
	root := tree(t, map[string]string{
		"same.parquet": encodeRows(t, packed("aa", "a.jpg", "1"), packed("b", "b.jpg", "2"), packed("aa", "a.jpg", "3"),
			packed("c", "", "4"), packed("d", "", "5")),
		"names.parquet": encodeRows(t, packed("a", "image.jpg", "1"), packed("bb", "image.jpg", "2")),
		"list.parquet": encodeRows(t, listedRow{"a.jpg", []string{"1", "2"}, 0}, listedRow{"b.jpg", nil, 2},
			listedRow{"a.jpg", []string{"3"}, 0}),
		"beside.parquet": encodeRows(t, packed("", "a.jpg", "1"), packed("", "none.jpg", "2"), packed("", "pipe:ls", "3")),
		"a.jpg":          "aaa", "b.jpg": "bbb", "classnames.txt": "cat\ndog\nowl\n",
	})
	for name, want := range map[string]string{
		"same.parquet":  "1:2|1|3#-1; 2:1|2#-1; 4:1|4#-1; 5:1|5#-1",
		"names.parquet": "1:1|1#-1; 2:2|2#-1",
		"list.parquet":  "1:3|1|2|3#0; 2:3|owl#2",
		"beside.parquet": "1:3|1#-1; 2!" + filepath.Join(root, "none.jpg") + ": file does not exist; " +
			"3!the row names a command, not a picture",
	} {
		s, err := Open(t.Context(), filepath.Join(root, name), Options{})
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if got := parquetLine(t, s); got != want {
			t.Errorf("%s: %s, want %s", name, got, want)
		}
		if name == "same.parquet" && !strings.Contains(fmt.Sprint(s.Info().Notes), "2 rows hold 1 pictures several times") {
			t.Errorf("%v", s.Info().Notes)
		}
	}
}

func TestFoldersAndPatternsOfParquet(t *testing.T) {
	a, b := encodeRows(t, packed("a", "", "1")), encodeRows(t, packed("bb", "", "2"))
	root := tree(t, map[string]string{
		"hub/README.md": "", "hub/data/train-00000-of-00002.parquet": a, "hub/data/train-00001-of-00002.parquet": b,
		"splits/train.parquet": a, "splits/test.parquet": b,
		"images/00000.parquet": a, "images/00000/0.jpg": "p", "images/00000/0.txt": "one", "images/00000_stats.json": "{}",
		"broken/10.parquet": a, "broken/2.parquet": a[:len(a)-1], "broken/stats.json": "{}", "broken/_meta.parquet": "",
		"other/1.parquet": a, "other/2.parquet": encodeRows(t, listedRow{Image: "a.jpg"}),
	})
	for src, want := range map[string]string{
		"hub":                        "1:1|1#-1; 1:2|2#-1",
		"hub/data/*.parquet":         "1:1|1#-1; 1:2|2#-1",
		"splits/t{est,rain}.parquet": "1:2|2#-1; 1:1|1#-1",
		"images":                     "0:1|one#-1", // img2dataset writes Parquet beside the pictures
		"broken": "0!the file can't be read, and its rows are not counted: it is cut short: Parquet's footer is missing; " +
			"1:1|1#-1",
	} {
		s, err := Open(t.Context(), filepath.Join(root, src), Options{})
		if err != nil {
			t.Errorf("%s: %v", src, err)
			continue
		}
		if got := parquetLine(t, s); got != want {
			t.Errorf("%s: %s, want %s", src, got, want)
		}
	}
	for src, want := range map[string]string{
		"splits": "several splits; name the files of one, such as " + filepath.Join(root, "splits", "train*.parquet"),
		"other":  "2.parquet: it has other columns than ",
	} {
		var refused *DataError
		_, err := Open(t.Context(), filepath.Join(root, src), Options{})
		if !errors.As(err, &refused) || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", src, err)
		}
	}
	s, err := Open(t.Context(), filepath.Join(root, "broken"), Options{})
	if err != nil || fmt.Sprint(s.Info().Ignored) != "ignored 2 files: 1 .json, 1 .parquet; pictures are read from "+pictureList() ||
		!strings.Contains(fmt.Sprint(s.Info().Notes), "2.parquet: it is cut short") {
		t.Errorf("%v, %v", err, s.Info())
	}
}

func TestClassesOfParquet(t *testing.T) {
	cat, dog := "cat", "dog"
	one, two := packed("a", "", ""), packed("b", "", "")
	one.Label, two.Label = &dog, &cat
	root := tree(t, map[string]string{"a.parquet": encodeRows(t, one, two, packed("c", "", ""))})
	s, err := Open(t.Context(), filepath.Join(root, "a.parquet"), Options{Need: NeedLabels})
	if err != nil {
		t.Fatal(err)
	}
	if got := parquetLine(t, s); got != "1:1|dog#1; 2:1|cat#0; 3!no label" || fmt.Sprint(s.Info().Classes) != "[cat dog]" {
		t.Errorf("%s, %v", got, s.Info().Classes)
	}
}

func TestParquetThatCannotBeUsedSaysWhy(t *testing.T) {
	type numbers struct {
		ID    int64   `parquet:"id"`
		Score float64 `parquet:"score"`
	}
	whole := encodeRows(t, packed("a", "", "1"))
	root := tree(t, map[string]string{
		"numbers.parquet": encodeRows(t, numbers{1, 2}), "empty.parquet": "", "none.parquet": encodeRows[packedRow](t),
		"html.parquet": "<!DOCTYPE html><html>login</html>", "cut.parquet": whole[:len(whole)/2], "text.parquet": "not a Parquet file",
		"list.parquet": encodeRows(t, listedRow{Image: "a.jpg"}),
	})
	for _, c := range []struct {
		name, want string
		o          Options
	}{
		{"numbers", "no column holds pictures, their paths or URLs (csv_img_key names one); " +
			"its columns are id (integer), score (number)", Options{}},
		{"empty", "it is not a Parquet file: it has 0 bytes", Options{}},
		{"none", "it has no rows", Options{}},
		{"html", "it looks like an HTML page", Options{}},
		{"cut", "it is cut short", Options{}},
		{"text", `it begins with "not "`, Options{}},
		{"numbers", `it has no column "x" that holds bytes or texts; its columns are id`, Options{CSVImageKey: "x"}},
		{"list", `it has no column "x" that holds texts; its columns are file_name (text), captions (list of text)`,
			Options{CaptionKey: "x"}},
	} {
		var refused *DataError
		path := filepath.Join(root, c.name+".parquet")
		_, err := Open(t.Context(), path, c.o)
		if !errors.As(err, &refused) || refused.Source != path || !strings.Contains(refused.Reason, c.want) {
			t.Errorf("%s: %v", c.name, err)
		}
	}
	if _, err := Open(t.Context(), filepath.Join(root, "missing.parquet"), Options{}); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("missing: %v", err)
	}
}

// A set that has changed since it was opened ends the batches.
func TestParquetThatChangesIsRefused(t *testing.T) {
	path := filepath.Join(tree(t, map[string]string{"a.parquet": encodeRows(t, packed("a", "", "1"))}), "a.parquet")
	s, err := Open(t.Context(), path, Options{})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	s, err = Open(t.Context(), path, Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	s.(*parquetSet).store, _ = Options{}.store() // one that hasn't the file open
	if err := os.WriteFile(path, []byte(encodeRows(t, packed("b", "", "2"), packed("c", "", "3"))), 0o644); err != nil {
		t.Fatal(err)
	}
	var refused *DataError
	if _, err := s.Entry(t.Context(), 0); !errors.As(err, &refused) || !strings.Contains(refused.Reason, "has changed") {
		t.Errorf("%v", err)
	}
}
