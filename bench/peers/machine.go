package main

import (
	"os"
	"runtime"
	"strings"
	"syscall"
)

// machine describes the machine of the measurements.
type machine struct {
	CPU    string `json:"cpu"`
	Cores  int    `json:"cores"`
	BF16   string `json:"bf16"` // AMX or AVX512-BF16; empty: not in hardware
	Memory string `json:"memory"`
	Kernel string `json:"kernel"`
	Go     string `json:"go"`
}

func readMachine() machine {
	return machine{
		CPU: field("/proc/cpuinfo", "model name"), Cores: runtime.NumCPU(), BF16: bf16Of(field("/proc/cpuinfo", "flags")),
		Memory: field("/proc/meminfo", "MemTotal"), Kernel: line("/proc/sys/kernel/osrelease"), Go: runtime.Version(),
	}
}

// bf16Of names the best instructions for bfloat16 among a CPU's.
func bf16Of(flags string) string {
	for _, f := range []struct{ flag, name string }{{"amx_bf16", "AMX"}, {"avx512_bf16", "AVX512-BF16"}} {
		if strings.Contains(" "+flags+" ", " "+f.flag+" ") {
			return f.name
		}
	}
	return ""
}

func (m machine) bf16() string {
	if m.BF16 == "" {
		return "no hardware"
	}
	return m.BF16
}

// field is the first value of a name in a file of "name : value" lines of the kernel's; empty where there is none.
func field(path, name string) string {
	data, _ := os.ReadFile(path)
	for l := range strings.Lines(string(data)) {
		key, value, _ := strings.Cut(l, ":")
		if strings.TrimSpace(key) == name {
			return strings.TrimSpace(value)
		}
	}
	return ""
}

func line(path string) string {
	data, _ := os.ReadFile(path)
	return strings.TrimSpace(string(data))
}

// readLoad returns the load averages over the last 1, 5 and 15 minutes.
func readLoad() string { return line("/proc/loadavg") }

// peakBytes is the peak resident memory of a process that has ended.
func peakBytes(p *os.ProcessState) int64 {
	usage, ok := p.SysUsage().(*syscall.Rusage)
	if !ok {
		return 0
	}
	return usage.Maxrss << 10 // Linux counts KiB
}
