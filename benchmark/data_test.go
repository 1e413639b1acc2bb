package benchmark

import (
	"fmt"
	"os"
	"path/filepath"
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
