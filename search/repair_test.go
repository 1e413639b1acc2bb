package search

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
)

// twoSegments makes an index of a, b | c, d.
func twoSegments(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	update(t, dir, func(w *Writer) {
		w.SegmentRows = 2
		for i, path := range []string{"a", "b", "c", "d"} {
			add(t, w, path, i)
		}
	})
	return dir
}

func flip(t *testing.T, path string, at int) {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	data[(at+len(data))%len(data)] ^= 1
	if err := os.WriteFile(path, data, 0o644); err != nil {
		t.Fatal(err)
	}
}

// One flipped bit anywhere in a segment is noticed by whoever would add to the index. A repair leaves the segment out, says what it
// held, and the rest stays.
func TestDamageIsNoticedAndRepaired(t *testing.T) {
	for _, name := range []string{imageFile(0), textFile(0), rowsFile(0)} {
		dir := twoSegments(t)
		path := filepath.Join(dir, name)
		flip(t, path, -1-len(name)%4)
		var corrupt *CorruptError
		if _, err := OpenWriter(dir); !errors.As(err, &corrupt) || corrupt.File != path {
			t.Errorf("%s: %v", name, err)
			continue
		}
		w, found, err := OpenRepair(dir)
		if err != nil || len(found) != 1 || !errors.As(found[0], &corrupt) || corrupt.File != path {
			t.Fatalf("%s: %v %v", name, found, err)
		}
		want := []string{"a", "b"}
		if name == rowsFile(0) {
			want = nil // what it names can't be believed
		}
		if rows, back, missing := w.Lost(); rows != 2 || back != 0 || !slices.Equal(missing, want) {
			t.Errorf("%s: lost %d, %v", name, rows, missing)
		}
		if err := w.Begin(space); err != nil {
			t.Fatal(err)
		}
		if _, err := os.Stat(path); err != nil {
			t.Errorf("%s is removed before the index is without it", name)
		}
		add(t, w, "a", 0)
		if _, _, missing := w.Lost(); want != nil && !slices.Equal(missing, []string{"b"}) {
			t.Errorf("%s: still lost %v", name, missing)
		}
		if err := errors.Join(w.Commit(), w.Close()); err != nil {
			t.Fatal(err)
		}
		check(t, dir, map[string]int{"a": 0, "c": 2, "d": 3})
		if _, err := os.Stat(path); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("%s stays", name)
		}
	}
}

// What was removed before the damage is not lost by it.
func TestDeadRowsAreNotLost(t *testing.T) {
	dir := twoSegments(t)
	update(t, dir, func(w *Writer) { w.Remove("b") })
	flip(t, filepath.Join(dir, imageFile(0)), -1)
	w, found, err := OpenRepair(dir)
	if err != nil || len(found) != 1 {
		t.Fatalf("%v %v", found, err)
	}
	defer w.Close()
	if rows, back, missing := w.Lost(); rows != 1 || back != 0 || !slices.Equal(missing, []string{"a"}) {
		t.Errorf("lost %d, %d back, %v", rows, back, missing)
	}
}

// A repair that nothing comes after drops the damaged rows, and one that has nothing to do changes nothing.
func TestARepairAloneIsCommitted(t *testing.T) {
	dir := twoSegments(t)
	if err := os.Remove(filepath.Join(dir, textFile(1))); err != nil {
		t.Fatal(err)
	}
	for _, want := range []int{1, 0} {
		w, found, err := OpenRepair(dir)
		if err != nil || len(found) != want {
			t.Fatalf("%v %v", found, err)
		}
		if err := errors.Join(w.Begin(space), w.Commit(), w.Close()); err != nil {
			t.Fatal(err)
		}
		check(t, dir, map[string]int{"a": 0, "b": 1})
	}
}

// Each number and word of meta.json is protected, but for what doesn't change its meaning; without its own digest, as indexes of before
// are, it is read as it is.
func TestMetaProtectsItself(t *testing.T) {
	dir := t.TempDir()
	space := space
	space.Preprocess = json.RawMessage(`{"mean":[0.48145466,0.4578275],"note":"<&>"}`)
	w, err := Update(dir, space)
	if err != nil {
		t.Fatal(err)
	}
	add(t, w, "a", 0)
	if err := errors.Join(w.Commit(), w.Close()); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, metaName)
	good, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	m, _, err := readMeta(dir)
	if err != nil {
		t.Fatal(err)
	}
	for i := range good {
		bad := slices.Clone(good)
		bad[i] ^= 1
		if err := os.WriteFile(path, bad, 0o644); err != nil {
			t.Fatal(err)
		}
		got, _, err := readMeta(dir)
		if got.Sum = m.Sum; err == nil && fmt.Sprintf("%+v", got) != fmt.Sprintf("%+v", m) {
			t.Errorf("byte %d, %q for %q: nobody noticed", i, bad[i], good[i])
		}
	}
	old := strings.Replace(string(good), m.Sum, "", 1)
	old = strings.Replace(old, "0.48145466", "0.5", 1)
	if err := os.WriteFile(path, []byte(old), 0o644); err != nil {
		t.Fatal(err)
	}
	if _, _, err := readMeta(dir); err != nil {
		t.Errorf("without a digest: %v", err)
	}
}

// What meta.json claims is checked before memory is taken for it.
func TestAHostileMetaTakesNoMemory(t *testing.T) {
	good := twoSegments(t)
	meta, err := os.ReadFile(filepath.Join(good, metaName))
	if err != nil {
		t.Fatal(err)
	}
	head := `{"format_version":1,"model_fingerprint":"m","preprocess":null,"dim":4,"dtype":"float16","next_segment":9,"segments":`
	for name, text := range map[string]string{
		"empty segments": head + "[" + strings.Repeat("{},", 2<<20) + "{}]}",
		"many rows": strings.Replace(strings.Replace(string(meta), `"rows": 2`, `"rows": 123456789012345`, 1), `"sha256"`, `"x"`,
			-1),
		"no table": head + `[{"number":0,"rows":99999999999,"files":{"metadata/metadata_0.parquet":{"size":1,"sha256":""}}}]}`,
		"a type":   strings.Replace(head, `"dim":4`, `"dim":"x"`, 1) + `[]}`,
	} {
		dir := t.TempDir()
		restore(t, dir, folder(t, good))
		restore(t, dir, map[string]string{metaName: text})
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		_, err := OpenWriter(dir)
		_, open := Open(dir)
		runtime.ReadMemStats(&after)
		var corrupt *CorruptError
		if !errors.As(err, &corrupt) || !errors.As(open, &corrupt) || strings.Contains(err.Error(), "Go ") {
			t.Errorf("%s: %v, %v", name, err, open)
		}
		if took := after.TotalAlloc - before.TotalAlloc; took > uint64(20*len(text)+1<<20) {
			t.Errorf("%s: %d bytes for a file of %d", name, took, len(text))
		}
	}
	dir := t.TempDir()
	path := filepath.Join(dir, metaName)
	if err := errors.Join(os.WriteFile(path, nil, 0o644), os.Truncate(path, 4<<30)); err != nil {
		t.Fatal(err)
	}
	var corrupt *CorruptError
	if _, err := Open(dir); !errors.As(err, &corrupt) {
		t.Errorf("4 GB: %v", err)
	}
	if err := errors.Join(os.Remove(path), os.Symlink("/dev/zero", path)); err != nil {
		t.Fatal(err)
	}
	if _, err := OpenWriter(dir); !errors.As(err, &corrupt) {
		t.Errorf("a device: %v", err)
	}
}
