package main

import (
	"slices"
	"strings"
	"testing"

	"github.com/spf13/cobra"

	"clipgo/internal/fault"
)

// oneProcess are the commands that a launcher can't start in several processes. A new command is listed here or in inProcesses.
var oneProcess = strings.Split("caption,search,serve,dedup,outliers,cluster,map,curate balance,curate diverse,curate leaks,"+
	"curate misfiled,curate pairs,align preference,align ppo,check,convert,merge,info,pack,bench,eval agreement,eval compare,"+
	"index ls,index prune,index rm,index merge,index export,index verify,index repair,index sync", ",")

// leaves are the commands that do something.
func leaves(c *cobra.Command) (all []*cobra.Command) {
	for _, sub := range c.Commands() {
		if sub.Runnable() && !sub.HasSubCommands() {
			all = append(all, sub)
		}
		all = append(all, leaves(sub)...)
	}
	return all
}

// Each command divides its work, speaks of the installation, or is refused where a launcher has started several processes; none is refused
// in a process that is alone.
func TestCommandsInSeveralProcesses(t *testing.T) {
	started := map[string]string{"RANK": "1", "WORLD_SIZE": "2"}
	for _, c := range leaves(newRoot(streams{})) {
		name := nameOf(c)
		err := inOneProcess(c, func(v string) string { return started[v] })
		if one := slices.Contains(oneProcess, name); one != (err != nil) {
			t.Errorf("%s: %v", name, err)
		} else if one && (fault.Of(err) != fault.Usage || !strings.Contains(err.Error(), name+" runs in one process")) {
			t.Error(err)
		}
		if err := inOneProcess(c, func(string) string { return "" }); err != nil {
			t.Errorf("alone: %v", err)
		}
	}
}

// What the launcher's variables say, at the command line.
func TestALauncherAndOneProcess(t *testing.T) {
	index := t.TempDir()
	for _, test := range []struct {
		set  string
		args []string
		code int
		says string // of what is refused because of the launcher: how
	}{
		{"RANK=0 WORLD_SIZE=2", []string{"search", "--index", index, "cat"}, exitUsage, "one process, and the launcher started 2"},
		{"OMPI_COMM_WORLD_RANK=1 OMPI_COMM_WORLD_SIZE=4", []string{"index", "ls", "--index", index}, exitUsage, "unset OMPI_COMM"},
		{"PMI_RANK=0 PMI_SIZE=2", []string{"pack", "builtin:shapes", index + "/new"}, exitUsage, "launcher started 2 (PMI_RANK says so)"},
		{"SLURM_PROCID=0 SLURM_STEP_NUM_TASKS=3", []string{"serve", "--index", index}, exitUsage, "launcher started 3"},
		{"SLURM_PROCID=0 SLURM_NTASKS=3", []string{"info", index + "/none"}, exitUsage, "none"}, // a script of sbatch
		{"WORLD_SIZE=2", []string{"info", index + "/none"}, exitUsage, "none"},
		{"RANK=0 WORLD_SIZE=2", []string{"search", "--help"}, 0, ""},
		{"RANK=0 WORLD_SIZE=2", []string{"version"}, 0, ""},
		{"RANK=0 WORLD_SIZE=2", []string{"completion", "bash"}, 0, ""},
		{"RANK=0 WORLD_SIZE=2", []string{"--help"}, 0, ""},
		{"RANK=0 WORLD_SIZE=2", []string{"index"}, exitUsage, "a command is missing"},
	} {
		t.Run(test.set+" "+test.args[0], func(t *testing.T) {
			for field := range strings.FieldsSeq(test.set) {
				name, value, _ := strings.Cut(field, "=")
				t.Setenv(name, value)
			}
			r := clipgo(t, test.args...)
			refused := strings.Contains(r.err, "runs in one process")
			want := strings.Contains(test.says, "launcher") || strings.Contains(test.says, "unset")
			if r.code != test.code || !strings.Contains(r.err, test.says) || strings.Count(r.err, "\n") > 1 || refused != want {
				t.Errorf("exit %d: %s", r.code, r.err)
			}
		})
	}
}
