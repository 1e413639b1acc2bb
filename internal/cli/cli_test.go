package cli

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"clipgo/internal/fault"
)

func TestRoffEscapesRequests(t *testing.T) {
	if got := roff(".x\n'y\na-b\\"); got != "\\&.x\n\\&'y\na\\-b\\e" {
		t.Errorf("%q", got)
	}
}

func TestLongMessagesAreCut(t *testing.T) {
	if got := shortened("a " + strings.Repeat("b c ", 2000) + "way out"); len(got) > 2100 || !strings.HasSuffix(got, "way out") {
		t.Errorf("%d bytes: %s", len(got), got[len(got)-50:])
	}
	if got := shortened("\u00e9" + strings.Repeat("\u00e9", 2000)); !strings.HasPrefix(got, "\u00e9") || strings.Contains(got, "\ufffd") {
		t.Errorf("%q", got[:50])
	}
	if long := strings.Repeat("d", 900); shortened(long) != long {
		t.Error("a long path is cut")
	}
}

func TestAFlagIsInOneGroup(t *testing.T) {
	seen := map[string]string{}
	for _, g := range flagGroups {
		for _, name := range g.flags {
			if seen[name] != "" {
				t.Errorf("--%s is in the groups %s and %s", name, seen[name], g.title)
			}
			seen[name] = g.title
		}
	}
}

// A command that trains nothing has neither an optimizer nor checkpoints; its flags of these names are its own.
func TestGroupsFitTheCommand(t *testing.T) {
	for _, c := range []struct {
		flags []string
		want  string
	}{
		{[]string{"lr", "batch-size", "out", "device", "beams", "max-length"},
			"Flags: beams; Reward and PPO: max-length; Optimizer: batch-size lr; Checkpoints: out; Machine: device"},
		{[]string{"batch-size", "out", "device", "beams", "max-length", "model"},
			"Flags: beams max-length out; Model: model; Machine: batch-size device"},
	} {
		command := &cobra.Command{Use: "c"}
		for _, name := range c.flags {
			command.Flags().String(name, "", "help")
		}
		groups, _ := Groups(command, true)
		var got []string
		for _, g := range groups {
			var names []string
			g.Flags.VisitAll(func(f *pflag.Flag) { names = append(names, f.Name) })
			got = append(got, g.Title+": "+strings.Join(names, " "))
		}
		if text := strings.Join(got, "; "); text != c.want {
			t.Errorf("%s\nwant %s", text, c.want)
		}
	}
}

func TestAFullDiskNamesTheWayOut(t *testing.T) {
	err := fmt.Errorf("save: %w", &os.PathError{Op: "write", Path: "run/x", Err: syscall.ENOSPC})
	if got := wayOut(err, err.Error(), []string{"train", "--out", "run"}); !strings.Contains(got, "--resume latest") {
		t.Errorf("train: %q", got)
	}
	if got := wayOut(err, err.Error(), []string{"embed", "a"}); !strings.Contains(got, "again") {
		t.Errorf("embed: %q", got)
	}
	if fault.Of(err) != fault.Failed {
		t.Error("the kind")
	}
}

func TestMessagesSpeakOfFlags(t *testing.T) {
	has := func(flag string) bool { return flag == "batch-size" || flag == "train-data" }
	for text, want := range map[string]string{
		"batch_size must be at least 1":                         "--batch-size must be at least 1",
		"x: nothing to resume; a new run needs train_data":      "x: nothing to resume; a new run needs --train-data",
		"--model: stat a b/c: no such file or directory":        "--model: stat a b/c: no such file or directory",
		"--model: stat a/c: no such file or directory":          "--model: a/c: no such file or directory",
		"my_data: no such file or directory":                    "my_data: no such file or directory",
		"continue it with resume=latest, or":                    "continue it with --resume latest, or",
		"save_minutes: 0 is less than 1; batch_size: 0 is less": "save_minutes: 0 is less than 1; --batch-size: 0 is less",
	} {
		if got := inFlags(text, has); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}

// TestMessagesNameNoFlagThatIsNone: a setting that has no flag is named as --set takes it.
func TestMessagesNameNoFlagThatIsNone(t *testing.T) {
	for _, c := range []struct{ key, flags, want string }{
		{"one_bit", "set", "--set one_bit: bad"}, {"one_bit", "set one-bit", "--one-bit: bad"}, {"one_bit", "", "--one-bit: bad"},
		{"split", "set", "--split: bad"},
	} {
		err := fault.Setting(c.key, "bad")
		has := func(flag string) bool { return slices.Contains(strings.Fields(c.flags), flag) }
		if got := withoutFlag(err, "--"+strings.ReplaceAll(c.key, "_", "-")+": bad", has); got != c.want {
			t.Errorf("%+v: %q", c, got)
		}
	}
}
