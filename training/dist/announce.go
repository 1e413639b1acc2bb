package dist

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strconv"
	"strings"
	"time"

	"clipgo/internal/fault"
	"clipgo/internal/torch"
	"clipgo/training/dist/launch"
)

// Rank 0 announces its store on the port beside that of the launcher's store by a line of text, which everyone gets who connects. That port
// can also be somebody else's, and the engine's store ends the process on what it doesn't expect. So the others send nothing there, and
// open no store before they have read the line.

// announcing begins the line. The rest is the lobby and the port of the store.
const announcing = "clipgo store of "

// beside is the port of the announcement. A restart has another one: the last one may still be taken.
func beside(at launch.Place) int { return 1024 + (at.Port-1024+1+at.Restart)%(65536-1024) }

// announced is the board of rank 0 in a store that it serves and announces.
func announced(ctx context.Context, at launch.Place, o Options) (*board, error) {
	l, err := (&net.ListenConfig{}).Listen(ctx, "tcp", ":"+strconv.Itoa(beside(at)))
	if err != nil {
		return nil, fault.Usagef("the launcher's store at %s:%d doesn't answer rank 0, which can't listen on the next port; "+
			"start the launcher with another port (%v)", at.Master, at.Port, err)
	}
	own := at
	own.AgentStore, own.Port = false, 0
	store, err := open(ctx, own, o)
	if err != nil {
		return nil, errors.Join(err, l.Close())
	}
	own.Port = store.Port()
	b := newBoard(store, own, lobby(at))
	b.announcement = l
	go announce(l, fmt.Sprintf("%s%s %d\n", announcing, lobby(at), own.Port))
	return b, nil
}

// announce tells everyone who connects a line, until the listener is closed.
func announce(l net.Listener, line string) {
	for {
		c, err := l.Accept()
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err != nil { // too many open files, for example
			time.Sleep(50 * time.Millisecond)
			continue
		}
		_, _ = io.WriteString(c, line) // who hasn't got it connects again
		_ = c.Close()
	}
}

// listen looks for the announcement again and again, and opens the store that it names.
func (g *guest) listen(ctx context.Context, o Options) {
	for err := pause(ctx, o.JoinTimeout/lookIn); err == nil; err = pause(ctx, 100*time.Millisecond) {
		own := g.at
		if own.AgentStore, own.Port = false, g.hear(ctx); own.Port == 0 {
			continue
		}
		store, err := torch.OpenStore(own.Master, own.Port, false, o.JoinTimeout)
		if err == nil {
			g.found <- newBoard(store, own, g.lobby)
			return
		}
		g.failure.Store(err.Error())
	}
}

// hear is the port of the announcement, 0 where there is none.
func (g *guest) hear(ctx context.Context) int {
	const most = 2 * time.Second
	d := net.Dialer{Timeout: most}
	c, err := d.DialContext(ctx, "tcp", net.JoinHostPort(g.at.Master, strconv.Itoa(beside(g.at))))
	if err != nil {
		return 0
	}
	defer func() { _ = c.Close() }() // nothing was sent
	if err := c.SetReadDeadline(time.Now().Add(most)); err != nil {
		return 0
	}
	line, err := bufio.NewReader(io.LimitReader(c, 512)).ReadString('\n')
	if err != nil {
		return 0
	}
	text, ours := strings.CutPrefix(strings.TrimSuffix(line, "\n"), announcing+g.lobby+" ")
	port, err := strconv.Atoi(text)
	if !ours || err != nil || port < 1 || port > 65535 {
		return 0
	}
	return port
}
