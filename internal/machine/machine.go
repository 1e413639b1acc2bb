// Package machine says what the CPU can do.
package machine

import (
	"os"
	"strings"
)

// Flags lists what the kernel says of the CPU's instructions; empty where it doesn't say.
func Flags() map[string]bool {
	out := map[string]bool{}
	data, _ := os.ReadFile("/proc/cpuinfo") // the kernel's
	for line := range strings.Lines(string(data)) {
		name, value, _ := strings.Cut(line, ":")
		if strings.TrimSpace(name) == "flags" {
			for _, f := range strings.Fields(value) {
				out[f] = true
			}
			return out
		}
	}
	return out
}

// Features names the instructions that decide in which order and precision sums are made.
func Features() string {
	var have []string
	flags := Flags()
	for _, f := range []string{"avx2", "fma", "avx512f", "avx512_bf16", "amx_bf16"} {
		if flags[f] {
			have = append(have, f)
		}
	}
	return strings.Join(have, " ")
}

// Identity is the same in two processes that share a machine, or a container of it. Only whether two of them are equal means something.
func Identity() string {
	host, _ := os.Hostname()                                  // two containers of one machine differ in it
	boot, _ := os.ReadFile("/proc/sys/kernel/random/boot_id") // two machines of one name differ in it; Linux alone has it
	return host + " " + strings.TrimSpace(string(boot))
}
