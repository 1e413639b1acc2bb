package dist

import (
	"context"
	"errors"
	"fmt"
	"net"
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
	b, err := enter(ctx, at, o)
	if err != nil {
		return nil, err
	}
	if b.announcement != nil {
		defer func() { _ = b.announcement.Close() }() // nobody else is to come
	}
	if _, err := within(ctx, 2*o.JoinTimeout, func() (bool, error) { return true, b.meet(ctx, o) }); err != nil {
		if errors.Is(err, errTooLate) {
			err = fault.Usagef("the store at %s doesn't answer rank %d", b.master, at.Rank)
		}
		return nil, err
	}
	// The store isn't freed after a failure: others may need to read why.
	w := watch(b)
	p, err := within(ctx, o.JoinTimeout, func() (*torch.Processes, error) {
		return b.store.Join(b.prefix+"gloo", at.Rank, at.World, b.reach(), o.Timeout)
	})
	if err != nil {
		return nil, w.blame("join", err)
	}
	return &together{at: b.at, o: o, store: b.store, processes: p, watch: w}, nil
}

// enter opens the store of the group.
func enter(ctx context.Context, at launch.Place, o Options) (*board, error) {
	switch {
	case at.AgentStore && at.Rank == 0:
		return host(ctx, at, o)
	case at.AgentStore:
		return find(ctx, at, o)
	}
	store, err := open(ctx, at, o)
	if err != nil {
		return nil, err
	}
	return newBoard(store, at, fmt.Sprintf("clipgo/%d/", at.Restart)), nil
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
		return nil, noMaster(at, o.JoinTimeout, err)
	}
	if o.Listening != nil && server {
		o.Listening(store.Port())
	}
	return store, nil
}

// noMaster is the error of a process that waited for a store that isn't there.
func noMaster(at launch.Place, waited time.Duration, why any) error {
	return fault.Usagef("rank %d of %d found no master at %s:%d in %v: is rank 0 running there, and can this machine "+
		"reach it? MASTER_ADDR and MASTER_PORT name it (%v)", at.Rank, at.World, at.Master, at.Port, waited, why)
}

var errTooLate = errors.New("no answer in time")

// grace is how much longer within waits. The time of a process that is stopped passes, too: the answer then comes when the time is up.
const grace = 500 * time.Millisecond

// within runs f for at most so long, and grace. The engine's calls can't be interrupted, so that one that is late goes on by itself.
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
	var none T
	for _, d := range []time.Duration{most, grace} {
		timer := time.NewTimer(d)
		defer timer.Stop()
		select {
		case r := <-ended:
			return r.value, r.err
		case <-ctx.Done():
			return none, ctx.Err()
		case <-timer.C:
		}
	}
	return none, errTooLate
}

// board is the store as the processes of one group use it.
type board struct {
	mu     sync.Mutex // the engine's store serves one call at a time
	store  *torch.Store
	prefix string
	at     launch.Place
	master string
	all    []member // by rank, once they have met

	lobby    string // of rank 0 where others ask to be let in; "" elsewhere
	admitted int64  // how many of them

	announcement net.Listener // where rank 0 tells the others of its store, until they have met; nil elsewhere
}

func newBoard(store *torch.Store, at launch.Place, prefix string) *board {
	return &board{store: store, prefix: prefix, at: at, master: fmt.Sprintf("%s:%d", at.Master, store.Port())}
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

func (b *board) set(key string, value []byte) error { return b.setAt(b.prefix+key, value) }

func (b *board) get(key string) ([]byte, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.store.Get(b.prefix + key)
}

func (b *board) add(key string, more int64) (int64, error) { return b.addAt(b.prefix+key, more) }

// setAt and addAt take whole keys.
func (b *board) setAt(key string, value []byte) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.store.Set(key, value)
}

func (b *board) addAt(key string, more int64) (int64, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.store.Add(key, more)
}
