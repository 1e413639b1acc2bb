// Package launch reads which of how many processes this one is, and where the first one is, from the environment variables that a launcher
// has set.
//
// The first of these that is there counts:
//
//	RANK, WORLD_SIZE                          torchrun, Kubeflow's PyTorchJob, a person
//	PET_NODE_RANK, PET_NNODES                 Kubeflow's Trainer v2 without torchrun: one process a node
//	OMPI_COMM_WORLD_RANK, OMPI_COMM_WORLD_SIZE  OpenMPI
//	PMI_RANK, PMI_SIZE                        MPICH, Intel MPI
//	SLURM_PROCID in a step of srun            Slurm
//	JOB_COMPLETION_INDEX with WORLD_SIZE      a Kubernetes Indexed Job
//
// The number of the process among those of its machine, by which it gets a GPU, is the first of LOCAL_RANK, OMPI_COMM_WORLD_LOCAL_RANK,
// MPI_LOCALRANKID and SLURM_LOCALID that is there.
//
// MPI comes before Slurm, since its launchers start their own helpers through srun. MASTER_ADDR and MASTER_PORT say where rank 0 is,
// whatever the launcher. Where they are missing, it is the first host of a Slurm job, or this machine if it has all processes.
package launch

import (
	"os"
	"strconv"

	"clipgo/internal/fault"
)

// Unknown is a LocalRank that no variable says.
const Unknown = -1

// Place is the place of a process among the others.
type Place struct {
	Launcher   string // that set it: "torchrun", "Slurm", ...; "" for a process that is alone
	Rank       int    // 0 to World-1
	World      int    // number of processes
	LocalRank  int    // among those of this machine; Unknown where no variable says it
	LocalWorld int    // number of processes of this machine, 0 if it isn't known
	Master     string // host of rank 0, or of the launcher's store
	Port       int
	// AgentStore says that the launcher serves the store at Master and Port, so that rank 0 is a client of it, too.
	AgentStore bool
	Restart    int // how often the launcher has started the processes anew
}

// Alone reports whether there are no others.
func (p Place) Alone() bool { return p.World <= 1 }

// Here is the place of this process. A plain shell has none of the variables: it is one process.
func Here() (Place, error) { return From(os.Getenv) }

// From is Here with the variables of get, which returns "" for one that isn't set. A partial or contradictory set is an error of kind
// Usage that names the variable.
func From(get func(string) string) (Place, error) {
	v := &variables{get: get}
	p := v.place()
	if v.err != nil {
		return Place{}, v.err
	}
	return p, nil
}

// Started is the number of processes that a launcher has started, and the variable with the number of this one among them: 1 and "" for a
// process that is alone. It takes what From takes, and asks no more of it than these numbers: not where the others are. A partial or
// contradictory set is none.
func Started(get func(string) string) (world int, variable string) {
	v := &variables{get: get}
	l, found := v.launcher()
	p := v.numbers(l)
	if !found || v.err != nil || p.Alone() {
		return 1, ""
	}
	return p.World, l.rank
}

// variables reads variables and keeps the first error.
type variables struct {
	get func(string) string
	err error
}

func (v *variables) has(name string) bool { return v.get(name) != "" }

func (v *variables) refuse(format string, args ...any) {
	if v.err == nil {
		v.err = fault.Usagef(format, args...)
	}
}

// number reads a variable that is a number of at least low; otherwise is its value if it isn't set.
func (v *variables) number(name string, low, otherwise int) int {
	text := v.get(name)
	if text == "" {
		return otherwise
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < low {
		v.refuse("the environment variable %s is %q, which is not a number of at least %d", name, text, low)
		return otherwise
	}
	return n
}

// needs refuses a set of variables in which one is missing.
func (v *variables) needs(name, beside string) {
	if !v.has(name) {
		v.refuse("the environment variable %s is set, but %s is not: set both, or neither for one process", beside, name)
	}
}

// launcher is the names of the variables of one launcher.
type launcher struct {
	name, rank, world, localRank, localWorld string
}

var launchers = []launcher{
	{"RANK", "RANK", "WORLD_SIZE", "LOCAL_RANK", "LOCAL_WORLD_SIZE"},
	{"PET", "PET_NODE_RANK", "PET_NNODES", "", ""},
	{"OpenMPI", "OMPI_COMM_WORLD_RANK", "OMPI_COMM_WORLD_SIZE", "OMPI_COMM_WORLD_LOCAL_RANK", "OMPI_COMM_WORLD_LOCAL_SIZE"},
	{"MPICH", "PMI_RANK", "PMI_SIZE", "MPI_LOCALRANKID", "MPI_LOCALNRANKS"},
	{"Slurm", "SLURM_PROCID", "SLURM_STEP_NUM_TASKS", "SLURM_LOCALID", ""},
	{"Indexed Job", "JOB_COMPLETION_INDEX", "WORLD_SIZE", "", ""},
}

func (v *variables) place() Place {
	l, found := v.launcher()
	if !found {
		return Place{World: 1}
	}
	p := v.numbers(l)
	local := v.localRank(&p)
	if l.localWorld != "" {
		p.LocalWorld = v.number(l.localWorld, 1, 0)
	}
	if p.LocalWorld > 0 && p.LocalRank >= p.LocalWorld {
		v.refuse("the environment variable %s is %d, but %s is %d", local, p.LocalRank, l.localWorld, p.LocalWorld)
	}
	v.agent(&p)
	if l.rank != "RANK" && v.has("WORLD_SIZE") && v.number("WORLD_SIZE", 1, 1) != p.World {
		v.refuse("the environment variable WORLD_SIZE is %s, but %s is %d", v.get("WORLD_SIZE"), l.world, p.World)
	}
	if !p.Alone() {
		v.master(&p)
	}
	return p
}

// numbers are the rank and the world of a launcher's variables.
func (v *variables) numbers(l launcher) Place {
	p := Place{Launcher: l.name, Rank: v.number(l.rank, 0, 0), World: v.number(l.world, 1, 1)}
	if p.Rank >= p.World {
		v.refuse("the environment variable %s is %d, but %s is %d: ranks are 0 to %d", l.rank, p.Rank, l.world, p.World, p.World-1)
	}
	return p
}

// localRank reads the number of the process among those of its machine, and returns the name of the variable. A launcher's own variable
// counts only where the launcher's rank is that of the process: a batch script of Slurm may start processes by itself.
func (v *variables) localRank(p *Place) string {
	if v.has("LOCAL_RANK") {
		p.LocalRank = v.number("LOCAL_RANK", 0, 0)
		return "LOCAL_RANK"
	}
	for _, l := range launchers {
		if l.localRank != "" && v.has(l.localRank) && v.has(l.rank) && v.number(l.rank, 0, 0) == p.Rank {
			p.LocalRank = v.number(l.localRank, 0, 0)
			return l.localRank
		}
	}
	p.LocalRank = Unknown
	return ""
}

// launcher finds the launcher whose variables are there.
func (v *variables) launcher() (launcher, bool) {
	for _, l := range launchers {
		switch {
		case !v.has(l.rank):
			continue
		case l.name == "PET":
			v.oneEachNode(l.rank)
		case l.name == "Slurm" && !v.has("SLURM_STEP_NUM_TASKS") && v.number(l.rank, 0, 0) == 0:
			continue // a batch script, which isn't a step of srun
		case l.name == "Indexed Job" && !v.has("WORLD_SIZE") && !v.has("MASTER_ADDR"):
			continue // Kubernetes says which pod this is, never of how many: each pod is for itself
		case l.name == "RANK" && !v.has("LOCAL_RANK") && v.has("PET_NPROC_PER_NODE"):
			v.oneEachNode("RANK")
		}
		v.needs(l.world, l.rank)
		return l, true
	}
	if v.has("WORLD_SIZE") && v.get("WORLD_SIZE") != "1" {
		v.needs("RANK", "WORLD_SIZE")
	}
	return launcher{}, false
}

// oneEachNode refuses variables that ask for several processes on each node, which torchrun starts.
func (v *variables) oneEachNode(beside string) {
	for _, name := range []string{"PET_NPROC_PER_NODE", "PET_NNODES"} {
		if _, err := strconv.Atoi(v.get(name)); v.has(name) && (err != nil || name == "PET_NPROC_PER_NODE" && v.get(name) != "1") {
			v.refuse("the environment variable %s is %q beside %s: start clipgo by torchrun --no-python, which reads it",
				name, v.get(name), beside)
		}
	}
}

// agent reads what torchrun's agent sets.
func (v *variables) agent(p *Place) {
	p.Restart = v.number("TORCHELASTIC_RESTART_COUNT", 0, 0)
	if p.Launcher != "RANK" || !v.has("TORCHELASTIC_RUN_ID") {
		return
	}
	p.Launcher = "torchrun"
	p.AgentStore = v.get("TORCHELASTIC_USE_AGENT_STORE") == "True"
}
