package dist

import (
	"context"
	"errors"
	"fmt"
	"time"

	"clipgo/internal/fault"
	"clipgo/internal/torch"
)

// accelerated is a Group that can exchange what lies on devices without copying it to the CPU.
type accelerated interface {
	on(ctx context.Context, d torch.Device) error
}

// On prepares a group for tensors on a device, a CUDA device by NCCL. Every process calls it, with a device of its own. Numbers, bytes and
// tensors on the CPU are exchanged as before. Without On, and for the CPU, all goes through memory of the CPU. A process without NCCL is an
// error of kind Usage in all processes.
func On(ctx context.Context, g Group, d torch.Device) error {
	a, ok := g.(accelerated)
	if !ok || d < 0 || g.World() == 1 { // a simulated device is below 0
		return nil
	}
	return a.on(ctx, d)
}

// ncclPatience is how many deadlines of the group NCCL itself waits: the group finds out who is missing when its own is over.
const ncclPatience = 3

func (g *together) on(ctx context.Context, d torch.Device) error {
	err := torch.LoadNCCL()
	if errors.Is(err, torch.ErrUnavailable) {
		err = fault.Setting("device", "processes on GPUs need NCCL, which rank %d lacks: %v", g.at.Rank, err)
	}
	if _, err := Settle(g, err); err != nil {
		return missing(err)
	}
	// Where one fails at once, the others wait until their time is up: they can't hear of it meanwhile.
	store, err := within(ctx, g.o.Timeout/2, func() (*torch.Store, error) { return g.connect(d) })
	if _, err := Settle(g, err); err != nil {
		return err
	}
	g.cards = store
	return nil
}

// missing keeps the kind of a failure that is another process's.
func missing(err error) error {
	var agreed *Failure
	if errors.As(err, &agreed) && agreed.Own == nil {
		return fault.Setting("device", "rank %d has no NCCL, by which processes on GPUs exchange their results", agreed.Rank)
	}
	return err
}

// connect makes the communicators, with a connection to the store that NCCL's threads have for themselves.
func (g *together) connect(d torch.Device) (*torch.Store, error) {
	store, err := torch.OpenStore(g.at.Master, g.store.Port(), false, g.o.JoinTimeout)
	if err != nil {
		return nil, err
	}
	if err := g.processes.JoinCards(store, g.watch.board.prefix+"nccl", g.at.Rank, d, ncclPatience*g.o.Timeout); err != nil {
		return nil, fmt.Errorf("connect the GPUs by NCCL: %w", err)
	}
	return store, nil
}

// abort ends what devices are doing for the group. A driver that hangs may not return from it.
func (g *together) abort() {
	if g.cards == nil {
		return
	}
	_, _ = within(context.Background(), min(answerIn, 2*time.Second), func() (struct{}, error) { return struct{}{}, g.processes.Abort() })
}
