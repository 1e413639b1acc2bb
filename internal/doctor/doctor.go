// Package doctor examines an installation.
package doctor

import (
	"cmp"
	"fmt"
	"os"
	"runtime"
	"strings"

	"clipgo/internal/jpeg"
	"clipgo/internal/machine"
	"clipgo/internal/torch"
	"clipgo/pretrained"
)

// Diagnosis is what was found.
type Diagnosis struct {
	Version  string   `json:"version"`
	Go       string   `json:"go"`
	System   string   `json:"system"`
	CPUs     int      `json:"cpus"`
	CPU      string   `json:"cpu_features"`
	BF16     bool     `json:"bf16_in_hardware"`
	Libtorch string   `json:"libtorch"` // version; empty where there is none
	Library  string   `json:"libtorch_path,omitempty"`
	BLAS     string   `json:"blas,omitempty"`
	Threads  int      `json:"threads,omitempty"`
	CUDA     int      `json:"cuda_devices"`      // that libtorch computes on
	GPUs     []GPU    `json:"gpus"`              // that the driver knows
	Several  bool     `json:"several_processes"` // a training can be several processes
	NCCL     string   `json:"nccl,omitempty"`    // its version, by which several processes train on GPUs
	Decoder  string   `json:"jpeg_decoder"`
	Advice   []string `json:"advice"`
}

// GPU is a CUDA device.
type GPU struct {
	Name       string `json:"name"`
	Capability string `json:"compute_capability"`
	Memory     int64  `json:"memory_bytes"`
	BF16       bool   `json:"bf16_in_hardware"`
}

func gpus() []GPU {
	out := []GPU{}
	for _, g := range torch.GPUs() {
		out = append(out, GPU{g.Name, fmt.Sprintf("%d.%d", g.Major, g.Minor), g.Memory, g.BF16()})
	}
	return out
}

// Examine looks at the machine, at libtorch and at the decoder of pictures. version is the program's.
func Examine(version string) Diagnosis {
	d := Diagnosis{
		Version: version, Go: runtime.Version(), System: runtime.GOOS + "/" + runtime.GOARCH, CPUs: runtime.GOMAXPROCS(0),
		CPU: machine.Features(), BF16: pretrained.FastBF16(torch.CPU), GPUs: gpus(), Decoder: jpeg.Library(), Advice: []string{},
	}
	info, err := torch.Probe()
	if err != nil {
		d.Advice = append(d.Advice, err.Error(), "training, embedding and search need libtorch: run make in clipgo's folder, or set "+
			"LIBTORCH to a folder with include/ and lib/ and run make")
	} else {
		d.Libtorch, d.Library, d.Threads, d.CUDA = info.Version, info.Library, info.Threads, info.CUDA
		d.BLAS = blas(info)
		d.processes()
	}
	if len(d.GPUs) > 0 && d.CUDA == 0 {
		d.Advice = append(d.Advice, pretrained.Absent(d.CUDA))
	}
	if strings.Contains(d.BLAS, "reference") {
		d.Advice = append(d.Advice, "the BLAS is the slow reference one, ten times slower than OpenBLAS: apt-get install "+
			"libopenblas0-openmp")
	}
	if !strings.Contains(d.Decoder, "libjpeg-turbo") {
		d.Advice = append(d.Advice, "JPEG goes through the pure-Go decoder; libjpeg-turbo is faster and gives Pillow's very bytes: "+
			"apt-get install libjpeg-dev, then make")
	}
	if !d.BF16 {
		d.Advice = append(d.Advice, "this CPU has no AMX, so --precision auto computes in float32")
	}
	if d.Threads > 0 && d.Threads != d.CPUs {
		d.Advice = append(d.Advice, fmt.Sprintf("libtorch uses %d threads on %d CPUs; --threads changes that", d.Threads, d.CPUs))
	}
	return d
}

// processes looks whether several processes can train together.
func (d *Diagnosis) processes() {
	err := torch.LoadProcesses()
	if d.Several = err == nil; !d.Several {
		d.Advice = append(d.Advice, err.Error(), "a training is one process: libtchdist.so needs a libtorch with c10d and its headers "+
			"(Debian's libtorch-dev, or pip install torch); install one and run make")
		return
	}
	if d.CUDA == 0 && !torch.HasNCCL() { // a libtorch without CUDA has none
		return
	}
	if err := torch.LoadNCCL(); err != nil {
		d.Advice = append(d.Advice, err.Error(), "several processes train on CPUs alone: libtchnccl.so needs the headers of NCCL "+
			"(nccl.h: pip's nvidia-nccl, Debian's libnccl-dev) and of CUDA's runtime (cuda_runtime.h and crt/host_config.h: pip's "+
			"nvidia-cuda-runtime and nvidia-cuda-crt, or the CUDA toolkit at CUDA_HOME); install them and run make")
		return
	}
	d.NCCL = cmp.Or(torch.NCCL(), "unknown")
}

// engines are what several processes exchange their results by.
func (d Diagnosis) engines() string {
	switch {
	case !d.Several:
		return "one only"
	case d.NCCL != "":
		return fmt.Sprintf("several can train together (Gloo on CPUs, NCCL %s on GPUs)", d.NCCL)
	}
	return "several can train together (Gloo)"
}

// blas names the library that does the matrix products, with its kernels: what the process has mapped, else what
// libtorch was built with.
func blas(info torch.Info) string {
	if info.BLAS != "" {
		return "OpenBLAS, kernels for " + info.BLAS
	}
	maps, _ := os.ReadFile("/proc/self/maps") // the kernel's
	for _, l := range []struct{ mark, name string }{{"libmkl", "MKL"}, {"libblis", "BLIS"}, {"/blas/libblas", "reference BLAS"}} {
		if strings.Contains(string(maps), l.mark) {
			return l.name
		}
	}
	if strings.Contains(strings.ToLower(info.Config), "mkl") {
		return "MKL"
	}
	return "unknown"
}

// Lines are the diagnosis for people.
func (d Diagnosis) Lines() (out []string) {
	put := func(format string, args ...any) { out = append(out, fmt.Sprintf(format, args...)) }
	put("clipgo      %s, %s, %s", d.Version, d.Go, d.System)
	put("CPU         %d cores, %s", d.CPUs, cmp.Or(d.CPU, "unknown"))
	put("bfloat16    %s", map[bool]string{true: "in hardware (AMX)", false: "no AMX: float32 is faster, and used"}[d.BF16])
	if d.Libtorch == "" {
		put("libtorch    none")
	} else {
		put("libtorch    %s through %s, %d threads", d.Libtorch, d.Library, d.Threads)
		put("BLAS        %s", d.BLAS)
		put("CUDA        %d devices", d.CUDA)
		put("processes   %s", d.engines())
	}
	for i, g := range d.GPUs {
		put("GPU %-7d %s, compute capability %s, %.0f GiB, bfloat16 %s", i, g.Name, g.Capability, float64(g.Memory)/(1<<30),
			map[bool]string{true: "in hardware", false: "not in hardware"}[g.BF16])
	}
	put("JPEG        %s", d.Decoder)
	if len(d.Advice) == 0 {
		put("all is well")
	}
	for _, advice := range d.Advice {
		put("advice      %s", advice)
	}
	return out
}
