package main

import (
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/spf13/cobra"

	"clipgo/internal/cli"
	"clipgo/internal/config"
	"clipgo/run"
)

// What a habit of another program gets: exit code 2, and one line with the way out.
func TestHabitsOfOtherProgramsGetAHint(t *testing.T) {
	for _, c := range []struct{ args, says string }{
		{"classify a.jpg", "zeroshot"},
		{"evaluate", "eval"}, {"predict x", "zeroshot"},
		{"trian", "did you mean train?"}, {"help nosuch", `no command "nosuch"`}, {"help eval nosuch", `no eval command "nosuch"`},
		{"help train x", `clipgo train has no command "x"`}, {"eval retreival", "did you mean retrieval?"},
		{"train --report-to wandb", "metrics.jsonl"}, {"train --name x", "--out"}, {"train --imagenet-val d", "--eval zeroshot=DIR"},
		{"train --log-every-n-steps 5", "--log-frequency"}, {"train --dataset-type csv", "detected"},
		{"train --val_num_samples 5", "counted"},
		{"train --bach-size 4", "did you mean --batch-size?"},

		{"embed --top 5", "clipgo search"},
		{"train --lr", "--lr needs a value: --lr rate"}, {"train --siglip=perhaps", "perhaps"},
		{"search -clock", "write -- before"},
		{"train x.csv", `"x.csv" is no flag`},
		{"embed", "argument is missing; the usage is: clipgo embed"},
		{"eval retrieval a b", `"b" is one argument too many`}, {"convert a", "argument is missing"}, {"version --json=x", "true or false"},
	} {
		r := clipgo(t, strings.Fields(c.args)...)
		if r.code != exitUsage || !strings.Contains(r.err, c.says) || strings.Count(r.err, "\n") != 1 || r.out != "" {
			t.Errorf("%s: exit %d, want 2 and a line with %q:\n%s%s", c.args, r.code, c.says, r.out, r.err)
		}
	}
}

func TestAnUnquotedPatternIsSuspected(t *testing.T) {
	dir := t.TempDir()
	a, b := write(t, filepath.Join(dir, "1.tar"), ""), write(t, filepath.Join(dir, "2.tar"), "")
	r := clipgo(t, "train", "--train-data", a, b, "--out", filepath.Join(dir, "o"))
	if r.code != exitUsage || !strings.Contains(r.err, "in quotes") || !strings.Contains(r.err, b) {
		t.Errorf("exit %d: %s", r.code, r.err)
	}
}

func TestTheNameAloneSaysWhatToDoFirst(t *testing.T) {
	r := must(t, []string{}...)
	if n := strings.Count(r.out, "\n  clipgo "); n != 4 || !strings.Contains(r.out, "clipgo --help") {
		t.Errorf("%d commands, want 4:\n%s", n, r.out)
	}
	for _, args := range [][]string{{"--version"}, {"-v"}} {
		if r := must(t, args...); !strings.HasPrefix(r.out, "clipgo "+version) {
			t.Errorf("%s: %q", args, r.out)
		}
	}
}

// The hints name flags, settings and commands that exist.
func TestHintsNameWhatExists(t *testing.T) {
	root := newRoot(streams{})
	options := run.Default()
	var keys []string
	for _, f := range config.Fields(&options) {
		keys = append(keys, f.Key)
	}
	flag, setting := regexp.MustCompile(`--([a-z0-9-]+)`), regexp.MustCompile(`--set ([a-z_.]+)=`)
	for name, hint := range cli.ForeignFlags {
		for _, m := range flag.FindAllStringSubmatch(hint, -1) {
			if len(cli.HavingFlag(root, m[1])) == 0 {
				t.Errorf("--%s: the hint names --%s, which no command has", name, m[1])
			}
		}
		for _, m := range setting.FindAllStringSubmatch(hint, -1) {
			if !slices.Contains(keys, m[1]) {
				t.Errorf("--%s: the hint names the setting %s, which train doesn't have", name, m[1])
			}
		}
	}
	for name, hint := range cli.ForeignCommands {
		if !slices.ContainsFunc(root.Commands(), func(c *cobra.Command) bool { return strings.Contains(hint, c.Name()) }) {
			t.Errorf("%s: the hint names no command: %s", name, hint)
		}
	}
}

func TestMessagesAreBounded(t *testing.T) {
	line := strings.Repeat("x", 3_000_000)
	path := write(t, filepath.Join(t.TempDir(), "x.csv"), line)
	r := clipgo(t, "embed", "--model", "ViT-B-32", path, "--index", filepath.Join(t.TempDir(), "i"))
	if r.code == 0 || len(r.err) > 2500 || !strings.Contains(r.err, path) {
		t.Errorf("exit %d, %d bytes: %.300s", r.code, len(r.err), r.err)
	}
}
