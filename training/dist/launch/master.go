package launch

import (
	"hash/fnv"
	"os"
	"strconv"
	"strings"
)

// defaultPort is torchrun's.
const defaultPort = 29500

// master says where rank 0 is.
func (v *variables) master(p *Place) {
	p.Master, p.Port = v.get("MASTER_ADDR"), v.number("MASTER_PORT", 1, 0)
	if p.Launcher == "PET" {
		if host := v.get("PET_MASTER_ADDR"); host != "" {
			p.Master = host
		}
		p.Port = v.number("PET_MASTER_PORT", 1, p.Port)
	}
	if p.Port > 65535 {
		v.refuse("the environment variable MASTER_PORT is %d, and ports end at 65535", p.Port)
	}
	switch host := v.slurmHost(); {
	case p.Master != "":
	case p.Launcher == "RANK" || p.Launcher == "torchrun":
		v.needs("MASTER_ADDR", "RANK")
	case host != "":
		p.Master = host
	case p.LocalWorld == p.World:
		p.Master = "127.0.0.1"
	default:
		v.refuse("the environment variable MASTER_ADDR is not set: %s says that there are %d processes, and not where rank 0 is%s",
			p.Launcher, p.World, masterHint[p.Launcher])
	}
	if p.Port == 0 {
		v.port(p)
	}
}

// masterHint says how a launcher's users set MASTER_ADDR.
var masterHint = map[string]string{
	"OpenMPI":     "; start it by mpirun -x MASTER_ADDR=HOST -x MASTER_PORT=29500",
	"MPICH":       "; start it by mpiexec -genv MASTER_ADDR HOST -genv MASTER_PORT 29500",
	"Indexed Job": "; set it to JOB-0.SERVICE, with the job's headless service",
}

// port chooses the port of rank 0 from what all processes know.
func (v *variables) port(p *Place) {
	switch job := v.number("SLURM_JOB_ID", 0, 0); {
	case p.Launcher == "RANK" || p.Launcher == "torchrun":
		v.needs("MASTER_PORT", "RANK")
	case job > 0: // of two jobs, or two steps of one, on one machine
		p.Port = 20000 + (job*64+v.number("SLURM_STEP_ID", 0, 0))%20000
	case p.Launcher == "OpenMPI" || p.Launcher == "MPICH":
		p.Port = 20000 + int(v.together()%20000)
	default:
		p.Port = defaultPort
	}
}

// together is a number that the processes of one mpirun on this machine share: of its namespace, or of the process that started them.
func (v *variables) together() uint32 {
	name := v.get("PMIX_NAMESPACE")
	if name == "" {
		name = strconv.Itoa(os.Getppid())
	}
	h := fnv.New32a()
	_, _ = h.Write([]byte(name)) // never fails
	return h.Sum32()
}

// slurmHost is the first host of the step, or of the job.
func (v *variables) slurmHost() string {
	for _, name := range []string{"SLURM_STEP_NODELIST", "SLURM_JOB_NODELIST", "SLURM_NODELIST"} {
		if list := v.get(name); list != "" {
			host, ok := firstHost(list)
			if !ok {
				v.refuse("the environment variable %s is %q, which is no list of hosts", name, list)
			}
			return host
		}
	}
	return ""
}

// firstHost is the first host of a list of Slurm: gpu03 of "gpu[03-05,9],login1", a0b2 of "a[0-1]b[2-3]".
func firstHost(list string) (string, bool) {
	var host strings.Builder
	for list != "" {
		end := strings.IndexAny(list, "[,")
		if end < 0 {
			host.WriteString(list)
			break
		}
		host.WriteString(list[:end])
		if list[end] == ',' {
			break
		}
		ranges, rest, closed := strings.Cut(list[end+1:], "]")
		if !closed {
			return "", false
		}
		first := strings.FieldsFunc(ranges, func(r rune) bool { return r == ',' || r == '-' })
		if len(first) == 0 {
			return "", false
		}
		host.WriteString(first[0])
		list = rest
	}
	name := host.String()
	return name, name != "" && !strings.ContainsAny(name, "[] \t")
}
