// Package launch reads which of how many processes this one is, and where the first one is, from what a launcher has set.
package launch

// Place is the place of a process among the others.
type Place struct {
	Launcher   string // that set it: "torchrun", "Slurm", ...; "" for a process that is alone
	Rank       int    // 0 to World-1
	World      int    // number of processes
	LocalRank  int    // among those of this machine
	LocalWorld int    // number of processes of this machine, 0 if it isn't known
	Master     string // host of rank 0, or of the launcher's store
	Port       int
	// AgentStore says that the launcher serves the store at Master and Port, so that rank 0 is a client of it, too.
	AgentStore bool
	Restart    int // how often the launcher has started the processes anew
}

// Alone reports whether there are no others.
func (p Place) Alone() bool { return p.World <= 1 }
