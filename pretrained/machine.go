package pretrained

import (
	"errors"
	"fmt"
	"runtime"
	"strconv"
	"strings"

	"clipgo/internal/fault"
	"clipgo/internal/machine"
	"clipgo/internal/torch"
	"clipgo/model"
)

// Machine says what to compute on.
type Machine struct {
	Device    string `json:"device" flag:"device" arg:"name" help:"cpu, cuda, cuda:N or auto (default auto)"`
	Precision string `json:"precision" flag:"precision" arg:"name" help:"fp32, bf16, int8 (to use a model, not to train it), or auto: bf16 only where the hardware is faster in it (default auto)"`
	TF32      bool   `json:"tf32,omitempty" flag:"tf32" help:"on CUDA devices, multiply float32 numbers with 10 bits of mantissa: several times faster"`
	// Threads 0 is one for each core.
	Threads int `json:"threads" min:"0" max:"1024" flag:"threads" arg:"N" help:"threads of one operation (default one for each core)"`
}

// DefaultMachine chooses by what is there.
func DefaultMachine() Machine { return Machine{Device: "auto", Precision: "auto"} }

// threadsOfCore bounds the threads of an operation: many more than cores take minutes for a step.
const threadsOfCore = 16

// LoadLibtorch starts to load libtorch, for which Placement waits, while something else is read. Placement returns the error.
func LoadLibtorch() {
	go func() { _ = torch.Load() }()
}

// Placement loads libtorch and resolves the wishes against what is there.
func (m Machine) Placement() (model.Placement, error) {
	at := model.On()
	if err := errors.Join(m.Validate(), m.Trains()); err != nil {
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
	at.DType = m.dtype(at.Device)
	return at, nil
}

// OnCPU reports whether the device is the CPU. It loads libtorch only where auto might be a GPU.
func (m Machine) OnCPU() bool {
	available := len(torch.GPUs())
	if available > 0 && m.Device == "auto" {
		if info, err := torch.Probe(); err == nil {
			available = info.CUDA
		}
	}
	return m.onCPU(available)
}

// onCPU is OnCPU where libtorch sees so many CUDA devices.
func (m Machine) onCPU(available int) bool {
	return m.Device == "cpu" || m.Device == "auto" && available == 0
}

// dtype is the type to compute in on a device.
func (m Machine) dtype(on torch.Device) torch.DType {
	if name := m.precision(); name == "bf16" || name == "auto" && FastBF16(on) {
		return torch.BFloat16
	}
	return torch.Float32
}

// Arithmetic is the type that Placement computes in, fp32 or bf16. libtorch is loaded only where it decides whether there is a GPU.
func (m Machine) Arithmetic() (string, error) {
	if err := m.Validate(); err != nil {
		return "", err
	}
	if name := m.precision(); name != "auto" {
		return name, nil
	}
	if m.Device == "cpu" || m.Device == "auto" && len(torch.GPUs()) == 0 {
		return PrecisionName(m.dtype(torch.CPU)), nil
	}
	at, err := m.Placement()
	return PrecisionName(at.DType), err
}

// Int8 reports whether the model is to be used in 8 bits.
func (m Machine) Int8() bool { return m.precision() == "int8" }

// Trains is the error of a setting with which a model can only be used.
func (m Machine) Trains() error {
	if m.Int8() {
		return fault.Setting("precision", "int8 is for using a model; training computes in fp32 or bf16")
	}
	return nil
}

// threads is the number of threads of an operation.
func (m Machine) threads() int {
	if m.Threads > 0 {
		return m.Threads
	}
	return runtime.GOMAXPROCS(0)
}

// float is the setting of what int8 leaves in floating point: float32 on the CPU.
func (m Machine) float() Machine {
	if m.Int8() {
		m.Device, m.Precision = "cpu", "fp32"
	}
	return m
}

// precision is the setting by its name here. open_clip and PyTorch have other names for the same.
func (m Machine) precision() string {
	switch m.Precision {
	case "amp_bf16", "amp_bfloat16", "bfloat16":
		return "bf16"
	case "float32":
		return "fp32"
	case "amp", "float16", "pure_fp16":
		return "fp16"
	}
	return m.Precision
}

// Validate checks the names.
func (m Machine) Validate() error {
	switch m.precision() {
	case "auto", "fp32", "bf16":
	case "int8":
		if strings.HasPrefix(m.Device, "cuda") {
			return fault.Setting("precision", "int8 computes on the CPU; a CUDA device is fast in bf16")
		}
	case "fp16":
		return fault.Setting("precision", "%s computes in float16, which needs the loss to be scaled; clipgo computes in bf16 or fp32",
			m.Precision)
	case "pure_bf16":
		return fault.Setting("precision", "pure_bf16 keeps the weights in bfloat16, too; with bf16 (open_clip's amp_bf16) they are float32")
	default:
		return fault.Setting("precision", "%q is none of auto, fp32, bf16, int8", m.Precision)
	}
	if limit := threadsOfCore * runtime.NumCPU(); m.Threads > limit {
		return fault.Setting("threads", "%d is more than %d for each of %d cores", m.Threads, threadsOfCore, runtime.NumCPU())
	}
	if name, _, _ := strings.Cut(m.Device, ":"); m.Device != "auto" && m.Device != "cpu" && name != "cuda" {
		return fault.Setting("device", "%q is none of auto, cpu, cuda, cuda:N", m.Device)
	}
	return nil
}

func (m Machine) device(available int) (torch.Device, error) {
	name, number, _ := strings.Cut(m.Device, ":")
	switch {
	case m.onCPU(available):
		return torch.CPU, nil
	case name == "auto", number == "":
		number = strconv.Itoa(int(torch.CurrentDevice()))
	}
	n, err := strconv.Atoi(number)
	if err != nil || n < 0 {
		return 0, fault.Setting("device", "%q is not a number of a CUDA device", number)
	}
	if n >= available {
		return 0, fault.Setting("device", "%s: %s", m.Device, Absent(available))
	}
	return torch.Device(n), nil
}

// Absent says why a CUDA device can't be had where libtorch sees so many.
func Absent(available int) string {
	known := len(torch.GPUs())
	switch {
	case available > 0:
		return fmt.Sprintf("libtorch sees %d CUDA devices, numbered from 0", available)
	case known > 0:
		return fmt.Sprintf("the driver knows %d CUDA devices, but this libtorch computes on the CPU alone: set LIBTORCH to a CUDA "+
			"build, such as pip's torch, and run make", known)
	default:
		return "no CUDA device found; use cpu or auto"
	}
}

// FastBF16 says whether a device is faster in bfloat16 than in float32. Of CPUs those with AMX are: one that has
// AVX512-BF16 alone took 1.4 times as long for a step of ViT-Nano-16-64 and twice as long for one of ViT-B-32, and one that has
// neither is thirty times slower.
func FastBF16(d torch.Device) bool {
	if d != torch.CPU {
		gpus := torch.GPUs()
		return int(d) < len(gpus) && gpus[d].BF16()
	}
	return machine.Flags()["amx_bf16"]
}

// PrecisionName is the setting that gives a type.
func PrecisionName(d torch.DType) string {
	if d == torch.BFloat16 {
		return "bf16"
	}
	return "fp32"
}

// DeviceName is the setting that gives a device.
func DeviceName(d torch.Device) string {
	if d == torch.CPU {
		return "cpu"
	}
	return fmt.Sprintf("cuda:%d", int(d))
}
