package launch_test

import (
	"strings"
	"testing"

	"clipgo/internal/fault"
	"clipgo/training/dist/launch"
)

// lookup reads variables from "NAME=value NAME=value".
func lookup(set string) func(string) string {
	return func(name string) string {
		for field := range strings.FieldsSeq(set) {
			if key, value, _ := strings.Cut(field, "="); key == name {
				return value
			}
		}
		return ""
	}
}

func TestPlaces(t *testing.T) {
	const torchrun = "RANK=3 WORLD_SIZE=8 LOCAL_RANK=1 LOCAL_WORLD_SIZE=2 MASTER_ADDR=h MASTER_PORT=29400 TORCHELASTIC_RUN_ID=none "
	slurm := func(list string) string {
		return "SLURM_PROCID=1 SLURM_STEP_NUM_TASKS=4 SLURM_LOCALID=1 SLURM_JOB_ID=77 SLURM_STEP_ID=2 SLURM_JOB_NODELIST=" + list
	}
	const slurmPort = 20000 + 77*64 + 2
	for _, test := range []struct {
		name, set string
		want      launch.Place
	}{
		{"a plain shell", "", launch.Place{World: 1}},
		{"a world of one", "RANK=0 WORLD_SIZE=1", launch.Place{Launcher: "RANK", World: 1, LocalRank: launch.Unknown}},
		{"WORLD_SIZE=1 alone", "WORLD_SIZE=1", launch.Place{World: 1}},
		{"torchrun", torchrun + "TORCHELASTIC_USE_AGENT_STORE=True TORCHELASTIC_RESTART_COUNT=2",
			launch.Place{"torchrun", 3, 8, 1, 2, "h", 29400, true, 2}},
		{"torchrun without its store", torchrun + "TORCHELASTIC_USE_AGENT_STORE=False",
			launch.Place{"torchrun", 3, 8, 1, 2, "h", 29400, false, 0}},
		{"PyTorchJob", "RANK=1 WORLD_SIZE=2 MASTER_ADDR=j-master-0 MASTER_PORT=23456 PET_NPROC_PER_NODE=1 PET_NNODES=2",
			launch.Place{"RANK", 1, 2, launch.Unknown, 0, "j-master-0", 23456, false, 0}},
		{"Trainer v2", "PET_NNODES=4 PET_NODE_RANK=3 PET_NPROC_PER_NODE=1 PET_MASTER_ADDR=n0 PET_MASTER_PORT=29400",
			launch.Place{"PET", 3, 4, launch.Unknown, 0, "n0", 29400, false, 0}},
		{"OpenMPI", "OMPI_COMM_WORLD_RANK=5 OMPI_COMM_WORLD_SIZE=8 OMPI_COMM_WORLD_LOCAL_RANK=1 OMPI_COMM_WORLD_LOCAL_SIZE=4 " +
			"MASTER_ADDR=a MASTER_PORT=1234", launch.Place{"OpenMPI", 5, 8, 1, 4, "a", 1234, false, 0}},
		{"OpenMPI in Slurm", "OMPI_COMM_WORLD_RANK=5 OMPI_COMM_WORLD_SIZE=8 OMPI_COMM_WORLD_LOCAL_RANK=1 OMPI_COMM_WORLD_LOCAL_SIZE=4 " +
			slurm("b[2-9]"), launch.Place{"OpenMPI", 5, 8, 1, 4, "b2", slurmPort, false, 0}},
		{"MPICH", "PMI_RANK=1 PMI_SIZE=2 MPI_LOCALRANKID=1 MPI_LOCALNRANKS=2 MASTER_PORT=7",
			launch.Place{"MPICH", 1, 2, 1, 2, "127.0.0.1", 7, false, 0}},
		{"Slurm", slurm("gpu[03-05,9],login1"), launch.Place{"Slurm", 1, 4, 1, 0, "gpu03", slurmPort, false, 0}},
		{"Slurm, plain names", slurm("alpha,beta"), launch.Place{"Slurm", 1, 4, 1, 0, "alpha", slurmPort, false, 0}},
		{"Slurm, one host", slurm("alpha"), launch.Place{"Slurm", 1, 4, 1, 0, "alpha", slurmPort, false, 0}},
		{"Slurm, two ranges", slurm("a[0-1]b[2,4]c"), launch.Place{"Slurm", 1, 4, 1, 0, "a0b2c", slurmPort, false, 0}},
		{"Slurm with WORLD_SIZE and a master", slurm("x") + " WORLD_SIZE=4 MASTER_ADDR=m MASTER_PORT=5",
			launch.Place{"Slurm", 1, 4, 1, 0, "m", 5, false, 0}},
		{"srun of one", "SLURM_PROCID=0 SLURM_STEP_NUM_TASKS=1", launch.Place{Launcher: "Slurm", World: 1, LocalRank: launch.Unknown}},
		{"a batch script of Slurm", "SLURM_PROCID=0 SLURM_NTASKS=4 SLURM_JOB_NODELIST=a", launch.Place{World: 1}},
		{"Indexed Job", "JOB_COMPLETION_INDEX=2 WORLD_SIZE=3 MASTER_ADDR=j-0.s",
			launch.Place{"Indexed Job", 2, 3, launch.Unknown, 0, "j-0.s", 29500, false, 0}},
		{"Indexed Job of separate pods", "JOB_COMPLETION_INDEX=2", launch.Place{World: 1}},
	} {
		if got, err := launch.From(lookup(test.set)); err != nil || got != test.want {
			t.Errorf("%s: %+v, %v\nwant %+v", test.name, got, err, test.want)
		}
	}
}

// A process has its number on its machine from its own launcher, or from whoever sets LOCAL_RANK.
func TestNumbersOnAMachine(t *testing.T) {
	const (
		hand  = "WORLD_SIZE=4 MASTER_ADDR=h MASTER_PORT=1 RANK="
		slurm = " SLURM_STEP_NUM_TASKS=4 SLURM_JOB_NODELIST=a SLURM_LOCALID=3 SLURM_PROCID="
		mpi   = " OMPI_COMM_WORLD_SIZE=4 OMPI_COMM_WORLD_LOCAL_RANK=0 OMPI_COMM_WORLD_RANK="
	)
	for set, want := range map[string]int{
		hand + "2" + slurm + "2":                                              3,
		hand + "1" + slurm + "0":                                              launch.Unknown, // the script's, not the process's
		"LOCAL_RANK=1" + slurm + "2":                                          1,
		hand + "2 LOCAL_RANK=0" + slurm + "2":                                 0,
		"PMI_RANK=2 PMI_SIZE=4 MPI_LOCALRANKID=1 MASTER_ADDR=h" + slurm + "2": 1,
		mpi + "2" + slurm + "2":                                               0,
	} {
		if got, err := launch.From(lookup(set)); err != nil || got.LocalRank != want {
			t.Errorf("%s: %d, %v; want %d", set, got.LocalRank, err, want)
		}
	}
}

// Each set is refused with the variable that is wrong.
func TestPartialSetsAreRefusedByName(t *testing.T) {
	const full = "RANK=1 WORLD_SIZE=2 MASTER_ADDR=h MASTER_PORT=1 "
	for set, name := range map[string]string{
		"WORLD_SIZE=2": "RANK", "RANK=0": "WORLD_SIZE", "RANK=2 WORLD_SIZE=2": "RANK", "RANK=-1 WORLD_SIZE=2": "RANK",
		"RANK=x WORLD_SIZE=2": "RANK", "RANK=0 WORLD_SIZE=0": "WORLD_SIZE", "RANK=0 WORLD_SIZE=2": "MASTER_ADDR",
		"RANK=0 WORLD_SIZE=2 MASTER_ADDR=h": "MASTER_PORT", "RANK=0 WORLD_SIZE=2 MASTER_ADDR=h MASTER_PORT=70000": "MASTER_PORT",
		full + "LOCAL_RANK=2 LOCAL_WORLD_SIZE=2":                                  "LOCAL_RANK",
		full + "PET_NPROC_PER_NODE=4":                                             "PET_NPROC_PER_NODE",
		"PET_NODE_RANK=0":                                                         "PET_NNODES",
		"PET_NODE_RANK=0 PET_NNODES=1:4":                                          "PET_NNODES",
		"PET_NODE_RANK=0 PET_NNODES=2 PET_NPROC_PER_NODE=auto":                    "PET_NPROC_PER_NODE",
		"OMPI_COMM_WORLD_RANK=0 OMPI_COMM_WORLD_SIZE=2":                           "MASTER_ADDR",
		"OMPI_COMM_WORLD_RANK=0":                                                  "OMPI_COMM_WORLD_SIZE",
		"SLURM_PROCID=1":                                                          "SLURM_STEP_NUM_TASKS",
		"SLURM_PROCID=0 SLURM_STEP_NUM_TASKS=2 SLURM_JOB_NODELIST=a[0-1":          "SLURM_JOB_NODELIST",
		"SLURM_PROCID=0 SLURM_STEP_NUM_TASKS=2 WORLD_SIZE=3 SLURM_JOB_NODELIST=a": "WORLD_SIZE",
		"JOB_COMPLETION_INDEX=0 MASTER_ADDR=a":                                    "WORLD_SIZE",
		"JOB_COMPLETION_INDEX=0 WORLD_SIZE=2":                                     "MASTER_ADDR",
	} {
		_, err := launch.From(lookup(set))
		if err == nil || fault.Of(err) != fault.Usage || !strings.Contains(err.Error(), name) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: %v; want a line with %s", set, err, name)
		}
	}
}

// The number of processes needs no master, and what isn't whole is one process.
func TestHowManyWereStarted(t *testing.T) {
	for _, test := range []struct {
		set      string
		world    int
		variable string
	}{
		{"", 1, ""}, {"WORLD_SIZE=2", 1, ""}, {"RANK=0", 1, ""}, {"RANK=2 WORLD_SIZE=2", 1, ""}, {"RANK=0 WORLD_SIZE=1", 1, ""},
		{"RANK=1 WORLD_SIZE=2", 2, "RANK"},
		{"PET_NODE_RANK=0 PET_NNODES=3 PET_NPROC_PER_NODE=1", 3, "PET_NODE_RANK"},
		{"OMPI_COMM_WORLD_RANK=0 OMPI_COMM_WORLD_SIZE=4", 4, "OMPI_COMM_WORLD_RANK"},
		{"PMI_RANK=0 PMI_SIZE=2 SLURM_PROCID=0 SLURM_STEP_NUM_TASKS=1", 2, "PMI_RANK"},
		{"SLURM_PROCID=3 SLURM_STEP_NUM_TASKS=8", 8, "SLURM_PROCID"},
		{"SLURM_NTASKS=4 SLURM_JOB_ID=1", 1, ""},                // a shell of salloc
		{"SLURM_PROCID=0 SLURM_NTASKS=4 SLURM_JOB_ID=1", 1, ""}, // a script of sbatch
		{"JOB_COMPLETION_INDEX=1", 1, ""},                       // separate pods
		{"JOB_COMPLETION_INDEX=1 WORLD_SIZE=2", 2, "JOB_COMPLETION_INDEX"},
	} {
		if world, variable := launch.Started(lookup(test.set)); world != test.world || variable != test.variable {
			t.Errorf("%q: %d %s, want %d %s", test.set, world, variable, test.world, test.variable)
		}
	}
}
