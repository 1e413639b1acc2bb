package dist

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"clipgo/internal/fault"
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

// protocol is the version of what the processes exchange.
const protocol = 1

// Join makes the group of all processes. A process that is alone gets Alone, without loading anything.
//
// A master that isn't there, a process that doesn't come, two processes with one rank and processes of different versions are errors of
// kind Usage.
func Join(ctx context.Context, at launch.Place, o Options) (Group, error) {
	if at.Alone() {
		return Alone, nil
	}
	o = o.withDefaults()
	if err := torch.LoadProcesses(); err != nil { // takes its time, which isn't that of the others
		return nil, err
	}
	at = usable(ctx, at, o)
	store, err := open(ctx, at, o)
	if err != nil {
		return nil, err
	}
	b := &board{store: store, prefix: fmt.Sprintf("clipgo/%d/", at.Restart), at: at, master: fmt.Sprintf("%s:%d", at.Master, store.Port())}
	if _, err := within(ctx, 2*o.JoinTimeout, func() (bool, error) { return true, b.meet(ctx, o) }); err != nil {
		if errors.Is(err, errTooLate) {
			err = fault.Usagef("the store at %s doesn't answer rank %d", b.master, at.Rank)
		}
		return nil, err
	}
	// The store isn't freed after a failure: others may need to read why.
	w := watch(b)
	p, err := within(ctx, o.JoinTimeout, func() (*torch.Processes, error) {
		return store.Join(b.prefix+"gloo", at.Rank, at.World, b.reach(), o.Timeout)
	})
	if err != nil {
		return nil, w.blame("join", err)
	}
	return &together{at: at, o: o, store: store, processes: p, watch: w}, nil
}

// usable is at, without the launcher's store where that speaks another language: torchrun of a PyTorch whose version isn't that of this
// libtorch. Rank 0 then serves a store on the next port. All processes find the same.
func usable(ctx context.Context, at launch.Place, o Options) launch.Place {
	if !at.AgentStore {
		return at
	}
	_, err := within(ctx, o.JoinTimeout/3, func() (int64, error) {
		store, err := torch.OpenStore(at.Master, at.Port, false, o.JoinTimeout/3)
		if err != nil {
			return 0, nil // open says so
		}
		return store.Add("clipgo/asked", 1)
	})
	if err != nil && ctx.Err() == nil {
		at.AgentStore = false
		at.Port = 1024 + (at.Port-1024+1+at.Restart)%(65536-1024)
	}
	return at
}

// open opens the store, as its server in rank 0.
func open(ctx context.Context, at launch.Place, o Options) (*torch.Store, error) {
	server := at.Rank == 0 && !at.AgentStore
	store, err := within(ctx, o.JoinTimeout+2*time.Second, func() (*torch.Store, error) {
		return torch.OpenStore(at.Master, at.Port, server, o.JoinTimeout)
	})
	switch {
	case errors.Is(err, torch.ErrUnavailable) || ctx.Err() != nil:
		return nil, err
	case err != nil && server:
		return nil, fault.Usagef("rank 0 can't listen on port %d: another process does, perhaps a second one of rank 0; "+
			"set MASTER_PORT to a free port (%v)", at.Port, err)
	case err != nil:
		return nil, fault.Usagef("rank %d of %d found no master at %s:%d in %v: is rank 0 running there, and can this machine "+
			"reach it? MASTER_ADDR and MASTER_PORT name it (%v)", at.Rank, at.World, at.Master, at.Port, o.JoinTimeout, err)
	}
	if o.Listening != nil && server {
		o.Listening(store.Port())
	}
	return store, nil
}

var errTooLate = errors.New("no answer in time")

// within runs f for at most so long. The engine's calls can't be interrupted, so that one that is late goes on by itself.
func within[T any](ctx context.Context, most time.Duration, f func() (T, error)) (T, error) {
	type result struct {
		value T
		err   error
	}
	ended := make(chan result, 1)
	go func() {
		value, err := f()
		ended <- result{value, err}
	}()
	timer := time.NewTimer(most)
	defer timer.Stop()
	var none T
	select {
	case r := <-ended:
		return r.value, r.err
	case <-ctx.Done():
		return none, ctx.Err()
	case <-timer.C:
		return none, errTooLate
	}
}

// board is the store as the processes of one group use it.
type board struct {
	mu     sync.Mutex // the engine's store serves one call at a time
	store  *torch.Store
	prefix string
	at     launch.Place
	master string
	all    []member // by rank, once they have met
}

// serves reports whether the store ends with this process.
func (b *board) serves() bool { return b.at.Rank == 0 && !b.at.AgentStore }

// asking runs f, which asks the store, for as long as an answer may take.
func (b *board) asking(f func()) {
	_, _ = within(context.Background(), answerIn, func() (struct{}, error) {
		f()
		return struct{}{}, nil
	})
}

// lingers waits until all others know, where the store ends with this process.
func (b *board) lingers(know func() (bool, error)) {
	for until := time.Now().Add(answerIn); b.serves() && time.Now().Before(until); time.Sleep(beatEvery / 30) {
		if all, err := know(); all || err != nil {
			return
		}
	}
}

func (b *board) set(key string, value []byte) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.store.Set(b.prefix+key, value)
}

func (b *board) get(key string) ([]byte, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.store.Get(b.prefix + key)
}

func (b *board) add(key string, more int64) (int64, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.store.Add(b.prefix+key, more)
}
