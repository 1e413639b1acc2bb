package datasets

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// tableTree writes a table called name beside three pictures a.jpg, b.jpg, c.jpg.
func tableTree(t testing.TB, name, content string) string {
	t.Helper()
	root := t.TempDir()
	path := filepath.Join(root, name)
	err := os.WriteFile(path, []byte(content), 0o644)
	for _, picture := range []string{"a", "b", "c"} {
		err = errors.Join(err, os.WriteFile(filepath.Join(root, picture+".jpg"), []byte(picture), 0o644))
	}
	if err != nil {
		t.Fatal(err)
	}
	return path
}

// rowsLine writes a table as line:picture|captions, or line!reason, separated by spaces.
func rowsLine(t *testing.T, s Source) string {
	var out []string
	for i := range s.Len() {
		e := entryOf(t, s, i)
		if e.Bad != "" {
			out = append(out, fmt.Sprintf("%d!%s", e.Offset, e.Bad))
			continue
		}
		out = append(out, fmt.Sprintf("%d:%s|%s", e.Offset, filepath.Base(e.File), strings.Join(e.Captions, "|")))
	}
	return strings.Join(out, "; ")
}

func TestTablesAreReadRowByRow(t *testing.T) {
	const quote = "the row has a quote that is not closed, or closed in the middle of a cell"
	for _, c := range []struct{ what, name, content, want string }{
		{"comma", "t.csv", "filepath,title\na.jpg,one\nb.jpg,two\n", "2:a.jpg|one; 3:b.jpg|two"},
		{"no last line break", "t.csv", "filepath,title\na.jpg,one", "2:a.jpg|one"},
		{"semicolon", "t.csv", "filepath;title\na.jpg;one, two\n", "2:a.jpg|one, two"},
		{"tab in .csv", "t.csv", "filepath\ttitle\na.jpg\tone; two, three\n", "2:a.jpg|one; two, three"},
		{"the columns decide", "t.csv", "filepath;title;x,y,z,w\na.jpg;one;2\n", "2:a.jpg|one"},
		{"tsv", "t.tsv", "image\tcaption\na.jpg\tone, two\n", "2:a.jpg|one, two"},
		{"CRLF and BOM", "t.csv", "\ufefffilepath,title\r\na.jpg,one\r\nb.jpg,two\r\n", "2:a.jpg|one; 3:b.jpg|two"},
		{"quoted break", "t.csv", "filepath,title\na.jpg,\"one\ntwo\"\nb.jpg,three\n", "2:a.jpg|one\ntwo; 4:b.jpg|three"},
		{"doubled quote", "t.csv", "filepath,title\na.jpg,\"a \"\"b\"\"\"\n", "2:a.jpg|a \"b\""},
		{"inch", "t.csv", "filepath,title\na.jpg,a 6\" pipe\n", "2:a.jpg|a 6\" pipe"},
		{"blank lines", "t.csv", "\nfilepath,title\n\n\na.jpg,one\n\n", "5:a.jpg|one"},
		{"unclosed quote", "t.csv", "filepath,title\na.jpg,\"one\nb.jpg,two\nc.jpg,three\n", "2!" + quote + "; 3:b.jpg|two; 4:c.jpg|three"},
		{"unclosed, closed later", "t.csv", "filepath,title\na.jpg,\"one\nb.jpg,two\nc.jpg,\"three\"\n",
			"2!" + quote + "; 3:b.jpg|two; 4:c.jpg|three"},
		{"behind blank lines", "t.csv", "filepath,title\n\n\na.jpg,\"one\n\nb.jpg,two\n", "4!" + quote + "; 6:b.jpg|two"},
		{"too few cells", "t.csv", "filepath,title\na.jpg\nb.jpg,two\n", "2!the row has 1 cells, the header 2; 3:b.jpg|two"},
		{"too many cells", "t.csv", "filepath,title\na.jpg,one,two\nb.jpg,two\n", "2!the row has 3 cells, the header 2; 3:b.jpg|two"},
		{"empty cells", "t.csv", "filepath,title\na.jpg,\n,two\nb.jpg,  \nc.jpg,x\n",
			"2!no caption; 3!the row names no picture; 4!no caption; 5:c.jpg|x"},
		{"invalid UTF-8, NUL", "t.csv", "filepath,title\na.jpg,caf\xe9 \x00\n", "2:a.jpg|caf\ufffd \x00"},
		{"line of carriage returns", "t.csv", "filepath,title\na.jpg,one\n\r\r", "2:a.jpg|one; 3!the row has 1 cells, the header 2"},
		{"bars and padding", "t.csv", "image_name| comment_number| comment\na.jpg| 0| a red circle \na.jpg| 1| \"one\"\n",
			"2:a.jpg|a red circle|\"one\""},
		{"carriage returns alone", "t.csv", "filepath,title\ra.jpg,one\rb.jpg,two\r", "2:a.jpg|one; 3:b.jpg|two"},
		{"list in JSON", "t.json", `[{"image":"a.jpg","caption":"one"},{"image":"a.jpg","caption":"two"}]`, "1:a.jpg|one|two"},
		{"lines in .json", "t.json", `{"image":"a.jpg","caption":"one"}` + "\n" + `{"image":"b.jpg","caption":"two"}`,
			"1:a.jpg|one; 2:b.jpg|two"},
		{"byte order marks inside", "t.csv", "filepath,title\n\ufeffa.jpg,\ufeffone\n", "2:a.jpg|one"},
		{"case of names", "t.csv", "FilePath,Title\na.jpg,one\n", "2:a.jpg|one"},
		{"unnamed column and no captions", "t.csv", ",path,label\n0,a.jpg,cat\n1,b.jpg,\n", "2:a.jpg|cat; 3!no caption"},
		{"space around labels", "t.csv", "path,label\na.jpg, cat \nb.jpg,cat\n", "2:a.jpg|cat; 3:b.jpg|cat"},
		{"other columns", "t.csv", "id,path,extra,text\n7,a.jpg,x,one\n", "2:a.jpg|one"},
		{"jsonl", "t.jsonl", `{"image":"a.jpg","caption":"one"}` + "\n\n" + `{"image":"b.jpg","caption":["two","three"]}`,
			"1:a.jpg|one; 3:b.jpg|two|three"},
		{"jsonl oddities", "t.jsonl", `{"image":"a.jpg","text":"one"}` + "\r\n{oops\n[1]\nnull\n" +
			`{"image":7,"text":"x"}` + "\n" + `{"image":"b.jpg","text":{}}` + "\n" + `{"text":"x"}` + "\n" +
			`{"image":"c.jpg","text":null}`,
			"1:a.jpg|one; 2!the line is not a JSON object; 3!the line is not a JSON object; 4!the line is not a JSON object; " +
				"5!image is not a text; 6!text is neither a text nor a list of texts; 7!the row names no picture; 8!no caption"},
	} {
		s, err := Open(t.Context(), tableTree(t, c.name, c.content), Options{Need: NeedCaptions})
		if err != nil {
			t.Errorf("%s: %v", c.what, err)
			continue
		}
		if got := rowsLine(t, s); got != c.want {
			t.Errorf("%s:\n%s\nwant\n%s", c.what, got, c.want)
		}
	}
}

// The rows of a picture are one sample: as samples of their own they would be wrong answers for each other.
func TestRowsOfAPictureAreItsCaptions(t *testing.T) {
	path := tableTree(t, "t.csv", "")
	here := filepath.Dir(path)
	for _, c := range []struct{ name, content, want, note string }{
		{"t.csv", "filepath,title\nb.jpg,one\na.jpg,two\nb.jpg,three\n" + here + "/b.jpg,four\n./b.jpg,one\n",
			"2:b.jpg|one|three|four|one; 3:a.jpg|two", "4 rows name 1 pictures: each is one sample with the captions of its rows"},
		{"t.jsonl", `{"image":"b.jpg","caption":["one","two"]}` + "\n" + `{"image":"a.jpg","caption":"x"}` + "\n" +
			`{"image":"b.jpg","caption":"three"}`, "1:b.jpg|one|two|three; 2:a.jpg|x", ""},
		{"t.csv", "filepath,title\na.jpg,\na.jpg,two\na.jpg,\nb.jpg,\nb.jpg,\n", "2:a.jpg|two; 5!no caption",
			"2 rows have no caption; their pictures have those of other rows"},
		{"t.csv", "filepath,title\na.jpg,one\na.jpg,two,2\na.jpg,three\n",
			"2:a.jpg|one|three; 3!the row has 3 cells, the header 2", ""},
		{"t.csv", "image,label\na.jpg,dog\na.jpg,cat\na.jpg,dog\nb.jpg,cat\n", "2:a.jpg|dog|cat; 5:b.jpg|cat",
			"1 rows give a picture another label than its first row, which counts"},
		{"t.csv", "image,title,label\na.jpg,one,dog\na.jpg,two,dog\n", "2:a.jpg|one|two", ""},
	} {
		path := filepath.Join(here, c.name)
		if err := os.WriteFile(path, []byte(c.content), 0o644); err != nil {
			t.Fatal(err)
		}
		s := openForTest(t, path, Options{Need: NeedCaptions})
		if got := rowsLine(t, s); got != c.want {
			t.Errorf("%q:\n%s\nwant\n%s", c.content, got, c.want)
		}
		if notes := s.Info().Notes; c.note != "" && !slices.Contains(notes, c.note) {
			t.Errorf("%q: notes %q, want %q", c.content, notes, c.note)
		}
	}
}

func TestTablesThatCantBeReadSayWhy(t *testing.T) {
	for _, c := range []struct {
		name, content string
		o             Options
		want          string
	}{
		{"t.csv", "filepath,title\na.jpg,x\n", Options{CSVImageKey: "picture"},
			`it has no column "picture"; its columns are filepath, title`},
		{"t.csv", "filepath,title\na.jpg,x\n", Options{CSVCaptionKey: "Title"},
			`it has no column "Title"; its columns are filepath, title`},
		{"t.csv", "x,y\na.jpg,x\n", Options{}, "no column holds pictures"},
		{"t.csv", "image,y\na.jpg,x\n", Options{Need: NeedCaptions}, "no column holds captions"},
		{"t.csv", "image,title\na.jpg,x\n", Options{Need: NeedLabels}, "no column label"},
		{"t.csv", "filepath,title\n", Options{}, "no rows"},
		{"t.csv", "", Options{}, "no rows"},
		{"t.csv", "filepath,title\na.jpg,\n", Options{Need: NeedCaptions}, "none of its 1 samples can be used"},
		{"t.csv", "filepath,title\nz.jpg,x\ny.jpg,y\n", Options{}, "2 of 2 pictures can't be found"},
		{"t.csv", "filepath,title\nz.jpg,x\n", Options{}, "paths are relative to the folder of the table, /"},
		{"t.csv", "\xff\xfef\x00", Options{}, "UTF-16"},
		{"t.csv", "\"filepath,title\na.jpg,x\n", Options{}, "header in line 1"},
		{"t.jsonl", "oops\n", Options{}, "is a JSON object"},
		{"t.jsonl", `{"a":1}`, Options{CSVImageKey: "b"}, `it has no column "b"; its columns are a`},
		{"t.jsonl", "\n", Options{}, "no rows"},
		{"t.json", `{"a":1}`, Options{}, "neither a list of objects in JSON nor an object on each line: it is a JSON object"},
		{"t.json", `{"images":[{"id":1,"file_name":7}],"annotations":[]}`, Options{}, "images.file_name is a JSON number"},
		{"t.json", `{"images":[],"annotations":[]}`, Options{}, "it lists no images"},
		{"t.csv", strings.Repeat("x", lineLimit+1), Options{}, "its first line has more than 16777216 bytes"},
	} {
		var data *DataError
		_, err := Open(t.Context(), tableTree(t, c.name, c.content), c.o)
		if !errors.As(err, &data) || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%q: %v; want a DataError with %q", c.content, err, c.want)
		}
	}
}

func TestTheSeparatorIsTheUsers(t *testing.T) {
	path := tableTree(t, "t.csv", "filepath|title\na.jpg|one, two\n")
	if got := rowsLine(t, openForTest(t, path, Options{CSVSeparator: "|"})); got != "2:a.jpg|one, two" {
		t.Error(got)
	}
	path = tableTree(t, "t.csv", "filepath\ttitle,de\na.jpg\tone\n")
	if got := rowsLine(t, openForTest(t, path, Options{CSVSeparator: `\t`, CSVCaptionKey: "title,de"})); got != "2:a.jpg|one" {
		t.Error(got)
	}
	var usage *UsageError
	for _, sep := range []string{"::", `"`, "\n", "\xff"} {
		if _, err := Open(t.Context(), path, Options{CSVSeparator: sep}); !errors.As(err, &usage) {
			t.Errorf("separator %q: %v; want a UsageError", sep, err)
		}
	}
}

func TestLabelsBecomeClasses(t *testing.T) {
	for _, c := range []struct {
		name, content string
		classes       string
		labels        []int
	}{
		{"t.csv", "image,label\na.jpg,dog\nb.jpg,cat\nc.jpg,dog\n", "cat dog", []int{1, 0, 1}},
		{"t.csv", "image,label\na.jpg,2\nb.jpg,\nc.jpg,0\n", "0 1 2", []int{2, -1, 0}},
		{"t.jsonl", `{"image":"a.jpg","label":1}` + "\n" + `{"image":"b.jpg","label":0}`, "0 1", []int{1, 0}},
		{"t.jsonl", `{"image":"a.jpg","label":"dog"}` + "\n" + `{"image":"b.jpg","label":"-1"}`, "-1 dog", []int{1, 0}},
	} {
		s := openForTest(t, tableTree(t, c.name, c.content), Options{Need: NeedLabels})
		var labels []int
		for i := range s.Len() {
			labels = append(labels, entryOf(t, s, i).Label)
		}
		if got := strings.Join(s.Info().Classes, " "); got != c.classes || !slices.Equal(labels, c.labels) {
			t.Errorf("%q: classes %s, labels %d; want %s, %d", c.content, got, labels, c.classes, c.labels)
		}
	}
}

func TestNumbersAreNamedByClassnames(t *testing.T) {
	path := tableTree(t, "t.csv", "image,label\na.jpg,1\nb.jpg,0\n")
	names := filepath.Join(filepath.Dir(path), "classnames.txt")
	if err := os.WriteFile(names, []byte("red\nblue\ngreen\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	s := openForTest(t, path, Options{Need: NeedCaptions})
	if got := rowsLine(t, s); got != "2:a.jpg|blue; 3:b.jpg|red" || len(s.Info().Classes) != 3 {
		t.Errorf("%s; classes %q", got, s.Info().Classes)
	}
	if err := os.WriteFile(names, []byte("red\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(t.Context(), path, Options{}); err == nil || !strings.Contains(err.Error(), "label 1 is not below the 1") {
		t.Errorf("a label without a name: %v", err)
	}
}

func TestGuessesAndRepairsAreNoted(t *testing.T) {
	long := strings.Repeat("x", 1<<20)
	path := tableTree(t, "t.csv", "image,caption\na.jpg,one\na.jpg,\xff\nnone.jpg,"+long+"\n")
	s := openForTest(t, path, Options{Need: NeedCaptions})
	want := []string{
		"read pictures from column image and captions from column caption",
		"2 rows name 1 pictures: each is one sample with the captions of its rows",
		"cut 1 captions to 65536 bytes", "replaced invalid UTF-8 in 1 captions",
		"1 of 2 pictures can't be found, such as " + filepath.Join(filepath.Dir(path), "none.jpg"),
	}
	if got := s.Info().Notes; !slices.Equal(got, want) {
		t.Errorf("notes %q\nwant %q", got, want)
	}
	if p, err := s.Picture(t.Context(), 0); err != nil || string(p.File) != "a" {
		t.Errorf("picture %q, %v", p.File, err)
	}
	if _, err := s.Picture(t.Context(), 1); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a missing picture: %v", err)
	}
	s = openForTest(t, path, Options{CSVImageKey: "image", CSVCaptionKey: "caption"})
	if slices.ContainsFunc(s.Info().Notes, func(n string) bool { return strings.HasPrefix(n, "read") }) {
		t.Errorf("nothing was guessed, but notes are %q", s.Info().Notes)
	}
}

func TestAFingerprintFollowsTheSamplesAlone(t *testing.T) {
	const rows = "image,caption\na.jpg,one\nb.jpg,two\n"
	seen := map[string]string{}
	first := openForTest(t, tableTree(t, "t.csv", rows), Options{}).Info().Fingerprint
	other := tableTree(t, "other.csv", strings.ReplaceAll(rows, "\n", "\r\n"))
	if moved := openForTest(t, other, Options{}).Info().Fingerprint; moved != first {
		t.Errorf("fingerprint %s became %s in another folder", first, moved)
	}
	for _, content := range []string{
		rows, "image,caption\nb.jpg,two\na.jpg,one\n", "image,caption\na.jpg,one\nb.jpg,too\n", "image,caption\na.jpg,one\n",
		"image,caption\na.jpg,one\nc.jpg,two\n", "image,caption,label\na.jpg,one,x\nb.jpg,two,\n",
	} {
		got := openForTest(t, tableTree(t, "t.csv", content), Options{}).Info().Fingerprint
		if same, ok := seen[got]; ok || len(got) != 16 {
			t.Errorf("%q and %q have the fingerprint %s", same, content, got)
		}
		seen[got] = content
	}
}
