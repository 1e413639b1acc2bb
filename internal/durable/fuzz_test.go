package durable

import (
	"os"
	"path/filepath"
	"runtime"
	"testing"
)

// No manifest makes the comparison panic, take memory, or accept a file that isn't there.
func FuzzManifest(f *testing.F) {
	f.Add([]byte(`{"files": {"a": {"size": 5, "sha256": "x"}}}`))
	f.Add([]byte(`{"files": {"a": {"size": 5, "sha256": "277089d91c0bdf4f2e6862ba7e4a07605119431f5d13f726dd352b06f1b206a9"}}}`))
	f.Add([]byte(`{"files": {"../a": {"size": 5}}}`))
	f.Add([]byte(`{"files": {}}`))
	f.Add([]byte(`{`))
	dir := f.TempDir() // of this process: a folder for each execution would be most of its time
	if err := os.WriteFile(filepath.Join(dir, "a"), []byte("bytes"), 0o600); err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		if err := os.WriteFile(filepath.Join(dir, Manifest), data, 0o600); err != nil {
			t.Fatal(err)
		}
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		err1 := VerifyListed(dir, 1<<20, func(string) bool { return false })
		err2 := Verify(dir)
		runtime.ReadMemStats(&after)
		if mb := (after.TotalAlloc - before.TotalAlloc) >> 20; mb > 64 {
			t.Fatalf("%d MB", mb)
		}
		if err2 == nil && err1 != nil {
			t.Fatalf("the stricter check accepts what this refuses: %v", err1)
		}
	})
}
