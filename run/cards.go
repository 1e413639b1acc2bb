package run

import (
	"encoding/json"
	"slices"
	"strconv"
	"strings"

	"clipgo/internal/fault"
	"clipgo/internal/machine"
	"clipgo/internal/torch"
	"clipgo/pretrained"
	"clipgo/training/dist"
	"clipgo/training/dist/launch"
)

// claim is what a process says of the device that it is to compute on.
type claim struct {
	Machine string   `json:"machine"` // its host and what tells it from others of that name
	Local   int      `json:"local"`   // its number among the processes of the machine, or launch.Unknown
	Wish    string   `json:"wish"`    // the setting device
	Cards   []string `json:"cards"`   // the devices that libtorch sees, by names of which each is that of one device; "" is unknown
	Why     string   `json:"why"`     // why there are no more of them
}

// takeCard gives this process a CUDA device that no other one has, if the processes are to compute on such. It is the device that cuda and
// auto mean from then on. What doesn't fit is an error of kind Usage in all processes.
func takeCard(g dist.Group, m pretrained.Machine, local int) error {
	own := claim{Machine: machine.Identity(), Local: local, Wish: m.Device}
	info, err := torch.Probe()
	if err == nil {
		err = m.Validate()
	}
	own.Why = pretrained.Absent(info.CUDA)
	own.Cards = make([]string, info.CUDA)
	for i, gpu := range torch.GPUs() {
		if i < info.CUDA {
			own.Cards[i] = gpu.ID
		}
	}
	if _, err := dist.Settle(g, err); err != nil {
		return err
	}
	text, err := json.Marshal(own)
	if err != nil {
		return err
	}
	said, err := g.Tell(text)
	if err != nil {
		return err
	}
	all := make([]claim, len(said))
	for rank, text := range said {
		if err := json.Unmarshal(text, &all[rank]); err != nil {
			return err
		}
	}
	devices, err := cards(all)
	if err != nil || devices[g.Rank()] == torch.CPU {
		return err
	}
	return torch.UseDevice(devices[g.Rank()])
}

// cards is the device of each process. All processes find the same, or the same error.
func cards(all []claim) ([]torch.Device, error) {
	out := make([]torch.Device, len(all))
	for rank, c := range all {
		_, number, _ := strings.Cut(c.Wish, ":")
		var err error
		switch {
		case c.Wish == "cpu", c.Wish == "auto" && len(c.Cards) == 0:
			out[rank] = torch.CPU
		case len(c.Cards) == 0:
			return nil, fault.Setting("device", "%s for process %d: %s", c.Wish, rank, c.Why)
		case number != "":
			out[rank], err = namedCard(rank, c, number)
		default:
			out[rank], err = byNumber(all, rank)
		}
		if err != nil {
			return nil, err
		}
	}
	for rank, d := range out {
		if (d == torch.CPU) != (out[0] == torch.CPU) {
			return nil, fault.Setting("device", "process %d would use %s, and process 0 %s; choose cpu or cuda for all processes", rank,
				pretrained.DeviceName(d), pretrained.DeviceName(out[0]))
		}
	}
	return out, shared(all, out)
}

// namedCard is the device that a setting cuda:N names.
func namedCard(rank int, c claim, number string) (torch.Device, error) {
	n, err := strconv.Atoi(number)
	if err != nil || n < 0 || n >= len(c.Cards) {
		return 0, fault.Setting("device", "%s for process %d: %s", c.Wish, rank, c.Why)
	}
	return torch.Device(n), nil
}

// byNumber is the device whose number is that of the process on its machine. A process that sees only one has it from the launcher.
func byNumber(all []claim, rank int) (torch.Device, error) {
	own, numbers, beside := all[rank], []int{}, 0
	for other, c := range all {
		if c.Machine != own.Machine {
			continue
		}
		numbers = append(numbers, c.Local)
		if other < rank {
			beside++
		}
	}
	n := own.Local
	if slices.Sort(numbers); numbers[0] == launch.Unknown || len(slices.Compact(slices.Clone(numbers))) < len(numbers) {
		n = beside // two launchers on one machine count from 0 each
	}
	switch {
	case len(own.Cards) == 1:
		return 0, nil
	case n >= len(own.Cards):
		return 0, fault.Setting("device", "%s has %d GPUs for %d processes; start one process for each GPU, or choose cpu", hostOf(own),
			len(own.Cards), len(numbers))
	}
	return torch.Device(n), nil
}

// shared refuses two processes on one device. NCCL doesn't do that, and neither would have the memory that it plans with.
func shared(all []claim, devices []torch.Device) error {
	first := map[string]int{}
	for rank, d := range devices {
		if d == torch.CPU {
			continue
		}
		card := all[rank].Cards[d]
		if card == "" {
			card = all[rank].Machine + " " + pretrained.DeviceName(d)
		}
		if other, taken := first[card]; taken {
			return fault.Setting("device", "processes %d and %d would both use %s of %s; start one process for each GPU: "+
				"with --device cuda each takes its own", other, rank, pretrained.DeviceName(d), hostOf(all[rank]))
		}
		first[card] = rank
	}
	return nil
}

// hostOf is the machine's name for people.
func hostOf(c claim) string {
	host, _, _ := strings.Cut(c.Machine, " ")
	return host
}
