package dist

import (
	"context"
	"fmt"
	"time"

	"clipgo/internal/torch"
	"clipgo/training/dist/launch"
)

// Options are the settings of a group.
type Options struct {
	// Timeout is the deadline of each call of the Group; 0 means DefaultTimeout.
	Timeout time.Duration
	// JoinTimeout is how long Join waits for the master and for all processes; 0 means DefaultJoinTimeout.
	JoinTimeout time.Duration
	// Version is that of the program. Processes of different versions don't join.
	Version string
	// Listening, if it isn't nil, is called in rank 0 with the port of its store.
	Listening func(port int)
}

// The defaults of Options.
const (
	DefaultTimeout     = 60 * time.Second
	DefaultJoinTimeout = 25 * time.Second
)

func (o Options) withDefaults() Options {
	if o.Timeout <= 0 {
		o.Timeout = DefaultTimeout
	}
	if o.JoinTimeout <= 0 {
		o.JoinTimeout = DefaultJoinTimeout
	}
	return o
}

// Join makes the group of all processes. A process that is alone gets Alone, without loading anything.
func Join(_ context.Context, at launch.Place, o Options) (Group, error) {
	if at.Alone() {
		return Alone, nil
	}
	o = o.withDefaults()
	store, err := torch.OpenStore(at.Master, at.Port, at.Rank == 0 && !at.AgentStore, o.JoinTimeout)
	if err != nil {
		return nil, err
	}
	if o.Listening != nil && at.Rank == 0 {
		o.Listening(store.Port())
	}
	prefix := fmt.Sprintf("clipgo/%d/", at.Restart)
	p, err := store.Join(prefix+"gloo", at.Rank, at.World, torch.Reach{Address: "127.0.0.1"}, o.Timeout)
	if err != nil {
		return nil, err
	}
	return &together{at: at, o: o, store: store, processes: p}, nil
}
