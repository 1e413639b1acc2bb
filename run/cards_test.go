package run

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"clipgo/internal/fault"
	"clipgo/internal/torch"
	"clipgo/pretrained"
	"clipgo/training/dist/launch"
)

const cpu = torch.CPU

// claimOf reads "MACHINE LOCAL WISH CARD,CARD": a local of - is unknown, and an empty card is one whose name isn't known.
func claimOf(t *testing.T, text string) claim {
	t.Helper()
	c := claim{Local: launch.Unknown, Why: "no CUDA device found; use cpu or auto"}
	var local, cards string
	if _, err := fmt.Sscan(text, &c.Machine, &local, &c.Wish, &cards); err != nil {
		t.Fatal(text, err)
	}
	if local != "-" {
		c.Local = int(local[0] - '0')
	}
	c.Machine += " boot"
	for _, id := range strings.Split(cards, ",") {
		switch id {
		case "":
			c.Cards = append(c.Cards, "")
		case "none":
		default:
			c.Cards = append(c.Cards, id)
		}
	}
	return c
}

func claimsOf(t *testing.T, texts []string) (all []claim) {
	t.Helper()
	for _, text := range texts {
		all = append(all, claimOf(t, text))
	}
	return all
}

// Each process has a device of its own, by its number on its machine.
func TestEachProcessHasACardOfItsOwn(t *testing.T) {
	for name, c := range map[string]struct {
		claims []string
		want   []torch.Device
	}{
		"CPUs":           {[]string{"a 0 auto none", "a 1 auto none"}, []torch.Device{cpu, cpu}},
		"cpu with cards": {[]string{"a 0 cpu x,y", "a 1 cpu x,y"}, []torch.Device{cpu, cpu}},
		"two machines":   {[]string{"a 0 cuda x,y", "a 1 cuda x,y", "b 0 auto z,w", "b 1 auto z,w"}, []torch.Device{0, 1, 0, 1}},
		// The launcher has its own order of numbers.
		"numbers by turns":    {[]string{"a 0 auto x,y", "b 0 auto z,w", "a 1 auto x,y", "b 1 auto z,w"}, []torch.Device{0, 0, 1, 1}},
		"numbers turned":      {[]string{"a 1 cuda x,y", "a 0 cuda x,y"}, []torch.Device{1, 0}},
		"no numbers":          {[]string{"a - cuda x,y", "a - cuda x,y"}, []torch.Device{0, 1}},
		"some numbers":        {[]string{"a 0 cuda x,y", "a - cuda x,y"}, []torch.Device{0, 1}},
		"two launchers":       {[]string{"a 0 cuda x,y", "a 0 cuda x,y"}, []torch.Device{0, 1}},
		"one card shown":      {[]string{"a 0 cuda x", "a 1 cuda y"}, []torch.Device{0, 0}},
		"named":               {[]string{"a 0 cuda:1 x,y", "a 1 cuda:0 x,y"}, []torch.Device{1, 0}},
		"one named, one not":  {[]string{"a 0 cuda: x,y,z", "a 1 cuda:2 x,y,z"}, []torch.Device{0, 2}},
		"cards without names": {[]string{"a 0 cuda ,", "a 1 cuda ,", "b 0 cuda ,", "b 1 cuda ,"}, []torch.Device{0, 1, 0, 1}},
		"more cards":          {[]string{"a 0 auto x,y,z"}, []torch.Device{0}},
	} {
		if got, err := cards(claimsOf(t, c.claims)); err != nil || !slices.Equal(got, c.want) {
			t.Errorf("%s: %v, %v; want %v", name, got, err, c.want)
		}
	}
}

func TestCardsThatDoNotFitAreRefused(t *testing.T) {
	for name, c := range map[string]struct {
		claims []string
		want   string
	}{
		"fewer cards":         {[]string{"a 0 cuda x,y", "a 1 cuda x,y", "a 2 cuda x,y"}, "a has 2 GPUs for 3 processes; start"},
		"fewer, by auto":      {[]string{"b 0 auto z,w", "a 0 auto x,y", "a 1 auto x,y", "a 2 auto x,y"}, "a has 2 GPUs for 3 processes"},
		"one card":            {[]string{"a 0 cuda x", "a 1 cuda x"}, "processes 0 and 1 would both use cuda:0 of a"},
		"cards without names": {[]string{"a 0 cuda:0 ,", "a 1 cuda:0 ,"}, "processes 0 and 1 would both use cuda:0 of a"},
		"one named twice":     {[]string{"a 0 cuda:1 x,y", "a 1 cuda:1 x,y"}, "processes 0 and 1 would both use cuda:1 of a"},
		"two containers":      {[]string{"a 0 cuda x", "b 0 cuda x"}, "processes 0 and 1 would both use cuda:0 of b"},
		"none":                {[]string{"a 0 cuda x", "b 0 cuda none"}, "cuda for process 1: no CUDA device found"},
		"some on CPUs":        {[]string{"a 0 auto x", "b 0 auto none"}, "process 1 would use cpu, and process 0 cuda:0"},
		"no such card":        {[]string{"a 0 cuda:0 x,y", "a 1 cuda:2 x,y"}, "cuda:2 for process 1"},
		"no number":           {[]string{"a 0 cuda:0 x,y", "a 1 cuda:one x,y"}, "cuda:one for process 1"},
	} {
		_, err := cards(claimsOf(t, c.claims))
		if err == nil || fault.Of(err) != fault.Usage || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: %v; want a line with %q", name, err, c.want)
		}
	}
}

// Without a device the processes go on, on CPUs, and a wish for one is an error of all of them.
func TestProcessesSayWhatTheyCanComputeOn(t *testing.T) {
	if info, err := torch.Probe(); err != nil || info.CUDA > 0 {
		t.Skip("there are CUDA devices here, or there is no libtorch")
	}
	for wish, want := range map[string]string{"auto": "", "cpu": "", "cuda": "cuda for process 0: ", "gpu": `"gpu" is none of`} {
		for rank, err := range each(t.Context(), 2, func(v *voices, _ *hall) error {
			return takeCard(v.group, pretrained.Machine{Device: wish, Precision: "auto"}, v.group.Rank())
		}) {
			if want == "" && err != nil || want != "" && (fault.Of(err) != fault.Usage || !strings.Contains(err.Error(), want)) {
				t.Errorf("%s, process %d: %v", wish, rank, err)
			}
		}
	}
}
