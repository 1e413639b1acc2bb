package store

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

func write(t testing.TB, path, text string) string {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func names(objects []Object) string {
	var out []string
	for _, o := range objects {
		out = append(out, filepath.Base(o.Name))
	}
	return strings.Join(out, " ")
}

func TestFilesAreFoundByNameBracesAndPattern(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"a1.tar", "a2.tar", "b{1}.tar"} {
		write(t, filepath.Join(dir, name), name)
	}
	s := New(Options{})
	defer s.Close()
	for name, want := range map[string]string{
		"a1.tar": "a1.tar", "a{2..1}.tar": "a2.tar a1.tar", "a*.tar": "a1.tar a2.tar", "b{1}.tar": "b{1}.tar",
	} {
		found, err := s.Find(context.Background(), filepath.Join(dir, name))
		if err != nil || names(found) != want {
			t.Errorf("%s: %s, %v; want %s", name, names(found), err, want)
		}
	}
	for _, name := range []string{"c.tar", "c*.tar", "a{1..3}.tar"} {
		if found, err := s.Find(context.Background(), filepath.Join(dir, name)); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%s: %v, %v", name, found, err)
		}
	}
}

func TestAFileThatChangesIsNotRead(t *testing.T) {
	path := write(t, filepath.Join(t.TempDir(), "a.tar"), "before")
	s := New(Options{})
	defer s.Close()
	found, err := s.Find(context.Background(), path)
	if err != nil {
		t.Fatal(err)
	}
	write(t, path, "after it")
	var changed *ChangedError
	if _, err := s.ReadAt(context.Background(), found[0], make([]byte, 3), 0); !errors.As(err, &changed) {
		t.Errorf("read at: %v", err)
	}
	if _, err := s.Stream(context.Background(), found[0], 0); !errors.As(err, &changed) {
		t.Errorf("stream: %v", err)
	}
}

// More files than stay open are read by several goroutines.
func TestManyFilesAreReadAtOnce(t *testing.T) {
	dir := t.TempDir()
	s := New(Options{})
	defer s.Close()
	for i := range maxOpenFiles + 20 {
		write(t, filepath.Join(dir, fmt.Sprintf("%03d", i)), fmt.Sprintf("x%03d", i))
	}
	all, err := s.List(context.Background(), dir)
	if err != nil || len(all) != maxOpenFiles+20 {
		t.Fatalf("%d files, %v", len(all), err)
	}
	var running sync.WaitGroup
	for range 4 {
		running.Go(func() {
			for i, o := range all {
				b := make([]byte, 3)
				if _, err := s.ReadAt(context.Background(), o, b, 1); err != nil || string(b) != fmt.Sprintf("%03d", i) {
					t.Errorf("%s: %q, %v", o.Name, b, err)
				}
			}
		})
	}
	running.Wait()
	if len(s.files.open) != maxOpenFiles {
		t.Errorf("%d files are open", len(s.files.open))
	}
	if _, err := s.ReadAt(context.Background(), all[0], make([]byte, 9), 0); !errors.Is(err, io.EOF) {
		t.Errorf("behind the end: %v", err)
	}
}

func TestPlacesBesideAnObject(t *testing.T) {
	for _, c := range []struct {
		object Object
		up     bool
		want   string
	}{
		{Object{Name: "http://h/a/b/0.tar"}, false, "http://h/a/b/x"}, {Object{Name: "http://h/a/b/0.tar"}, true, "http://h/a/x"},
		{Object{Name: "http://h/0.tar"}, false, "http://h/x"}, {Object{Name: "http://h/0.tar"}, true, ""},
		{Object{Name: "http://h/a/0.tar", address: "http://u:p@h/a/0.tar"}, false, "http://u:p@h/a/x"},
		{Object{Name: "http://h/a/0.tar?sig=1"}, false, ""}, {Object{Name: "s3://bucket/0.tar"}, true, ""},
		{Object{Name: "s3://bucket/a/0.tar"}, true, "s3://bucket/x"}, {Object{Name: "pipe:cat /a/0.tar"}, false, ""},
		{Object{Name: "hf-hub:datasets/o/r/a/0.tar"}, false, "hf-hub:datasets/o/r/a/x"},
	} {
		if got := c.object.Beside("x", c.up); got != c.want {
			t.Errorf("%s, up %v: %q, want %q", c.object.Name, c.up, got, c.want)
		}
	}
}
