package benchmark

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"clipgo/datasets"
)

func TestListsAreReadOutsideOfBraces(t *testing.T) {
	file := filepath.Join(t.TempDir(), "list.txt")
	if err := os.WriteFile(file, []byte("\ufeffa,b\n# c\n\n d \r\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for list, want := range map[string]string{
		"a": "[a]", "a, b,": "[a b]", "s/{0,1}.tar,x": "[s/{0,1}.tar x]", file: "[a,b d]",
	} {
		if got, err := Expand(list); err != nil || fmt.Sprint(got) != want {
			t.Errorf("%s: %v, %v; want %s", list, got, err, want)
		}
	}
	for _, bad := range []string{"", ",", "a,a"} {
		if got, err := Expand(bad); err == nil {
			t.Errorf("%q: %v", bad, got)
		}
	}
}

// Two cells never have the same files.
func TestCellsWithTheSameFilesAreRefused(t *testing.T) {
	s := &Suite{Models: []string{"runs/a", "runs_a"}, Data: []*Data{{Name: "x", Place: "x"}}, Out: t.TempDir()}
	if err := s.check(); err == nil {
		t.Error("two models with the same file names are accepted")
	}
	s.Models, s.Data = s.Models[:1], []*Data{{Name: "wds/x", Place: "a"}, {Name: "x", Place: "b"}}
	if err := s.check(); err == nil {
		t.Error("two data sets with the same file names are accepted")
	}
	if _, err := Open(filepath.Join(s.Out, "absent"), datasets.Options{}); err == nil {
		t.Error("a folder that isn't there is opened")
	}
}

func TestNamesOfDataSetsHaveNoCredentials(t *testing.T) {
	for text, want := range map[string]string{
		"wds/x=http://u:pw1@h/wds_digits": "wds/x=http://h/wds_digits", "x=https://u:pw1@h/a.tar": "x=https://h/a.tar",
		"http://u:pw1@h/a?b=c": "http://h/a", "/a=b/c": "/a=b/c",
	} {
		if got := Public(text); strings.Contains(got, "pw1") || !strings.HasPrefix(got, want) {
			t.Errorf("%s: %s, want %s", text, got, want)
		}
	}
}

// A folder of results from elsewhere names a place: it must not be a command, or make requests.
func TestPlacesOfResultsAreOnThisMachine(t *testing.T) {
	for place, want := range map[string]bool{
		"": false, "pipe:touch x": false, "PIPE:x": false, "http://h/x": false, "a.tar::pipe:touch x": false, "s3://b/k": false,
		"/data/wds_x/test": true, "builtin:emoji": true, "shards/{0..3}.tar": true,
	} {
		if got := onThisMachine(place); got != want {
			t.Errorf("%q: %v", place, got)
		}
	}
}
