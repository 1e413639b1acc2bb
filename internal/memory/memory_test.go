package memory

import (
	"os"
	"path/filepath"
	"testing"
)

// machine writes files below a root.
func machine(t *testing.T, files map[string]string) host {
	t.Helper()
	h := host{t.TempDir()}
	for name, text := range files {
		path := filepath.Join(h.root, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return h
}

const meminfo = "MemTotal:       16000 kB\nMemFree:         1000 kB\nMemAvailable:    9000 kB\n"

func TestTheTightestLimitCounts(t *testing.T) {
	for _, c := range []struct {
		name  string
		files map[string]string
		want  int64
	}{
		{"no groups", nil, 9000 << 10},
		{"no limit", map[string]string{"proc/self/cgroup": "0::/a\n", "sys/fs/cgroup/a/memory.max": "max\n",
			"sys/fs/cgroup/a/memory.current": "5\n"}, 9000 << 10},
		{"a limit", map[string]string{"proc/self/cgroup": "0::/a\n", "sys/fs/cgroup/a/memory.max": "1000\n",
			"sys/fs/cgroup/a/memory.current": "300\n"}, 700},
		{"of which some is cache", map[string]string{
			"proc/self/cgroup": "0::/a\n", "sys/fs/cgroup/a/memory.max": "1000\n", "sys/fs/cgroup/a/memory.current": "300\n",
			"sys/fs/cgroup/a/memory.stat": "anon 200\ninactive_file 100\n",
		}, 800},
		{"a tighter parent", map[string]string{
			"proc/self/cgroup": "0::/a/b\n", "sys/fs/cgroup/a/b/memory.max": "1000\n", "sys/fs/cgroup/a/b/memory.current": "300\n",
			"sys/fs/cgroup/a/memory.max": "1100\n", "sys/fs/cgroup/a/memory.current": "900\n",
		}, 200},
		{"a group of its own root", map[string]string{"proc/self/cgroup": "0::/\n", "sys/fs/cgroup/memory.max": "400\n",
			"sys/fs/cgroup/memory.current": "100\n"}, 300},
		{"version 1", map[string]string{
			"proc/self/cgroup": "5:cpu:/x\n4:memory:/a\n",
			"sys/fs/cgroup/memory/a/memory.limit_in_bytes": "1000\n",
			"sys/fs/cgroup/memory/a/memory.usage_in_bytes": "500\n",
			"sys/fs/cgroup/memory/a/memory.stat":           "inactive_file 1\ntotal_inactive_file 50\n",
		}, 550},
		{"over the limit", map[string]string{"proc/self/cgroup": "0::/a\n", "sys/fs/cgroup/a/memory.max": "1000\n",
			"sys/fs/cgroup/a/memory.current": "1300\n"}, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			h := machine(t, c.files)
			if err := os.MkdirAll(filepath.Join(h.root, "proc"), 0o755); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(filepath.Join(h.root, "proc/meminfo"), []byte(meminfo), 0o600); err != nil {
				t.Fatal(err)
			}
			if got, err := h.available(); err != nil || got != c.want {
				t.Errorf("%d bytes, want %d: %v", got, c.want, err)
			}
		})
	}
	if _, err := machine(t, nil).available(); err == nil {
		t.Error("a machine that says nothing has memory")
	}
}

// A line through two measured steps, rounded down to a power of two of what a share of the memory holds.
func TestTheMostPairsThatFit(t *testing.T) {
	c := Through(Sample{Pairs: 16, Bytes: 260}, Sample{Pairs: 64, Bytes: 740}) // 100 + 10 a pair
	for _, x := range []struct {
		bytes int64
		limit int
		want  int
	}{
		{100 + 10*64, 1000, 64}, {100 + 10*64 - 1, 1000, 32}, {100 + 10*127, 1000, 64}, {1 << 40, 1000, 512}, {1 << 40, 512, 512},
		{110, 1000, 1}, {109, 1000, 0}, {0, 1000, 0}, {1 << 40, 1, 1},
	} {
		if got := Most(x.limit, func(n int) bool { return c.Of(n) <= x.bytes }); got != x.want {
			t.Errorf("%d bytes, at most %d: %d pairs, want %d", x.bytes, x.limit, got, x.want)
		}
	}
	if flat := Through(Sample{Pairs: 16, Bytes: 300}, Sample{Pairs: 64, Bytes: 200}); flat.Of(1000) < 200 {
		t.Errorf("more pairs cost less: %d", flat.Of(1000))
	}
}

func TestThisProcessTakesMemory(t *testing.T) {
	before, err := Resident()
	if err != nil {
		t.Skip("not Linux")
	}
	block := make([]byte, 64<<20)
	for i := 0; i < len(block); i += 512 {
		block[i] = 1
	}
	peak, err := Peak()
	if err != nil || peak < before+60<<20 {
		t.Errorf("from %d to a peak of %d with 64 MB more, %v", before, peak, err)
	}
	if block[512] != 1 {
		t.Error("the block is gone")
	}
}
