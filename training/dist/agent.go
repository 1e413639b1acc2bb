package dist

import (
	"context"
	"fmt"
	"strings"
	"sync/atomic"
	"time"

	"clipgo/internal/fault"
	"clipgo/internal/torch"
	"clipgo/training/dist/launch"
)

// A launcher's store can be unusable: torchrun of a PyTorch whose version isn't that of this libtorch speaks another language, and its
// store then closes the connection or never answers. Rank 0 alone judges the store. It uses the store if it gets an answer in time, and
// otherwise serves one itself, which it announces on the next port (announce.go).
//
// The others don't judge. Each asks rank 0 in the launcher's store to be let in, and looks for an announcement meanwhile. So they meet
// whatever the launcher's store is like for each of them, and however late it answers.

// The parts of JoinTimeout that rank 0 waits for the launcher's store, and after which the others look for another one. It is usually
// there in a moment.
const (
	judgeIn = 5
	lookIn  = 10
)

// host is the board of rank 0 where a launcher serves a store.
func host(ctx context.Context, at launch.Place, o Options) (*board, error) {
	most := o.JoinTimeout / judgeIn
	b, err := within(ctx, most, func() (*board, error) {
		store, err := torch.OpenStore(at.Master, at.Port, false, most)
		if err != nil {
			return nil, err
		}
		return begin(store, at, lobby(at))
	})
	if err == nil || ctx.Err() != nil {
		return b, err
	}
	return announced(ctx, at, o)
}

// begin begins a group in a store. A launcher's store outlives the processes, also where the launcher starts them anew without counting
// it as a restart: each group has its own number.
func begin(store *torch.Store, at launch.Place, lobby string) (*board, error) {
	n, err := store.Add(lobby+"groups", 1)
	if err != nil {
		return nil, err
	}
	b := newBoard(store, at, fmt.Sprintf("%s%d/", lobby, n))
	b.lobby = lobby
	return b, nil
}

// lobby begins the keys of the processes of one start by a launcher, before they have a group.
func lobby(at launch.Place) string {
	return fmt.Sprintf("clipgo/%s:%d/%d/%d/", at.Master, at.Port, at.Restart, at.World)
}

// admit lets those in who ask. Rank 0 calls it again and again until all have come.
func (b *board) admit() error {
	if b.lobby == "" {
		return nil
	}
	asked, err := b.addAt(b.lobby+"asked", 0)
	for ; err == nil && b.admitted < asked; b.admitted++ {
		err = b.setAt(admission(b.lobby, b.admitted+1), []byte(b.prefix))
	}
	return err
}

// admission is the key with the answer to the n-th who asked.
func admission(lobby string, n int64) string { return fmt.Sprintf("%sadmitted/%d", lobby, n) }

// guest is a process other than rank 0 that looks for rank 0.
type guest struct {
	at      launch.Place
	lobby   string
	found   chan *board
	reached atomic.Bool  // a store has answered
	failure atomic.Value // the last error, as a string
}

// find is the board of another process than rank 0 where a launcher serves a store.
func find(ctx context.Context, at launch.Place, o Options) (*board, error) {
	most := o.JoinTimeout + o.JoinTimeout/judgeIn // rank 0 takes so long to judge
	looking, end := context.WithCancel(ctx)
	defer end()
	g := &guest{at: at, lobby: lobby(at), found: make(chan *board, 2)}
	go g.ask(looking, most)
	go g.listen(looking, o)
	b, err := within(ctx, most, func() (*board, error) {
		select {
		case b := <-g.found:
			return b, nil
		case <-looking.Done():
			return nil, looking.Err()
		}
	})
	switch {
	case err == nil || ctx.Err() != nil:
		return b, err
	case g.reached.Load():
		return nil, fault.Usagef("rank %d waited %v for rank 0 of %d, which neither used the launcher's store at %s:%d nor "+
			"announced one on port %d there", at.Rank, most, at.World, at.Master, at.Port, beside(at))
	}
	return nil, noMaster(at, most, g.failure.Load())
}

// ask asks in the launcher's store until rank 0 answers there. A connection that ends is made anew.
func (g *guest) ask(ctx context.Context, most time.Duration) {
	for err := error(nil); err == nil; err = pause(ctx, 200*time.Millisecond) {
		store, err := torch.OpenStore(g.at.Master, g.at.Port, false, most)
		if err != nil {
			g.failure.Store(err.Error())
			continue
		}
		prefix, err := g.await(ctx, store)
		if err == nil && ctx.Err() == nil {
			g.found <- newBoard(store, g.at, prefix)
			return
		}
		if store.Free(); err != nil {
			g.failure.Store(err.Error())
		}
	}
}

// await asks in a store, and waits for the answer of rank 0: the prefix of the group's keys.
func (g *guest) await(ctx context.Context, store *torch.Store) (string, error) {
	n, err := store.Add(g.lobby+"asked", 1)
	if err != nil {
		return "", err
	}
	for {
		text, err := store.Get(admission(g.lobby, n))
		if err != nil {
			return "", err
		}
		g.reached.Store(true)
		if prefix := string(text); strings.HasPrefix(prefix, g.lobby) {
			return prefix, nil
		}
		if err := pause(ctx, 20*time.Millisecond); err != nil {
			return "", err
		}
	}
}
