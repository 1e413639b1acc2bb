package launch

import "os"

// Part is the share of this process in work that needs no exchange: part i of n, from 0. n is 0 where no launcher says.
//
// The first of these counts: SLURM_ARRAY_TASK_ID of a Slurm array; JOB_COMPLETION_INDEX of an Indexed Job, with WORLD_SIZE as the number
// of its pods; the rank of Here.
func Part() (i, n int, err error) { return PartFrom(os.Getenv) }

// PartFrom is Part with the variables of get.
func PartFrom(get func(string) string) (i, n int, err error) {
	v := &variables{get: get}
	switch {
	case v.has("SLURM_ARRAY_TASK_ID"):
		i, n = v.array()
	case v.has("JOB_COMPLETION_INDEX") && !v.has("RANK"):
		if i, n = v.number("JOB_COMPLETION_INDEX", 0, 0), v.number("WORLD_SIZE", 1, 0); n == 0 {
			v.refuse("the environment variable JOB_COMPLETION_INDEX is %d, but Kubernetes doesn't say of how many: "+
				"set WORLD_SIZE to the job's completions", i)
		}
	default:
		p, err := From(get)
		if err != nil || p.Alone() {
			return 0, 0, err
		}
		return p.Rank, p.World, nil
	}
	if v.err == nil && i >= n {
		v.refuse("this is part %d of %d by the environment: parts are 0 to %d", i, n, n-1)
	}
	if v.err != nil {
		return 0, 0, v.err
	}
	return i, n, nil
}

// array is the place in a Slurm array, whose numbers begin anywhere and may have a step.
func (v *variables) array() (i, n int) {
	for _, name := range []string{"SLURM_ARRAY_TASK_MIN", "SLURM_ARRAY_TASK_COUNT"} {
		v.needs(name, "SLURM_ARRAY_TASK_ID")
	}
	id, low := v.number("SLURM_ARRAY_TASK_ID", 0, 0), v.number("SLURM_ARRAY_TASK_MIN", 0, 0)
	n = v.number("SLURM_ARRAY_TASK_COUNT", 1, 1)
	step, high := v.number("SLURM_ARRAY_TASK_STEP", 1, 1), v.number("SLURM_ARRAY_TASK_MAX", 0, low+n-1)
	if high != low+(n-1)*step || id < low || (id-low)%step != 0 {
		v.refuse("the Slurm array of task %d has gaps (%d tasks from %d to %d, step %d): give the part by hand", id, n, low, high, step)
		return 0, n
	}
	return (id - low) / step, n
}
