package main

import (
	"fmt"
	"os"
	"strconv"
	"strings"

	"clipgo/internal/torch"
	"clipgo/model"
)

// machine says what to compute on.
type machine struct {
	Device    string `json:"device" flag:"device" arg:"name" help:"cpu, cuda, cuda:N or auto"`
	Precision string `json:"precision" flag:"precision" arg:"name" help:"fp32, bf16, or auto: bf16 only where the hardware is faster in it"`
	TF32      bool   `json:"tf32,omitempty" flag:"tf32" help:"on CUDA devices, multiply float32 numbers with 10 bits of mantissa: several times faster"`
	// Threads 0 is one for each core.
	Threads int `json:"threads" min:"0" flag:"threads" arg:"N" help:"threads of one operation (default one for each core)"`
}

func defaultMachine() machine { return machine{Device: "auto", Precision: "auto"} }

// loadLibtorch begins what placement will wait for, while something else is read. What goes wrong is told there.
func loadLibtorch() {
	go func() { _ = torch.Load() }()
}

// placement loads libtorch and resolves the wishes against what is there.
func (m machine) placement() (model.Placement, error) {
	at := model.On()
	if err := m.validate(); err != nil {
		return at, err
	}
	info, err := torch.Probe()
	if err != nil {
		return at, err
	}
	if err := torch.SetThreads(m.Threads); err != nil {
		return at, err
	}
	if at.Device, err = m.device(info.CUDA); err != nil {
		return at, err
	}
	if err := torch.SetTF32(m.TF32); err != nil {
		return at, err
	}
	if m.Precision == "bf16" || m.Precision == "auto" && fastBF16(at.Device) {
		at.DType = torch.BFloat16
	}
	return at, nil
}

func (m machine) validate() error {
	switch m.Precision {
	case "auto", "fp32", "bf16":
	default:
		return usagef("--precision: %q is none of auto, fp32, bf16", m.Precision)
	}
	if name, _, _ := strings.Cut(m.Device, ":"); m.Device != "auto" && m.Device != "cpu" && name != "cuda" {
		return usagef("--device: %q is none of auto, cpu, cuda, cuda:N", m.Device)
	}
	return nil
}

func (m machine) device(available int) (torch.Device, error) {
	name, number, _ := strings.Cut(m.Device, ":")
	switch {
	case name == "cpu", name == "auto" && available == 0:
		return torch.CPU, nil
	case name == "auto", number == "":
		number = "0"
	}
	n, err := strconv.Atoi(number)
	if err != nil || n < 0 {
		return 0, usagef("--device: %q is not a number of a CUDA device", number)
	}
	if n >= available {
		return 0, usagef("--device %s: %s", m.Device, absent(available))
	}
	return torch.Device(n), nil
}

// absent says why a CUDA device can't be had where libtorch sees so many.
func absent(available int) string {
	known := len(torch.GPUs())
	switch {
	case available > 0:
		return fmt.Sprintf("libtorch sees %d CUDA devices, numbered from 0", available)
	case known > 0:
		return fmt.Sprintf("the driver knows %d CUDA devices, but this libtorch computes on the CPU alone: set LIBTORCH to a CUDA build, such as pip's torch, and run make", known)
	default:
		return "there is no CUDA device here; --device auto takes the CPU then"
	}
}

// fastBF16 says whether a device is faster in bfloat16 than in float32. Of CPUs those with AMX are: one that has
// AVX512-BF16 alone took 1.4 times as long for a step of ViT-Nano-16-64 and twice as long for one of ViT-B-32, and one that has
// neither is thirty times slower.
func fastBF16(d torch.Device) bool {
	if d != torch.CPU {
		gpus := torch.GPUs()
		return int(d) < len(gpus) && gpus[d].BF16()
	}
	return cpuFlags()["amx_bf16"]
}

// cpuFlags lists what the kernel says of the CPU's instructions; empty where it doesn't say.
func cpuFlags() map[string]bool {
	out := map[string]bool{}
	data, _ := os.ReadFile("/proc/cpuinfo")
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

// cpuFeatures names the instructions that decide in which order and precision sums are made.
func cpuFeatures() string {
	var have []string
	flags := cpuFlags()
	for _, f := range []string{"avx2", "fma", "avx512f", "avx512_bf16", "amx_bf16"} {
		if flags[f] {
			have = append(have, f)
		}
	}
	return strings.Join(have, " ")
}

func precisionName(d torch.DType) string {
	if d == torch.BFloat16 {
		return "bf16"
	}
	return "fp32"
}

func deviceName(d torch.Device) string {
	if d == torch.CPU {
		return "cpu"
	}
	return fmt.Sprintf("cuda:%d", int(d))
}
