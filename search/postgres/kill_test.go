package postgres

import (
	"bufio"
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/url"
	"os"
	"reflect"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/pgvector/pgvector-go"

	"clipgo/internal/durable"
	"clipgo/internal/half"
	"clipgo/search"
	"clipgo/search/postgres/pgtest"
)

// wire forwards connections to a server, counts the bytes that clients send inside of transactions, and ends things in the middle of one.
type wire struct {
	listener net.Listener
	server   string

	mu    sync.Mutex
	conns []net.Conn
	sent  int    // bytes of transactions
	at    int    // of sent, where kill is called; 0: nowhere
	kill  func() // once
	hit   bool
}

// newWire puts a wire in front of a server and returns the address that leads over it.
func newWire(t *testing.T, to string) (*wire, string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	u, err := url.Parse(to)
	if err != nil {
		t.Fatal(err)
	}
	w := &wire{listener: l, server: u.Host}
	t.Cleanup(func() { l.Close(); w.cut() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go w.forward(c)
		}
	}()
	u.Host, u.RawQuery = l.Addr().String(), "sslmode=disable"
	return w, u.String()
}

// arm makes the wire call kill when a number of bytes of transactions have gone over it from now on; 0: never.
func (w *wire) arm(at int, kill func()) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.sent, w.at, w.kill, w.hit = 0, at, kill, false
}

// state is how many bytes of transactions have gone over the wire, and whether kill was called.
func (w *wire) state() (sent int, hit bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.sent, w.hit
}

// cut closes all connections, as the end of the client's process does.
func (w *wire) cut() {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, c := range w.conns {
		c.Close()
	}
	w.conns = nil
}

func (w *wire) forward(client net.Conn) {
	server, err := net.Dial("tcp", w.server)
	if err != nil {
		client.Close()
		return
	}
	w.mu.Lock()
	w.conns = append(w.conns, client, server)
	w.mu.Unlock()
	go func() {
		_, _ = io.Copy(client, server)
		client.Close()
	}()
	defer server.Close()
	from, inside := bufio.NewReader(client), false
	for first := true; ; first = false {
		message, err := readMessage(from, first)
		if err != nil {
			return
		}
		begins := bytes.HasPrefix(message, []byte("Q")) && bytes.HasPrefix(message[5:], []byte("begin"))
		ends := bytes.HasPrefix(message, []byte("Q")) && bytes.HasPrefix(message[5:], []byte("commit"))
		inside = inside || begins
		n, kill := len(message), func() {}
		if inside {
			n, kill = w.take(n)
		}
		if _, err := server.Write(message[:n]); err != nil {
			return
		}
		if kill != nil {
			kill()
		}
		inside = inside && !ends
	}
}

// take counts the bytes of a message and returns how many of them are forwarded before kill.
func (w *wire) take(n int) (int, func()) {
	w.mu.Lock()
	defer w.mu.Unlock()
	before := w.sent
	w.sent += n
	if w.hit || w.at == 0 || w.sent < w.at {
		return n, nil
	}
	w.hit = true
	return w.at - before, w.kill
}

// readMessage reads a whole message of the protocol. The first has no type.
func readMessage(r *bufio.Reader, first bool) ([]byte, error) {
	head := make([]byte, 5)
	if first {
		head = head[:4]
	}
	if _, err := io.ReadFull(r, head); err != nil {
		return nil, err
	}
	message := append(head, make([]byte, int(binary.BigEndian.Uint32(head[len(head)-4:]))-4)...)
	_, err := io.ReadFull(r, message[len(head):])
	return message, err
}

// kept is a row as the database has it.
type kept struct {
	path, caption, hash string
	size, mtime         int64
	image, text         string // bits of float16
}

type spot struct{ segment, row int }

func bits(v []float32) string {
	if v == nil {
		return "none"
	}
	out := ""
	for _, x := range v {
		out += fmt.Sprintf("%04x", half.ToFloat16(x))
	}
	return out
}

// wanted adds the live rows of a folder to what the database may have.
func wanted(t *testing.T, ix *search.Folder, to map[spot]kept) {
	t.Helper()
	for _, g := range ix.Segments() {
		for r, err := range ix.SegmentRecords(t.Context(), g.Number) {
			if err != nil {
				t.Fatal(err)
			}
			to[spot{g.Number, r.Row}] = kept{r.Path, r.Caption, r.Hash, r.Size, r.MTime, bits(r.Image), bits(r.Text)}
		}
	}
}

// state reads the segments and the rows of the database.
func state(t *testing.T, to string) (segments []search.Segment, rows map[spot]kept) {
	t.Helper()
	rows = map[spot]kept{}
	pool, err := connect(t.Context(), to)
	if err != nil {
		t.Fatal(err)
	}
	defer pool.Close()
	c, ok, err := readCollection(t.Context(), pool, "c")
	if err != nil {
		t.Fatal(err)
	}
	if !ok {
		return nil, rows
	}
	if segments, err = listSegments(t.Context(), pool, c.id); err != nil {
		t.Fatal(err)
	}
	all, err := pool.Query(t.Context(), "select segment, row, path, caption, hash, size, mtime, image, text from "+items(c.id))
	if err != nil {
		t.Fatal(err)
	}
	var at spot
	var k kept
	var mtime time.Time
	var image, text *pgvector.HalfVector
	_, err = pgx.ForEachRow(all, []any{&at.segment, &at.row, &k.path, &k.caption, &k.hash, &k.size, &mtime, &image, &text}, func() error {
		k.mtime, k.image, k.text = mtime.UnixNano(), "none", "none"
		if image != nil {
			k.image = bits(image.Slice())
		}
		if text != nil {
			k.text = bits(text.Slice())
		}
		rows[at] = k
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return segments, rows
}

// whole checks that a database has exactly the rows that its segments say, each as some state of the folder had it.
func whole(t *testing.T, to string, known map[spot]kept) {
	t.Helper()
	segments, rows := state(t, to)
	for at, k := range rows {
		if known[at] != k {
			t.Errorf("%v is %+v, want %+v", at, k, known[at])
		}
	}
	n := 0
	for _, g := range segments {
		dead := map[int]bool{}
		for _, row := range g.Dead {
			dead[row] = true
		}
		for row := range g.Rows {
			if _, ok := rows[spot{g.Number, row}]; ok == dead[row] {
				t.Errorf("segment %d: row %d is there: %v, and dead: %v", g.Number, row, ok, dead[row])
			} else if ok {
				n++
			}
		}
	}
	if n != len(rows) {
		t.Errorf("%d rows, of which the segments have %d", len(rows), n)
	}
}

// TestKillsInsideOfWritesTearNothing ends syncs at random bytes of their transactions, those of BEGIN and COMMIT included, by cutting the
// connections and by killing the server. After each kill the database has whole segments, and after the next sync that ends it is the
// folder, row by row and bit by bit. The folder changes in between, so that rows are added, removed and whole segments dropped.
// With CLIPGO_SOAK=1 there are 100 kills for each server.
func TestKillsInsideOfWritesTearNothing(t *testing.T) {
	pgtest.Each(t, func(t *testing.T, s *pgtest.Server) {
		goal := 3
		if os.Getenv("CLIPGO_SOAK") != "" {
			goal = 100
		}
		r := rand.New(rand.NewPCG(17, 3))
		k := &killing{server: s, dir: t.TempDir(), random: r, known: map[spot]kept{}}
		k.wire, k.url = newWire(t, s.URL)
		for k.kills < goal {
			ix := k.change(t)
			for k.attempt(t, ix, goal) {
				whole(t, s.URL, k.known)
			}
			segments, rows := state(t, s.URL)
			want := map[spot]kept{}
			wanted(t, ix, want)
			if !reflect.DeepEqual(segments, tidy(ix.Segments())) || !reflect.DeepEqual(rows, want) {
				t.Fatalf("after %d kills the database has %d segments and %d rows, and they are not the %d and %d of the folder", k.kills,
					len(segments), len(rows), len(ix.Segments()), len(want))
			}
		}
		t.Logf("%d kills inside of transactions, %d of them of the server; %d syncs that ended", k.kills, k.killedServer, k.ended)
	})
}

// tidy makes segments as the database gives them: without dead rows the list is empty, not nil.
func tidy(list []search.Segment) []search.Segment {
	for i := range list {
		list[i].Dead = orEmpty(list[i].Dead)
	}
	return list
}

type killing struct {
	server *pgtest.Server
	wire   *wire
	url    string
	dir    string
	random *rand.Rand
	known  map[spot]kept
	next   int // number of the next path
	live   []string
	bytes  int // of the transactions of the first sync, which is not killed

	kills, killedServer, ended int
}

// change adds to the folder and removes from it, at times a whole segment.
func (k *killing) change(t *testing.T) *search.Folder {
	t.Helper()
	ix := change(t, k.dir, func(w *search.Writer) {
		for range k.random.IntN(1 + len(k.live)/3) {
			i := k.random.IntN(len(k.live))
			w.Remove(k.live[i])
			k.live = append(k.live[:i], k.live[i+1:]...)
		}
		more := names(k.next, k.next+30+k.random.IntN(60))
		k.next += len(more)
		k.live = append(k.live, more...)
		add(t, w, more...)
	})
	wanted(t, ix, k.known)
	return ix
}

// attempt syncs, and reports whether it was killed. Only enough kills are tried.
func (k *killing) attempt(t *testing.T, ix *search.Folder, goal int) (killed bool) {
	t.Helper()
	at, server := 0, false
	if k.kills < goal && k.bytes > 0 {
		at, server = 1+k.random.IntN(k.bytes), k.kills%4 == 2
	}
	k.wire.arm(at, func() {
		if server {
			k.server.Kill(t)
		}
		k.wire.cut()
	})
	_, err := k.sync(t, ix)
	sent, hit := k.wire.state()
	if !hit {
		if err != nil {
			t.Fatal(err)
		}
		if k.ended++; k.bytes == 0 {
			k.bytes = sent
		}
		return false
	}
	k.wire.arm(0, nil)
	if k.kills++; server {
		k.killedServer++
		k.server.Start(t)
	}
	if err == nil { // the last COMMIT had arrived
		t.Logf("a kill at byte %d of %d came after the last answer", at, k.bytes)
	}
	return true
}

// sync waits until the server has seen that the connections of a killed sync are gone.
func (k *killing) sync(t *testing.T, ix *search.Folder) (did Synced, err error) {
	ctx, stop := context.WithTimeout(t.Context(), time.Minute)
	defer stop()
	for {
		did, err = Sync(ctx, ix, k.url, Options{Name: "c"})
		if !errors.Is(err, durable.ErrLocked) || ctx.Err() != nil {
			return did, err
		}
		select {
		case <-ctx.Done():
		case <-time.After(5 * time.Millisecond):
		}
	}
}
