package share

import (
	"strings"
	"testing"

	"clipgo/internal/fault"
)

// vars is an environment of NAME=VALUE, separated by spaces.
func vars(text string) func(string) (string, bool) {
	env := map[string]string{}
	for _, one := range strings.Fields(text) {
		name, value, _ := strings.Cut(one, "=")
		env[name] = value
	}
	return func(name string) (string, bool) { v, ok := env[name]; return v, ok }
}

func TestLaunchersSayTheShare(t *testing.T) {
	const array = "SLURM_ARRAY_TASK_ID=6 SLURM_ARRAY_TASK_MIN=2 SLURM_ARRAY_TASK_MAX=8 SLURM_ARRAY_TASK_COUNT=4 SLURM_ARRAY_TASK_STEP=2"
	for env, want := range map[string]Share{
		"RANK=1 WORLD_SIZE=4":                                       {2, 4},
		"OMPI_COMM_WORLD_RANK=0 OMPI_COMM_WORLD_SIZE=2":             {1, 2},
		"PMI_RANK=2 PMI_SIZE=3":                                     {3, 3},
		"JOB_COMPLETION_INDEX=7 JOB_COMPLETIONS=8":                  {8, 8},
		"SLURM_PROCID=3 SLURM_STEP_NUM_TASKS=8":                     {4, 8},
		"SLURM_PROCID=0 SLURM_STEP_NUM_TASKS=1 RANK=5 WORLD_SIZE=6": {6, 6},
		array: {3, 4},
		array + " SLURM_PROCID=0 SLURM_STEP_NUM_TASKS=1": {3, 4},
		array + " SLURM_PROCID=1 SLURM_STEP_NUM_TASKS=2": {6, 8},
		array + " SLURM_PROCID=0 SLURM_NTASKS=2":         {3, 4}, // the script of a job of two tasks, which has not started them
	} {
		if got, err := Parse(Auto, vars(env)); err != nil || got != want {
			t.Errorf("%s: %v, %v, want %v", env, got, err, want)
		}
	}
}

// What is wrong with the variables is said by their names, and no share is guessed.
func TestWrongVariablesAreNamed(t *testing.T) {
	for env, name := range map[string]string{
		"":                              "no variables",
		"SLURM_PROCID=0 SLURM_NTASKS=4": "no variables", // a script, which would do a quarter
		"SLURM_PROCID=1 SLURM_NTASKS=4": "SLURM_STEP_NUM_TASKS",
		"RANK=1":                        "WORLD_SIZE",
		"RANK=4 WORLD_SIZE=4":           "RANK is 4",
		"RANK=x WORLD_SIZE=4":           "RANK",
		"JOB_COMPLETION_INDEX=1":        "JOB_COMPLETIONS",
		"SLURM_ARRAY_TASK_ID=7 SLURM_ARRAY_TASK_MIN=1 SLURM_ARRAY_TASK_MAX=7 SLURM_ARRAY_TASK_COUNT=3": "gaps",
		"SLURM_ARRAY_TASK_ID=7": "SLURM_ARRAY_TASK_MIN",
	} {
		if _, err := Parse(Auto, vars(env)); fault.Of(err) != fault.Usage || !strings.Contains(err.Error(), name) {
			t.Errorf("%q: %v", env, err)
		}
	}
}
