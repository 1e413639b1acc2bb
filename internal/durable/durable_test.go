package durable

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
)

func put(t testing.TB, path, content string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
		t.Fatal(err)
	}
}

func get(t testing.TB, path string) string {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

func ls(t testing.TB, dir string) (names []string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return names
}

func text(s string) func(io.Writer) error {
	return func(w io.Writer) error {
		_, err := io.WriteString(w, s)
		return err
	}
}

func TestFileIsOldOrNewWhateverFails(t *testing.T) {
	const old, fresh = "old", "the new content"
	eachFault(t, func(t *testing.T, d *faultDisk) {
		dir := t.TempDir()
		path := filepath.Join(dir, "f")
		put(t, path, old)
		err := writeFile(d, path, 0o644, text(fresh))
		if (err == nil) != (d.failAt == 0) {
			t.Fatalf("error %v", err)
		}
		want := old
		if renamed := slices.Index(d.log, "rename .f.tmp f") + 1; d.failAt == 0 || renamed > 0 && renamed < d.failAt {
			want = fresh
		}
		if got := get(t, path); got != want {
			t.Errorf("%q; %q", got, d.log)
		}
		if names := ls(t, dir); !d.crash && !slices.Equal(names, []string{"f"}) {
			t.Errorf("left %q", names)
		}
		swept(t, dir, "f")
	})
}

func swept(t *testing.T, dir, only string) {
	t.Helper()
	if err := Sweep(dir); err != nil {
		t.Fatal(err)
	}
	if names := ls(t, dir); !slices.Equal(names, []string{only}) {
		t.Errorf("sweep left %q", names)
	}
}

func TestDirectoryIsOldOrNewWhateverFails(t *testing.T) {
	eachFault(t, func(t *testing.T, d *faultDisk) {
		parent := t.TempDir()
		dir := filepath.Join(parent, "step-1")
		if err := WriteDir(dir, content("old")); err != nil {
			t.Fatal(err)
		}
		err := writeDir(d, dir, content("new"))
		onlyCleaning := d.failAt > 0 && strings.HasPrefix(d.log[d.failAt-1], "remove ")
		fellBack := d.failAt > 0 && !d.crash && strings.HasPrefix(d.log[d.failAt-1], "exchange ")
		if (err == nil) != (d.failAt == 0 || onlyCleaning || fellBack) {
			t.Fatalf("error %v", err)
		}
		swept(t, parent, "step-1")
		if err := Verify(dir); err != nil {
			t.Fatalf("%v; %q", err, d.log)
		}
		got := get(t, filepath.Join(dir, "a"))
		if got != "old" && got != "new" || get(t, filepath.Join(dir, "sub", "b")) != got {
			t.Errorf("a mixture: %q", got)
		}
		if err == nil && got != "new" {
			t.Error("success, and the old one is there")
		}
	})
}

func content(s string) func(string) error {
	return func(tmp string) error {
		err := os.Mkdir(filepath.Join(tmp, "sub"), 0o755)
		err = errors.Join(err, os.WriteFile(filepath.Join(tmp, "a"), []byte(s), 0o644))
		return errors.Join(err, os.WriteFile(filepath.Join(tmp, "sub", "b"), []byte(s), 0o644))
	}
}

// What a power cut leaves depends on the order of syncs and renames alone, so the order is pinned.
func TestNothingIsRenamedBeforeItIsSynced(t *testing.T) {
	parent := t.TempDir()
	base := filepath.Base(parent)
	var d faultDisk
	if err := writeFile(&d, filepath.Join(parent, "f"), 0o644, text("x")); err != nil {
		t.Fatal(err)
	}
	want := []string{"create .f.tmp", "write .f.tmp", "sync .f.tmp", "close .f.tmp", "rename .f.tmp f", "open " + base, "sync " + base,
		"close " + base}
	if !slices.Equal(d.log, want) {
		t.Errorf("file: %q", d.log)
	}
	d = faultDisk{}
	if err := writeDir(&d, filepath.Join(parent, "d"), content("x")); err != nil {
		t.Fatal(err)
	}
	want = []string{
		"mkdir .d.tmp", "open a", "sync a", "close a", "open b", "sync b", "close b",
		"create MANIFEST", "write MANIFEST", "sync MANIFEST", "close MANIFEST",
		"open .d.tmp", "sync .d.tmp", "close .d.tmp", "open sub", "sync sub", "close sub",
		"rename .d.tmp d", "open " + base, "sync " + base, "close " + base,
	}
	if !slices.Equal(d.log, want) {
		t.Errorf("directory: %q", d.log)
	}
}

func TestFailedCallbackLeavesNothing(t *testing.T) {
	dir, broken := t.TempDir(), errors.New("broken")
	err := WriteFile(filepath.Join(dir, "f"), 0o644, func(w io.Writer) error { return errors.Join(text("half")(w), broken) })
	if !errors.Is(err, broken) {
		t.Errorf("file: %v", err)
	}
	err = WriteDir(filepath.Join(dir, "d"), func(tmp string) error { return errors.Join(content("x")(tmp), broken) })
	if !errors.Is(err, broken) {
		t.Errorf("directory: %v", err)
	}
	if names := ls(t, dir); len(names) > 0 {
		t.Errorf("left %q", names)
	}
}

func TestDirectoryRefusesWhatItCannotVouchFor(t *testing.T) {
	dir := t.TempDir()
	for name, fill := range map[string]func(tmp string) error{
		"a link":         func(tmp string) error { return os.Symlink("/etc/hostname", filepath.Join(tmp, "l")) },
		"a MANIFEST":     func(tmp string) error { return os.WriteFile(filepath.Join(tmp, Manifest), nil, 0o644) },
		"no such folder": func(tmp string) error { return os.Remove(tmp) },
	} {
		if err := WriteDir(filepath.Join(dir, "d"), fill); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
	put(t, filepath.Join(dir, "file"), "x")
	if err := WriteDir(filepath.Join(dir, "file"), content("x")); err == nil || get(t, filepath.Join(dir, "file")) != "x" {
		t.Errorf("in place of a file: %v", err)
	}
	if names := ls(t, dir); !slices.Equal(names, []string{"file"}) {
		t.Errorf("left %q", names)
	}
}

func TestModeIsAsAsked(t *testing.T) {
	path := filepath.Join(t.TempDir(), "f")
	put(t, path, "old")
	if err := WriteFile(path, 0o600, text("secret")); err != nil {
		t.Fatal(err)
	}
	if info, err := os.Stat(path); err != nil || info.Mode() != 0o600 {
		t.Errorf("%v, %v", info.Mode(), err)
	}
}

func TestVerifyNamesWhatIsWrong(t *testing.T) {
	for name, c := range map[string]struct {
		damage func(dir string) error
		want   DamageError
	}{
		"gone": {func(dir string) error { return os.Remove(dir + "/sub/b") }, DamageError{File: "sub/b", Problem: Missing}},
		"cut":  {func(dir string) error { return os.Truncate(dir+"/a", 2) }, DamageError{File: "a", Problem: WrongSize}},
		"a bit": {func(dir string) error { return os.WriteFile(dir+"/a", []byte("oldX"), 0o644) },
			DamageError{File: "a", Problem: WrongHash}},
		"more": {func(dir string) error { return os.WriteFile(dir+"/sub/c", nil, 0o644) }, DamageError{File: "sub/c", Problem: Unlisted}},
		"a link": {func(dir string) error {
			return errors.Join(os.Rename(dir+"/a", dir+"/../a"), os.Symlink("../a", dir+"/a"))
		}, DamageError{File: "a", Problem: WrongSize}},
		"a folder": {func(dir string) error { return errors.Join(os.Remove(dir+"/a"), os.Mkdir(dir+"/a", 0o755)) },
			DamageError{File: "a", Problem: Missing}},
		"no manifest": {func(dir string) error { return os.Remove(dir + "/" + Manifest) }, DamageError{File: Manifest, Problem: Missing}},
		"cut manifest": {func(dir string) error { return os.Truncate(dir+"/"+Manifest, 30) },
			DamageError{File: Manifest, Problem: Malformed}},
		"no files": {func(dir string) error { return os.WriteFile(dir+"/"+Manifest, []byte("{}"), 0o644) },
			DamageError{File: Manifest, Problem: Malformed}},
		"outside": {func(dir string) error { return os.WriteFile(dir+"/"+Manifest, []byte(`{"files":{"../x":{}}}`), 0o644) },
			DamageError{File: "../x", Problem: Missing}},
	} {
		t.Run(name, func(t *testing.T) {
			dir := filepath.Join(t.TempDir(), "d")
			if err := WriteDir(dir, content("oldx")); err != nil {
				t.Fatal(err)
			}
			if err := Verify(dir); err != nil {
				t.Fatalf("whole: %v", err)
			}
			if err := c.damage(dir); err != nil {
				t.Fatal(err)
			}
			c.want.Dir = dir
			var got *DamageError
			if err := Verify(dir); !errors.As(err, &got) || *got != c.want {
				t.Errorf("%v", err)
			}
		})
	}
	var damage *DamageError
	if err := Verify(filepath.Join(t.TempDir(), "x")); !errors.Is(err, fs.ErrNotExist) || errors.As(err, &damage) {
		t.Errorf("no directory: %v", err)
	}
}

// rewritten replaces the file a of a folder.
func rewritten(content string) func(dir string) error {
	return func(dir string) error { return os.WriteFile(filepath.Join(dir, "a"), []byte(content), 0o600) }
}

// A folder that its user may add to is compared file by file with what was written.
func TestVerifyListedNamesWhatIsWrong(t *testing.T) {
	skip := func(name string) bool { return name == "README.md" }
	for _, c := range []struct {
		name  string
		limit int64
		spoil func(dir string) error
		file  string
		want  Problem
	}{
		{"nothing", 100, func(string) error { return nil }, "", ""},
		{"another file", 100, func(dir string) error { return os.WriteFile(filepath.Join(dir, "mine"), nil, 0o600) }, "", ""},
		{"the card", 100, func(dir string) error { return os.Remove(filepath.Join(dir, "README.md")) }, "", ""},
		{"a byte", 100, rewritten("other"), "a", WrongHash},
		{"a byte above the limit", 4, rewritten("other"), "", ""},
		{"a size above the limit", 4, rewritten("others"), "a", WrongSize},
		{"a file less", 100, func(dir string) error { return os.Remove(filepath.Join(dir, "a")) }, "a", Missing},
		{"no manifest", 100, func(dir string) error { return os.Remove(filepath.Join(dir, Manifest)) }, Manifest, Missing},
		{"a path outside", 100, func(dir string) error {
			return os.WriteFile(filepath.Join(dir, Manifest), []byte(`{"files": {"../a": {"size": 5}}}`), 0o600)
		}, Manifest, Malformed},
	} {
		dir := filepath.Join(t.TempDir(), "d")
		if err := WriteFiles(dir, []File{{"a", text("bytes")}, {"README.md", text("card")}}); err != nil {
			t.Fatal(err)
		}
		if err := c.spoil(dir); err != nil {
			t.Fatal(err)
		}
		err := VerifyListed(dir, c.limit, skip)
		damage, _ := errors.AsType[*DamageError](err)
		if (err == nil) != (c.want == "") || damage != nil && (damage.File != c.file || damage.Problem != c.want) {
			t.Errorf("%s: %v, want %s %s", c.name, err, c.file, c.want)
		}
	}
}

func TestSweepTouchesOnlyItsOwn(t *testing.T) {
	dir := t.TempDir()
	keep := []string{".f.tmp", ".f.tmp-1", "f", "f.tmp-0123456789abcdef", ".f.new-0123456789abcdef"}
	for _, name := range keep {
		put(t, filepath.Join(dir, name), name)
	}
	put(t, filepath.Join(dir, ".f.tmp-0123456789abcdef"), "half")
	put(t, filepath.Join(dir, ".d.tmp-0123456789abcdef", "x"), "half")
	put(t, filepath.Join(dir, ".f.old-0123456789abcdef"), "replaced already")
	put(t, filepath.Join(dir, ".g.old-0123456789abcdef", "x"), "about to be replaced")
	if err := Sweep(dir); err != nil {
		t.Fatal(err)
	}
	if got := ls(t, dir); !slices.Equal(got, slices.Sorted(slices.Values(append(keep, "g")))) {
		t.Errorf("%q", got)
	}
	if got := get(t, filepath.Join(dir, "g", "x")); got != "about to be replaced" || get(t, filepath.Join(dir, "f")) != "f" {
		t.Error(got)
	}
}

func TestOneOfManyGetsTheLock(t *testing.T) {
	path := filepath.Join(t.TempDir(), "lock")
	for range 3 { // given back, it can be taken again
		var wg sync.WaitGroup
		got := make(chan *Lock, 16)
		for range 16 {
			wg.Go(func() {
				l, err := Acquire(path)
				if err == nil {
					got <- l
				} else if !errors.Is(err, ErrLocked) {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		close(got)
		if len(got) != 1 {
			t.Fatalf("%d owners", len(got))
		}
		l := <-got
		if err := errors.Join(l.Release(), l.Release()); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := Acquire(filepath.Join(t.TempDir(), "no", "lock")); err == nil || errors.Is(err, ErrLocked) {
		t.Errorf("no folder: %v", err)
	}
}

// TestMain makes the binary its own second process: with CLIPGO_TEST_LOCK it takes that lock and waits to be killed.
func TestMain(m *testing.M) {
	path := os.Getenv("CLIPGO_TEST_LOCK")
	if path == "" {
		os.Exit(m.Run())
	}
	_, err := Acquire(path)
	fmt.Println("acquired", err)
	_, _ = io.Copy(io.Discard, os.Stdin)
}

func TestKilledOwnersLockIsFree(t *testing.T) {
	path := filepath.Join(t.TempDir(), "lock")
	other := exec.Command(os.Args[0])
	other.Env = append(os.Environ(), "CLIPGO_TEST_LOCK="+path)
	if _, err := other.StdinPipe(); err != nil {
		t.Fatal(err)
	}
	out, err := other.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := other.Start(); err != nil {
		t.Fatal(err)
	}
	line, _, err := bufio.NewReader(out).ReadLine()
	if err != nil || !bytes.Equal(line, []byte("acquired <nil>")) {
		t.Fatalf("%q, %v", line, err)
	}
	_, err = Acquire(path)
	if !errors.Is(err, ErrLocked) || !strings.HasSuffix(err.Error(), fmt.Sprintf("by process %d", other.Process.Pid)) {
		t.Errorf("while it lives: %v", err)
	}
	if err := other.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = other.Wait() // it was killed
	l, err := Acquire(path)
	if err != nil {
		t.Fatalf("after its death: %v", err)
	}
	if err := l.Release(); err != nil {
		t.Error(err)
	}
}
