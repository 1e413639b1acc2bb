package share

import (
	"errors"
	"fmt"
	"strconv"
)

// CompletionsVariable is the environment variable with the number of completions of a Kubernetes Indexed Job, which Kubernetes itself
// doesn't set.
const CompletionsVariable = "JOB_COMPLETIONS"

// A task of srun, and the number of tasks. The script of sbatch has the first one, too, but is no task.
const slurmTask, slurmTasks = "SLURM_PROCID", "SLURM_STEP_NUM_TASKS"

// launchers are the variables with the number of a process, from 0 on, and with the number of processes, in the order in which they are
// looked for.
var launchers = [][2]string{
	{"RANK", "WORLD_SIZE"}, {"OMPI_COMM_WORLD_RANK", "OMPI_COMM_WORLD_SIZE"}, {"PMI_RANK", "PMI_SIZE"},
	{"JOB_COMPLETION_INDEX", CompletionsVariable}, {slurmTask, slurmTasks},
}

// Environment reads the share from the variables of a launcher: torchrun, OpenMPI, MPICH, a Kubernetes Indexed Job, srun, a Slurm array.
// Of an array whose jobs have several tasks each task has a share.
func Environment(lookup func(string) (string, bool)) (Share, error) {
	for _, l := range launchers {
		if _, step := lookup(slurmTasks); l[0] == slurmTask && !step && zero(lookup, slurmTask) {
			continue
		}
		s, found, err := numbered(lookup, l[0], l[1])
		if _, array := lookup("SLURM_ARRAY_TASK_ID"); err == nil && found && array && l[0] == slurmTask {
			return inArray(lookup, s)
		}
		if found || err != nil {
			return s, err
		}
	}
	if _, array := lookup("SLURM_ARRAY_TASK_ID"); array {
		return inArray(lookup, Share{I: 1, N: 1})
	}
	return Share{}, errors.New("no variables of a launcher (torchrun, mpirun, an Indexed Job, Slurm) are set; say i/n instead")
}

// zero tells whether a variable is 0.
func zero(lookup func(string) (string, bool), name string) bool {
	text, _ := lookup(name)
	return text == "0"
}

// numbered reads the share that two variables say.
func numbered(lookup func(string) (string, bool), number, count string) (s Share, found bool, err error) {
	if _, found = lookup(number); !found {
		return s, false, nil
	}
	i, err := whole(lookup, number)
	if err != nil {
		return s, true, err
	}
	n, err := whole(lookup, count)
	if err == nil && (i < 0 || i >= n) {
		err = fmt.Errorf("%s is %d, but %s is %d", number, i, count, n)
	}
	return Share{I: i + 1, N: n}, true, err
}

// inArray is the share of a task in a job of a Slurm array.
func inArray(lookup func(string) (string, bool), task Share) (Share, error) {
	const prefix = "SLURM_ARRAY_TASK_"
	var v [5]int
	for i, name := range []string{"ID", "MIN", "MAX", "COUNT", "STEP"} {
		if _, set := lookup(prefix + name); !set && name == "STEP" {
			v[i] = 1
			continue
		}
		var err error
		if v[i], err = whole(lookup, prefix+name); err != nil {
			return Share{}, err
		}
	}
	id, first, last, count, step := v[0], v[1], v[2], v[3], v[4]
	if step < 1 || id < first || id > last || (last-first)/step+1 != count || (id-first)%step != 0 {
		return Share{}, fmt.Errorf("the Slurm array of %d jobs from %d to %d has gaps, so that the numbers are not those of parts; say i/n"+
			" instead", count, first, last)
	}
	return Share{I: (id-first)/step*task.N + task.I, N: count * task.N}, nil
}

// whole is the number in a variable.
func whole(lookup func(string) (string, bool), name string) (int, error) {
	text, found := lookup(name)
	if !found {
		return 0, fmt.Errorf("%s is not set", name)
	}
	n, err := strconv.Atoi(text)
	if err != nil {
		return 0, fmt.Errorf("%s: %q is not a whole number", name, text)
	}
	return n, nil
}
