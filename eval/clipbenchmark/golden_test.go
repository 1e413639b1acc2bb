package clipbenchmark

import (
	"bytes"
	"encoding/csv"
	"io/fs"
	"maps"
	"math"
	"path/filepath"
	"strings"
	"testing"

	"clipgo/internal/golden"
)

// Every result is read and written again with the same bytes.
func TestGoldenBenchmarkResultsAreWrittenToTheByte(t *testing.T) {
	dir := golden.Dir(t, "benchmark")
	files := 0
	err := filepath.WalkDir(filepath.Join(dir, "results"), func(path string, e fs.DirEntry, err error) error {
		if err != nil || filepath.Ext(path) != ".json" {
			return err
		}
		files++
		want := golden.Read(t, path)
		r, err := ReadFile(path)
		if err != nil {
			t.Error(err)
			return nil
		}
		got, err := r.JSON(false)
		if err != nil || !bytes.Equal(got, want) {
			t.Errorf("%s: %v\n%s\nwant\n%s", filepath.Base(path), err, got, want)
		}
		return nil
	})
	if err != nil || files == 0 {
		t.Fatalf("%d files, %v", files, err)
	}
}

func rows(t *testing.T, data []byte) []map[string]string {
	t.Helper()
	if !bytes.HasSuffix(data, []byte("\r\n")) || strings.Count(string(data), "\n") != strings.Count(string(data), "\r\n") {
		t.Error("lines don't end with CRLF")
	}
	all, err := csv.NewReader(bytes.NewReader(data)).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	var out []map[string]string
	for _, row := range all[1:] {
		one := map[string]string{}
		for i, key := range all[0] {
			one[key] = row[i]
		}
		out = append(out, one)
	}
	return out
}

// The CSV is that of the command build for the same files, but for the order of its columns.
func TestGoldenBenchmarkTable(t *testing.T) {
	dir := golden.Dir(t, "benchmark")
	var results []*Result
	for _, run := range golden.Lines[struct {
		ID   string
		Argv []string
	}](t, filepath.Join(dir, "runs.jsonl")) {
		if run.ID != "build" {
			continue
		}
		for _, path := range run.Argv[2:] {
			if path == "--output" {
				break
			}
			r, err := ReadFile(filepath.Join(dir, path))
			if err != nil {
				t.Fatal(err)
			}
			results = append(results, r)
		}
	}
	var b, same bytes.Buffer
	if err := WriteCSV(&b, results); err != nil {
		t.Fatal(err)
	}
	file := golden.Read(t, filepath.Join(dir, "benchmark.csv"))
	header, _, _ := strings.Cut(string(file), "\r\n")
	columns := strings.Split(header, ",")
	if err := WriteCSVColumns(&same, results, columns); err != nil || !bytes.Equal(same.Bytes(), file) {
		t.Errorf("with its columns the table isn't the same to the byte: %v\n%s", err, same.Bytes())
	}
	if ours := Columns(results); len(ours) != len(columns) {
		t.Errorf("%d columns, want %d", len(ours), len(columns))
	}
	got, want := rows(t, b.Bytes()), rows(t, file)
	if len(got) != len(want) || len(got) == 0 {
		t.Fatalf("%d rows, want %d", len(got), len(want))
	}
	for i := range want {
		if !maps.Equal(got[i], want[i]) {
			t.Errorf("row %d:\n%v\nwant\n%v", i, got[i], want[i])
		}
	}
}

// The spellings are those of Python 3.
func TestNumbersAndTextsAreSpelledAsInPython(t *testing.T) {
	for v, want := range map[float64]string{
		1: "1.0", 0: "0.0", 1e-6: "1e-06", 1e16: "1e+16", 1e15: "1000000000000000.0", 0.0001: "0.0001", 0.00009: "9e-05",
		1.5e-300: "1.5e-300",
	} {
		if got := float(v); got != want {
			t.Errorf("%g: %s, want %s", v, got, want)
		}
	}
	for text, want := range map[string]string{
		"a": "'a'", "it's": `"it's"`, `it's "so"`: `'it\'s "so"'`, "a\nb\x01": `'a\nb\x01'`, "\u00e9\u200b": `'é\u200b'`, `\`: `'\\'`,
	} {
		if got := reprText(text); got != want {
			t.Errorf("%q: %s, want %s", text, got, want)
		}
	}
	var b bytes.Buffer
	quote(&b, "\u00e9\U0001f600\x7f\"")
	if want := `"\u00e9\ud83d\ude00\u007f\""`; b.String() != want {
		t.Errorf("%s, want %s", b.String(), want)
	}
}

func TestOtherFilesAreRefused(t *testing.T) {
	for _, text := range []string{
		"", "[]", "{}", `{"dataset": "a"}`, `{"dataset": 1}`, strings.Repeat("[", 100), `{"dataset": "a"} {}`,
		`{"dataset": "a", "model": "b", "pretrained": "c", "task": "d", "language": "e", "metrics": 3}`,
	} {
		if r, err := Parse([]byte(text)); err == nil {
			t.Errorf("%.40q: %v", text, r)
		}
	}
	r, err := Parse([]byte(
		`{"dataset": "NaN", "model": "b\"NaN", "pretrained": "c", "task": "d", "language": "e", "metrics": {"x": NaN}}`))
	if err != nil || r.Dataset != "NaN" || r.Model != `b"NaN` {
		t.Fatalf("%v, %v", r, err)
	}
	if v, _ := r.Value("x"); !math.IsNaN(v.(float64)) {
		t.Errorf("x is %v", v)
	}
	if data, err := r.JSON(true); err != nil || !bytes.Contains(data, []byte(`"x": null`)) {
		t.Errorf("%s, %v", data, err)
	}
}
