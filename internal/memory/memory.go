// Package memory reads the available memory and the memory of this process from Linux.
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

// Available is the number of bytes that this process can still allocate: the memory that the kernel can provide without swapping, within
// the limits of the process's control groups.
func Available() (int64, error) { return host{"/"}.available() }

// Resident is the resident memory of this process, in bytes.
func Resident() (int64, error) { return host{"/"}.field("proc/self/status", "VmRSS:") }

// Peak is the largest value of Resident since ResetPeak, or since the process started, in bytes.
func Peak() (int64, error) { return host{"/"}.field("proc/self/status", "VmHWM:") }

// ResetPeak resets Peak to the current value of Resident.
func ResetPeak() error { return os.WriteFile("/proc/self/clear_refs", []byte("5"), 0) }

// host is the root directory of a machine's files.
type host struct{ root string }

func (h host) available() (int64, error) {
	free, err := h.field("proc/meminfo", "MemAvailable:")
	if err != nil {
		return 0, err
	}
	return min(free, h.leftOfGroups()), nil
}

// field reads the number of kilobytes after a name at the beginning of a line, and returns bytes.
func (h host) field(file, name string) (int64, error) {
	data, err := os.ReadFile(filepath.Join(h.root, file)) // these files are the kernel's
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

// group holds the directory, the file names and the key of the page cache for a version of control groups.
type group struct{ dir, limit, used, cache string }

// leftOfGroups is the memory that the tightest limit of this process's (nested) control groups leaves. The groups count the page cache as
// used memory, but the kernel frees it on demand, so it is available.
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

// number reads a file with one number; "max" means no limit.
func number(file string) (int64, bool) {
	data, err := os.ReadFile(file)
	if err != nil {
		return 0, false
	}
	n, err := strconv.ParseInt(strings.TrimSpace(string(data)), 10, 64)
	return n, err == nil
}
