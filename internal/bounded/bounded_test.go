package bounded

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"clipgo/internal/fault"
)

var small = Kind{Name: "a test", Limit: 100, Line: 10, Fault: fault.Data}

func write(t *testing.T, content string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestFilesUpToTheLimitAreRead(t *testing.T) {
	for _, n := range []int{0, 1, 99, 100} {
		want := strings.Repeat("a", n)
		got, err := ReadFile(write(t, want), small)
		if err != nil || string(got) != want {
			t.Errorf("%d bytes: %d, %v", n, len(got), err)
		}
	}
}

// A sparse file of 1 TB takes no space on the disk. Nothing of it is read.
func TestLargerFilesAreRefusedBeforeTheyAreRead(t *testing.T) {
	path := write(t, "")
	if err := os.Truncate(path, 1<<40); err != nil {
		t.Skip(err)
	}
	_, err := ReadFile(path, small)
	refused, ok := errors.AsType[*Error](err)
	if !ok || fault.Of(err) != fault.Data || refused.Path != path {
		t.Fatalf("%v", err)
	}
	for _, want := range []string{path, "1024 GB", "a test", "100 bytes"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("%v doesn't say %q", err, want)
		}
	}
}

func TestWhatIsNoRegularFileIsRefusedAtOnce(t *testing.T) {
	dir := t.TempDir()
	pipe, link := filepath.Join(dir, "pipe"), filepath.Join(dir, "link")
	if err := syscall.Mkfifo(pipe, 0o600); err != nil {
		t.Skip(err)
	}
	if err := os.Symlink("/dev/zero", link); err != nil {
		t.Skip(err)
	}
	for path, want := range map[string]string{pipe: "a pipe", link: "a device", dir: "a folder"} {
		done := make(chan error, 1)
		go func() {
			_, err := ReadFile(path, small)
			done <- err
		}()
		select {
		case err := <-done:
			if !errors.Is(err, ErrNotRegular) || !strings.Contains(err.Error(), want) || fault.Of(err) != fault.Data {
				t.Errorf("%s: %v", want, err)
			}
		case <-time.After(time.Minute):
			t.Fatalf("%s: it waits", want)
		}
	}
}

func TestMissingFilesAreMissing(t *testing.T) {
	if _, err := ReadFile(filepath.Join(t.TempDir(), "none"), small); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("%v", err)
	}
}

func TestLinesAreReadOneByOne(t *testing.T) {
	for content, want := range map[string]string{
		"":                       "",
		"a\nbc\n":                "1 a true|2 bc true|",
		"a\n\nbc":                "1 a true|2  true|3 bc false|",
		"0123456789\n0123456789": "1 0123456789 true|2 0123456789 false|",
	} {
		var got strings.Builder
		err := Lines(write(t, content), small, func(n int, line []byte, whole bool) error {
			fmt.Fprintf(&got, "%d %s %v|", n, line, whole)
			return nil
		})
		if err != nil || got.String() != want {
			t.Errorf("%q: %q, %v", content, got.String(), err)
		}
	}
}

func TestALongLineIsRefusedByItsNumber(t *testing.T) {
	long := Kind{Name: "a test", Limit: 1 << 30, Line: 1 << 20, Fault: fault.Model}
	for _, c := range []struct {
		kind    Kind
		content string
	}{{small, "a\n01234567890\n"}, {small, "a\n01234567890"}, {long, "a\n" + strings.Repeat("a", 2<<20)}} {
		err := Lines(write(t, c.content), c.kind, func(int, []byte, bool) error { return nil })
		if err == nil || !strings.Contains(err.Error(), "line 2") || fault.Of(err) != c.kind.Fault {
			t.Errorf("%v", err)
		}
	}
}

func TestTheCallersErrorEndsTheReading(t *testing.T) {
	stop, calls := errors.New("stop"), 0
	err := Lines(write(t, "a\nb\n"), small, func(int, []byte, bool) error {
		calls++
		return stop
	})
	if !errors.Is(err, stop) || calls != 1 {
		t.Errorf("%v after %d calls", err, calls)
	}
}
