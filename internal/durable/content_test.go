package durable

import (
	"errors"
	"io"
	"path/filepath"
	"strings"
	"testing"
)

func TestFilesOfADirectory(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "d")
	if err := WriteFiles(dir, []File{{"a", text("x")}, {"b", text("y")}}); err != nil {
		t.Fatal(err)
	}
	if got := get(t, filepath.Join(dir, "a")) + get(t, filepath.Join(dir, "b")); got != "xy" {
		t.Errorf("contents %q", got)
	}
	if err := Verify(dir); err != nil {
		t.Error(err)
	}
}

// A file that fails, or a name given twice, leaves the directory as it was and is named.
func TestFilesAreAllOrNone(t *testing.T) {
	broken := errors.New("broken")
	fails := func(io.Writer) error { return broken }
	for _, files := range [][]File{{{"a", text("new")}, {"b", fails}}, {{"b", text("new")}, {"b", text("again")}}} {
		dir := filepath.Join(t.TempDir(), "d")
		if err := WriteFiles(dir, []File{{"a", text("old")}}); err != nil {
			t.Fatal(err)
		}
		if err := WriteFiles(dir, files); err == nil || !strings.Contains(err.Error(), "b: ") {
			t.Errorf("error %v", err)
		}
		if got := get(t, filepath.Join(dir, "a")); got != "old" {
			t.Errorf("the file became %q", got)
		}
	}
}

func TestJSONIsForPeople(t *testing.T) {
	path := filepath.Join(t.TempDir(), "x.json")
	if err := WriteJSON(path, map[string]string{"a": "<b> & c"}); err != nil {
		t.Fatal(err)
	}
	if got := get(t, path); got != "{\n  \"a\": \"<b> & c\"\n}\n" {
		t.Errorf("content %q", got)
	}
	if err := WriteJSON(path, func() {}); err == nil {
		t.Error("a function became JSON")
	}
	if got := get(t, path); !strings.Contains(got, "<b>") {
		t.Errorf("a value that is no JSON left %q", got)
	}
}
