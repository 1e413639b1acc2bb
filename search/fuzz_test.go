package search

import (
	"os"
	"path/filepath"
	"reflect"
	"runtime"
	"testing"
)

// frugal runs f and fails if it takes more memory than limit bytes in all.
func frugal(t *testing.T, limit int, f func()) {
	t.Helper()
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	f()
	runtime.ReadMemStats(&after)
	if took := after.TotalAlloc - before.TotalAlloc; took > uint64(limit) {
		t.Errorf("%d bytes of memory, more than %d", took, limit)
	}
}

// sample is a file of a small index.
func sample(f *testing.F, name string) []byte {
	dir := f.TempDir()
	w, err := Update(dir, space)
	if err != nil {
		f.Fatal(err)
	}
	for i, path := range []string{"/p/a.jpg", "/p/b.jpg", "/p/a.jpg"} {
		if err := w.Add(Row{File: source(path, i), Image: axis(i), Text: axis(i + 1)}); err != nil {
			f.Fatal(err)
		}
		if err := w.Commit(); err != nil {
			f.Fatal(err)
		}
	}
	data, err := os.ReadFile(filepath.Join(dir, name))
	if err != nil {
		f.Fatal(err)
	}
	return data
}

func FuzzMeta(f *testing.F) {
	f.Add(sample(f, metaName))
	f.Add([]byte(`{"format_version":1,"dim":1,"dtype":"float32","segments":[{"rows":1e3},{}]}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		frugal(t, 256*len(data)+1<<16, func() {
			m, err := parseMeta(data)
			if err != nil || m.Format != formatVersion {
				return
			}
			text, err := m.encode()
			if err != nil {
				t.Fatal(err)
			}
			back, err := parseMeta(text)
			if back.Sum = m.Sum; err != nil || !reflect.DeepEqual(back.Segments, m.Segments) || back.Fingerprint != m.Fingerprint {
				t.Errorf("%v: %+v became %+v", err, m, back)
			}
		})
	})
}

func FuzzNpy(f *testing.F) {
	f.Add(encodeNpy([]float32{1, 0, 0, 1}, 2, Float16))
	f.Add(encodeNpy([]float32{1, 0, 0, 1}, 1, Float32))
	f.Fuzz(func(t *testing.T, data []byte) {
		frugal(t, 16*len(data)+1<<16, func() {
			if h, err := parseNpy(data); err == nil && (h.rows < 0 || h.start+h.rows*h.dim*h.dtype.size() != len(data)) {
				t.Errorf("%+v of %d bytes", h, len(data))
			}
		})
	})
}

func FuzzMetadata(f *testing.F) {
	f.Add(sample(f, rowsFile(1)))
	f.Fuzz(func(t *testing.T, data []byte) {
		frugal(t, 256*len(data)+8<<20, func() {
			m := &metadata{path: "fuzz", data: data}
			n, err := m.count()
			if err != nil {
				return
			}
			p := &part{rows: n, details: m}
			rows := 0
			err = p.eachDetails(func(int, details) error { rows++; return nil })
			if err == nil && rows != n {
				t.Errorf("%d rows of %d", rows, n)
			}
			if n > 0 {
				_, _ = p.readDetails([]int{n - 1, 0})
			}
		})
	})
}
