package dist

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"slices"
	"time"

	"clipgo/internal/torch"
	"clipgo/training/dist/launch"
)

// together is the Group of several processes.
type together struct {
	at        launch.Place
	o         Options
	store     *torch.Store
	cards     *torch.Store // of NCCL's threads; nil: no devices
	processes *torch.Processes
	watch     *watcher
	failed    error // the first failure
	closed    bool
}

func (g *together) Rank() int  { return g.at.Rank }
func (g *together) World() int { return g.at.World }

// run starts a collective of tensors, waits for it and hands it to done.
func (g *together) run(prepare func() (*torch.Collective, error), done func(*torch.Collective), of ...*torch.Tensor) error {
	w, err := g.start(prepare, of...)
	if err != nil {
		return err
	}
	if err := w.Wait(); err != nil {
		return err
	}
	if done != nil {
		done(w.c)
	}
	w.c.Free()
	return nil
}

// start prepares a collective and starts it, unless the group has failed. A device's memory may be too small for it in one process: then
// none starts it, each has a *Failure, and the group can be used further.
func (g *together) start(prepare func() (*torch.Collective, error), of ...*torch.Tensor) (*working, error) {
	if g.failed != nil {
		return nil, g.failed
	}
	c, err := prepare()
	if slices.ContainsFunc(of, elsewhere) {
		if _, err := Settle(g, err); err != nil {
			if c != nil {
				c.Free()
			}
			return nil, err
		}
	}
	if err == nil {
		err = c.Begin()
	}
	if err != nil {
		return nil, g.fail("start", err)
	}
	return &working{g: g, c: c}, nil
}

// elsewhere reports whether a tensor lies on a device.
func elsewhere(t *torch.Tensor) bool { return t.Device() != torch.CPU }

// fail makes the group unusable. The error says who is gone.
func (g *together) fail(op string, err error) error {
	if g.failed == nil {
		g.abort() // a device would wait for whoever is gone, and what uses it then for the device
		g.failed = g.watch.blame(op, err)
	}
	return g.failed
}

// working is a collective of a group under way.
type working struct {
	g *together
	c *torch.Collective
}

// slice is how long one wait takes in the engine, which can't be interrupted.
const slice = 250 * time.Millisecond

var (
	errLate   = errors.New("the others didn't come")
	errOthers = errors.New("other processes have given up")
)

func (w *working) Wait() error {
	for until := time.Now().Add(w.g.o.Timeout); w.g.failed == nil; {
		finished, err := w.c.Wait(slice)
		switch {
		case err == nil && finished:
			return nil
		case err == nil && w.g.watch.known() != nil:
			err = errOthers
		case err == nil && time.Now().After(until):
			err = errLate
		}
		if err != nil {
			return w.g.fail(w.c.Op(), err)
		}
	}
	return w.g.failed
}

// reduction is a Work whose collective nobody else needs.
type reduction struct{ *working }

func (r reduction) Wait() error {
	if r.c == nil {
		return nil
	}
	if err := r.working.Wait(); err != nil {
		return err
	}
	r.c.Free()
	r.c = nil
	return nil
}

func (g *together) Gather(s *torch.Scope, x *torch.Tensor) (out *torch.Tensor, err error) {
	err = g.run(func() (*torch.Collective, error) { return g.processes.Gather(x) }, func(c *torch.Collective) { out = c.Result(s) }, x)
	return out, err
}

func (g *together) SumRows(s *torch.Scope, x *torch.Tensor) (out *torch.Tensor, err error) {
	err = g.run(func() (*torch.Collective, error) { return g.processes.SumRows(x) }, func(c *torch.Collective) { out = c.Result(s) }, x)
	return out, err
}

func (g *together) Reduce(ts ...*torch.Tensor) (Work, error) {
	if len(ts) == 0 {
		return done{}, nil
	}
	w, err := g.start(func() (*torch.Collective, error) { return g.processes.Sum(ts) }, ts...)
	if err != nil {
		return nil, err
	}
	return reduction{w}, nil
}

func (g *together) Broadcast(root int, ts ...*torch.Tensor) error {
	if len(ts) == 0 {
		return nil
	}
	return g.run(func() (*torch.Collective, error) { return g.processes.Broadcast(root, ts) }, nil, ts...)
}

func (g *together) Agree(numbers ...float64) ([][]float64, error) {
	data := make([]byte, 0, 8*len(numbers))
	for _, x := range numbers {
		data = binary.LittleEndian.AppendUint64(data, math.Float64bits(x))
	}
	all, err := g.gather(data)
	if err != nil {
		return nil, err
	}
	out := make([][]float64, g.at.World)
	for r := range out {
		for i := range numbers {
			out[r] = append(out[r], math.Float64frombits(binary.LittleEndian.Uint64(all[r][8*i:])))
		}
	}
	return out, nil
}

// gather collects as many bytes of each process.
func (g *together) gather(data []byte) ([][]byte, error) {
	out := make([][]byte, g.at.World)
	if len(data) == 0 {
		return out, g.failed
	}
	err := g.run(func() (*torch.Collective, error) { return g.processes.GatherBytes(data) }, func(c *torch.Collective) {
		all := c.ResultBytes(len(data) * g.at.World)
		for r := range out {
			out[r] = all[r*len(data) : (r+1)*len(data)]
		}
	})
	return out, err
}

func (g *together) Tell(data []byte) ([][]byte, error) {
	lengths, err := g.Agree(float64(len(data)))
	if err != nil {
		return nil, err
	}
	longest := 0
	for _, n := range lengths {
		longest = max(longest, int(n[0]))
	}
	padded := make([]byte, longest)
	copy(padded, data)
	all, err := g.gather(padded)
	if err != nil {
		return nil, fmt.Errorf("tell %d bytes: %w", longest, err)
	}
	for r := range all {
		all[r] = all[r][:int(lengths[r][0])]
	}
	return all, nil
}

func (g *together) Barrier() error {
	_, err := g.Agree(0)
	return err
}

// Close leaves the group. After a failure it frees nothing: the engine would wait for what will never come.
func (g *together) Close() error {
	if g.closed {
		return nil
	}
	g.closed = true
	if g.watch.close(g.failed != nil); g.failed != nil {
		return nil
	}
	g.processes.Free()
	if g.cards != nil {
		g.cards.Free()
	}
	g.store.Free()
	return nil
}
