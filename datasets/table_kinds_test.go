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

// The captions of several rows of a picture keep the weights of their columns.
func TestRowsOfAPictureKeepTheirWeights(t *testing.T) {
	path := tableTree(t, "t.csv", "path,first,second\na.jpg,one,two\nb.jpg,x,y\na.jpg,three,\n")
	s := openForTest(t, path, Options{CaptionKey: "first;second", CaptionKeyWeights: "1;4"})
	e := entryOf(t, s, 0)
	if got := fmt.Sprint(e.Captions, e.Weights); got != "[one two three] [1 4 1]" {
		t.Error(got)
	}
}

// Numbers below a million are class numbers; larger ones are ids, which are names.
func TestLargeNumbersAreNames(t *testing.T) {
	for label, want := range map[string]bool{"0": true, "999999": true, "1000000": false, "-1": false, "1.5": false, "n014407": false,
		"": false} {
		if _, got := classNumber(label); got != want {
			t.Errorf("%q: %v", label, got)
		}
	}
	s := openForTest(t, tableTree(t, "t.csv", "path,label\na.jpg,20230001\nb.jpg,5\nc.jpg,20230001\n"), Options{Need: NeedLabels})
	if got := s.Info().Classes; !slices.Equal(got, []string{"20230001", "5"}) {
		t.Errorf("%q", got)
	}
}

func TestALabelThatIsNoneCostsItsRow(t *testing.T) {
	path := tableTree(t, "t.jsonl", `{"path":"a.jpg","label":"cat"}
{"path":"b.jpg","label":["dog"]}
{"path":"c.jpg","label":{"a":1}}`)
	s := openForTest(t, path, Options{Need: NeedLabels})
	for i, want := range []string{"", "label is neither a name nor a number", "label is neither a name nor a number"} {
		if e := entryOf(t, s, i); e.Bad != want {
			t.Errorf("%s: %q, want %q", e.Key, e.Bad, want)
		}
	}
}

// A file that has no line in its first 16 MB is not read on.
func TestATableHasLines(t *testing.T) {
	path := filepath.Join(t.TempDir(), "t.csv")
	if err := errors.Join(os.WriteFile(path, nil, 0o600), os.Truncate(path, lineLimit)); err != nil {
		t.Fatal(err)
	}
	var data *DataError
	_, err := Open(t.Context(), path, Options{})
	if !errors.As(err, &data) || !strings.Contains(data.Reason, "its first line has more than") {
		t.Errorf("%v", err)
	}
}
