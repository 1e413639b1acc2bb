package benchmark

import (
	"context"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"clipgo/datasets"
	"clipgo/internal/golden"
)

// The kinds of Winoground are rows of a table, parts of the JSON and lines of the output, with the numbers that the samples have.
// SugarCrepe has the mean over all samples among the averages.
func TestKindsOfASelectionAreInAllResults(t *testing.T) {
	dir := golden.Dir(t, "benchmark")
	s := smallSuite(t, t.TempDir())
	s.Tasks, s.Data = nil, nil
	for _, name := range []string{"winoground", "sugar_crepe"} {
		sets, err := OpenAll(filepath.Join(dir, "data", name), datasets.Options{Evaluation: true})
		if err != nil {
			t.Fatal(err)
		}
		s.Data = append(s.Data, sets...)
	}
	if err := s.Run(context.Background()); err != nil {
		t.Fatal(err)
	}
	o, err := WriteTable(s.Out)
	if err != nil {
		t.Fatal(err)
	}
	text, right, n := strings.Join(o.Lines(), "\n"), 0.0, 0.0
	for _, e := range o.Entries {
		if strings.HasPrefix(e.Result.Dataset, sugarCrepePrefix) {
			right, n = right+float64(strings.Count(e.Details.Hits, "1")), n+float64(len(e.Details.Hits))
			continue
		}
		kindsAreWhole(t, s.Out, text, e)
	}
	averages := Averages(o.Entries)[0].Averages
	found := false
	for _, a := range averages {
		if a.Name == "SugarCrepe, all samples" {
			found = true
			close6(t, a.Name, *a.Value, right/n, 1e-12)
		}
	}
	if !found {
		t.Errorf("%+v", averages)
	}
}

// kindsAreWhole compares the parts of an entry with its samples: their sum is the whole, in every form.
func kindsAreWhole(t *testing.T, out, text string, e Entry) {
	t.Helper()
	parts := e.Parts()
	n, right := 0, 0.0
	for _, p := range parts {
		if p.By != "kind" || p.Values[0].Key != "acc" || !strings.Contains(text, "  "+p.Name) {
			t.Errorf("%+v is not in\n%s", p, text)
		}
		n, right = n+p.N, right+*p.Values[0].Value*float64(p.N)
	}
	if n != e.Details.Samples || math.Abs(right-float64(strings.Count(e.Details.Hits, "1"))) > 1e-9 || len(parts) < 2 {
		t.Errorf("%d samples with %v right in %d kinds, want %s", n, right, len(parts), e.Details.Hits)
	}
	var printed struct{ Parts []Part }
	data, err := json.Marshal(e)
	if err == nil {
		err = json.Unmarshal(data, &printed)
	}
	if err != nil || len(printed.Parts) != len(parts) {
		t.Errorf("%s, %v", data, err)
	}
	file, err := os.Open(filepath.Join(out, PartsFile))
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	rows, err := csv.NewReader(file).ReadAll()
	if err != nil || len(rows) != 1+3*len(parts) {
		t.Fatalf("%d rows for %d kinds, %v", len(rows), len(parts), err)
	}
	for i, p := range parts {
		row := rows[1+3*i]
		if row[0] != e.Result.Dataset || row[6] != p.Name || row[7] != fmt.Sprint(p.N) || row[9] != fmt.Sprint(*p.Values[0].Value) {
			t.Errorf("%v, want %+v", row, p)
		}
	}
}
