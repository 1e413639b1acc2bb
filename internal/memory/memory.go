// Package memory tells how much memory there is, and how much this process has taken, as Linux counts it.
package memory

import (
	"fmt"
	"math"
	"os"
	"path"
	"path/filepath"
	"strconv"
	"strings"
)

// Available is how many bytes this process may still take: what the kernel can give without swapping, and no more than the
// limits of its control groups leave.
func Available() (int64, error) { return host{"/"}.available() }

// Resident is how many bytes of this process are in memory.
func Resident() (int64, error) { return host{"/"}.field("proc/self/status", "VmRSS:") }

// Peak is the most that Resident has been since ResetPeak, or since the process began.
func Peak() (int64, error) { return host{"/"}.field("proc/self/status", "VmHWM:") }

// ResetPeak lets Peak begin anew.
func ResetPeak() error { return os.WriteFile("/proc/self/clear_refs", []byte("5"), 0) }

// host is a machine by the root of its files.
type host struct{ root string }

func (h host) available() (int64, error) {
	free, err := h.field("proc/meminfo", "MemAvailable:")
	if err != nil {
		return 0, err
	}
	return min(free, h.leftOfGroups()), nil
}

// field is a number of kilobytes, in bytes, that follows a name at the beginning of a line.
func (h host) field(file, name string) (int64, error) {
	data, err := os.ReadFile(filepath.Join(h.root, file))
	if err != nil {
		return 0, err
	}
	for line := range strings.Lines(string(data)) {
		words := strings.Fields(line)
		if len(words) > 1 && words[0] == name {
			n, err := strconv.ParseInt(words[1], 10, 64)
			return n << 10, err
		}
	}
	return 0, fmt.Errorf("/%s has no %s", file, name)
}

// group says where a version of control groups keeps its numbers.
type group struct{ dir, limit, used, cache string }

// leftOfGroups is what the tightest limit of this process's groups leaves; they nest. Files in the kernel's cache count as used
// there, and are given up when memory is wanted.
func (h host) leftOfGroups() int64 {
	left := int64(math.MaxInt64)
	data, _ := os.ReadFile(filepath.Join(h.root, "proc/self/cgroup"))
	for line := range strings.Lines(string(data)) {
		part := strings.SplitN(strings.TrimSpace(line), ":", 3) // number:controllers:path
		if len(part) < 3 {
			continue
		}
		g := group{"sys/fs/cgroup", "memory.max", "memory.current", "inactive_file"}
		if part[1] == "memory" {
			g = group{"sys/fs/cgroup/memory", "memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file"}
		} else if part[1] != "" {
			continue
		}
		for at := path.Clean(part[2]); ; at = path.Dir(at) {
			left = min(left, h.leftOf(g, at))
			if at == "/" || at == "." {
				break
			}
		}
	}
	return left
}

func (h host) leftOf(g group, at string) int64 {
	dir := filepath.Join(h.root, g.dir, at)
	limit, limited := number(filepath.Join(dir, g.limit))
	used, known := number(filepath.Join(dir, g.used))
	if !limited || !known {
		return math.MaxInt64
	}
	data, _ := os.ReadFile(filepath.Join(dir, "memory.stat"))
	for line := range strings.Lines(string(data)) {
		if name, value, _ := strings.Cut(strings.TrimSpace(line), " "); name == g.cache {
			n, _ := strconv.ParseInt(value, 10, 64)
			used -= n
		}
	}
	return max(0, limit-max(0, used))
}

// number reads a file of one number; "max" is none.
func number(file string) (int64, bool) {
	data, err := os.ReadFile(file)
	if err != nil {
		return 0, false
	}
	n, err := strconv.ParseInt(strings.TrimSpace(string(data)), 10, 64)
	return n, err == nil
}
