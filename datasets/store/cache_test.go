package store

import (
	"bytes"
	"context"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"clipgo/internal/bounded"
)

// cacheFiles lists the blocks of a cache and their size.
func cacheFiles(t testing.TB, dir string) (files []string, total int64) {
	t.Helper()
	err := filepath.WalkDir(filepath.Join(dir, "blocks"), func(path string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		st, err := e.Info()
		if err == nil {
			files, total = append(files, path), total+st.Size()
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return files, total
}

func TestTheCacheKeepsWhatWasRead(t *testing.T) {
	want := content(3<<20 + 100)
	server := serveFiles(t, map[string][]byte{"a.tar": want})
	dir := t.TempDir()
	s := patient(t, Options{Cache: dir})
	o := find(t, s, server.URL+"/a.tar")
	reads(t, s, o, want, 1)
	if n := s.Stats().Bytes; n != int64(len(want)) {
		t.Errorf("%d bytes were transferred", n)
	}
	_ = s.Close()
	s = patient(t, Options{Cache: dir})
	o = find(t, s, server.URL+"/a.tar")
	before := len(server.Seen())
	reads(t, s, o, want, 2)
	if seen := server.Seen()[before:]; len(seen) > 0 {
		t.Errorf("read again: %v", seen)
	}
	if files, _ := cacheFiles(t, dir); len(files) != 4 || s.Stats().CacheHits == 0 {
		t.Errorf("%d blocks, %+v", len(files), s.Stats())
	}
}

func TestAnotherVersionIsNotThatOfTheCache(t *testing.T) {
	server := serveFiles(t, map[string][]byte{"a.tar": content(1000)})
	dir := t.TempDir()
	s := patient(t, Options{Cache: dir})
	reads(t, s, find(t, s, server.URL+"/a.tar"), content(1000), 1)
	now := content(1001)[:1000]
	path := write(t, filepath.Join(server.dir, "a.tar"), string(now))
	if err := os.Chtimes(path, time.Time{}, time.Now().Add(time.Hour)); err != nil {
		t.Fatal(err)
	}
	reads(t, s, find(t, s, server.URL+"/a.tar"), now, 1)
}

// Each kind of damage costs a transfer, never a wrong byte.
func TestDamagedBlocksAreReadAgain(t *testing.T) {
	want := content(200_000)
	server := serveFiles(t, map[string][]byte{"a.tar": want})
	dir := t.TempDir()
	s := patient(t, Options{Cache: dir})
	reads(t, s, find(t, s, server.URL+"/a.tar"), want, 1)
	_ = s.Close() // it waits for what is being written
	files, _ := cacheFiles(t, dir)
	whole, err := os.ReadFile(files[0])
	if err != nil {
		t.Fatal(err)
	}
	flipped := bytes.Clone(whole)
	flipped[len(flipped)-1] ^= 1
	for name, damaged := range map[string][]byte{
		"empty": {}, "header": whole[:50], "cut": whole[:len(whole)-1], "flipped": flipped, "other": make([]byte, len(whole)),
	} {
		if err := os.WriteFile(files[0], damaged, 0o600); err != nil {
			t.Fatal(err)
		}
		s := patient(t, Options{Cache: dir})
		o := find(t, s, server.URL+"/a.tar")
		p := make([]byte, 10)
		if _, err := s.ReadAt(t.Context(), o, p, int64(len(want))-10); err != nil || !bytes.Equal(p, want[len(want)-10:]) {
			t.Errorf("%s: %v", name, err)
		}
		if n := s.Stats().Damaged; n != 1 {
			t.Errorf("%s: %d damaged blocks", name, n)
		}
		_ = s.Close()
		if again, err := os.ReadFile(files[0]); err != nil || !bytes.Equal(again, whole) {
			t.Errorf("%s: the block is not as before: %v", name, err)
		}
	}
}

func TestTheCacheKeepsToItsSize(t *testing.T) {
	want := content(8 << 20)
	server := serveFiles(t, map[string][]byte{"a.tar": want, "b.tar": want[:1<<20]})
	dir := t.TempDir()
	const limit = 4<<20 + 4096
	s := patient(t, Options{Cache: dir, CacheSize: limit})
	b := find(t, s, server.URL+"/b.tar")
	reads(t, s, b, want[:1<<20], 1)
	_ = s.Close()
	files, _ := cacheFiles(t, dir)
	old := time.Now().Add(-time.Hour)
	left := write(t, filepath.Join(filepath.Dir(files[0]), partial+"1"), "of a killed process")
	for _, f := range []string{files[0], left} {
		if err := os.Chtimes(f, old, old.Add(-time.Hour)); err != nil {
			t.Fatal(err)
		}
	}
	s = patient(t, Options{Cache: dir, CacheSize: limit})
	if _, err := s.ReadAt(t.Context(), b, make([]byte, 10), 0); err != nil { // it is used, so it is not the oldest one
		t.Fatal(err)
	}
	if st, err := os.Stat(files[0]); err != nil || time.Since(st.ModTime()) > time.Minute {
		t.Errorf("a block that is used keeps its time: %v", err)
	}
	reads(t, s, find(t, s, server.URL+"/a.tar"), want, 1)
	_ = s.Close()
	kept, total := cacheFiles(t, dir)
	if total > limit || len(kept) < 2 {
		t.Errorf("%d blocks of %d bytes, the limit is %d", len(kept), total, limit)
	}
	if _, err := os.Stat(left); err == nil {
		t.Error("a part of a killed process is still there")
	}
}

func TestACacheThatCantBeWrittenIsNoError(t *testing.T) {
	want := content(100_000)
	server := serveFiles(t, map[string][]byte{"a.tar": want})
	file := write(t, filepath.Join(t.TempDir(), "file"), "not a directory")
	s := patient(t, Options{Cache: file})
	reads(t, s, find(t, s, server.URL+"/a.tar"), want, 1)
}

// asReader makes the test binary read an object through a cache, for a test with several processes.
const asReader = "CLIPGO_TEST_READ"

func readAsProcess() {
	s := New(Options{Cache: os.Getenv("CLIPGO_TEST_CACHE"), CacheSize: 6 << 20})
	defer s.Close()
	name := os.Getenv(asReader)
	found, err := s.Find(context.Background(), name)
	if err == nil {
		var data []byte
		if data, err = s.ReadAll(context.Background(), found[0], bounded.Any); err == nil && !bytes.Equal(data, content(8<<20)) {
			err = fmt.Errorf("%d wrong bytes", len(data))
		}
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(0)
}

func TestProcessesShareTheCache(t *testing.T) {
	server := serveFiles(t, map[string][]byte{"a.tar": content(8 << 20)})
	dir := t.TempDir()
	var running []*exec.Cmd
	for range 3 {
		c := exec.Command(os.Args[0])
		c.Env = append(os.Environ(), asReader+"="+server.URL+"/a.tar", "CLIPGO_TEST_CACHE="+dir)
		c.Stderr = &strings.Builder{}
		if err := c.Start(); err != nil {
			t.Fatal(err)
		}
		running = append(running, c)
	}
	for _, c := range running {
		if err := c.Wait(); err != nil {
			t.Errorf("%v: %s", err, c.Stderr)
		}
	}
	files, total := cacheFiles(t, dir)
	for _, f := range files {
		if strings.HasPrefix(filepath.Base(f), partial) {
			t.Errorf("left behind: %s", f)
		}
	}
	if total > 8<<20 { // without a limit it would be more
		t.Errorf("%d bytes", total)
	}
}
