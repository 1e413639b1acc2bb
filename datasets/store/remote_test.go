package store

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"clipgo/internal/bounded"
	"clipgo/internal/remote/remotetest"
)

// content has bytes that don't repeat.
func content(n int) []byte {
	b := make([]byte, n)
	random := rand.NewChaCha8([32]byte{byte(n)})
	_, _ = random.Read(b)
	return b
}

// fileServer serves files of a folder, with faults.
type fileServer struct {
	*httptest.Server
	*remotetest.Faults
	dir string
}

func serveFiles(t testing.TB, files map[string][]byte) *fileServer {
	t.Helper()
	s := &fileServer{dir: t.TempDir()}
	for name, data := range files {
		write(t, filepath.Join(s.dir, name), string(data))
	}
	s.Faults = &remotetest.Faults{Next: http.FileServer(http.Dir(s.dir))}
	s.Server = httptest.NewServer(s.Faults)
	t.Cleanup(s.Close)
	return s
}

// patient is a store that doesn't wait between attempts.
func patient(t testing.TB, o Options) *Store {
	t.Helper()
	o.Pause = func(ctx context.Context, _ time.Duration) error { return ctx.Err() }
	s := New(o)
	t.Cleanup(func() { _ = s.Close() })
	return s
}

func find(t testing.TB, s *Store, name string) Object {
	t.Helper()
	found, err := s.Find(t.Context(), name)
	if err != nil || len(found) != 1 {
		t.Fatalf("%s: %d objects, %v", name, len(found), err)
	}
	return found[0]
}

// reads compares streams and random reads of an object with its content.
func reads(t testing.TB, s *Store, o Object, want []byte, seed uint64) {
	t.Helper()
	got, err := s.ReadAll(t.Context(), o, bounded.Any)
	if err != nil || !bytes.Equal(got, want) {
		t.Errorf("%s: %d bytes of %d, %v", o.Name, len(got), len(want), err)
		return
	}
	if o.Sequential {
		return
	}
	random := rand.New(rand.NewPCG(seed, 0))
	for range 20 {
		at := random.IntN(len(want))
		p := make([]byte, random.IntN(min(len(want)-at, 100_000))+1)
		n, err := s.ReadAt(t.Context(), o, p, int64(at))
		if rest := want[at:min(at+len(p), len(want))]; n != len(rest) || !bytes.Equal(p[:n], rest) || err != nil && n == len(p) {
			t.Errorf("%s at %d: %d bytes of %d, %v", o.Name, at, n, len(rest), err)
			return
		}
	}
}

func TestHTTPObjectsAreReadAsLocalOnes(t *testing.T) {
	want := content(3<<20 + 17)
	server := serveFiles(t, map[string][]byte{"a.tar": want, "b 1.tar": want[:100], "empty.tar": nil})
	s := patient(t, Options{})
	o := find(t, s, server.URL+"/a.tar")
	if o.Size != int64(len(want)) || o.Version == "" || o.ModTime.IsZero() || o.Sequential {
		t.Errorf("%+v", o)
	}
	reads(t, s, o, want, 1)
	found, err := s.Find(t.Context(), server.URL+"/{a,b%201,empty}.tar")
	if err != nil || len(found) != 3 || found[1].Size != 100 || found[2].Size != 0 {
		t.Fatalf("%v, %v", found, err)
	}
	if data, err := s.ReadAll(t.Context(), found[2], bounded.Any); err != nil || len(data) > 0 {
		t.Errorf("empty: %d, %v", len(data), err)
	}
	stream, err := s.Stream(t.Context(), o, 3<<20)
	if err != nil {
		t.Fatal(err)
	}
	if rest, err := io.ReadAll(stream); err != nil || !bytes.Equal(rest, want[3<<20:]) {
		t.Errorf("the rest: %d bytes, %v", len(rest), err)
	}
	if n, err := s.ReadAt(t.Context(), o, make([]byte, 10), int64(len(want))-3); n != 3 || err != io.EOF {
		t.Errorf("behind the end: %d, %v", n, err)
	}
}

// A thousand faults of all kinds don't change a byte.
func TestFaultsDontChangeTheBytes(t *testing.T) {
	files := map[string][]byte{}
	for i := range 8 {
		files[fmt.Sprintf("%d.tar", i)] = content(30_000 + i)
	}
	elsewhere, server := serveFiles(t, files), serveFiles(t, files)
	same := time.Now().Truncate(time.Second)
	for name := range files {
		for _, dir := range []string{server.dir, elsewhere.dir} {
			if err := os.Chtimes(filepath.Join(dir, name), same, same); err != nil {
				t.Fatal(err)
			}
		}
	}
	s := patient(t, Options{})
	found, err := s.Find(t.Context(), server.URL+"/{0..7}.tar")
	if err != nil {
		t.Fatal(err)
	}
	const faults = 1000
	server.Choose = remotetest.Random(7, 0.6, faults, remotetest.Status(500, ""), remotetest.Status(503, "1"), remotetest.Status(429, ""),
		remotetest.Status(403, ""), remotetest.NoAnswer, remotetest.Reset, remotetest.Slow, remotetest.Short, remotetest.Whole,
		remotetest.Stale, remotetest.OtherPart, remotetest.LoginPage, remotetest.Redirect(elsewhere.URL), remotetest.Status(404, ""))
	var running sync.WaitGroup
	for i, o := range found { // one reader for each, since a request has at most two faults in a row
		running.Go(func() {
			for seed := uint64(0); server.Made() < faults && !t.Failed(); seed++ {
				reads(t, s, o, files[fmt.Sprintf("%d.tar", i)], seed)
			}
		})
	}
	running.Wait()
	if n := s.Stats().Retries; n < faults/2 {
		t.Errorf("only %d retries", n)
	}
}

func TestATransferThatStallsIsResumed(t *testing.T) {
	want := content(1 << 20)
	server := serveFiles(t, map[string][]byte{"a.tar": want})
	s := patient(t, Options{})
	o := find(t, s, server.URL+"/a.tar")
	s.far.client.Stall = 300 * time.Millisecond
	last := ""
	for try := 0; try < 20 && last != "GET /a.tar bytes=524288-"; try++ { // on a busy machine the first half may be late, too
		server.Choose = remotetest.First(1, remotetest.Stall)
		got, err := s.ReadAll(t.Context(), o, bounded.Any)
		if err != nil || !bytes.Equal(got, want) {
			t.Fatalf("%d bytes, %v", len(got), err)
		}
		seen := server.Seen()
		last = seen[len(seen)-1]
	}
	if last != "GET /a.tar bytes=524288-" {
		t.Errorf("it went on with %q", last)
	}
}

func TestAnObjectThatChangesIsAnErrorWithItsName(t *testing.T) {
	server := serveFiles(t, map[string][]byte{"a.tar": content(3000)})
	s := patient(t, Options{})
	o := find(t, s, server.URL+"/a.tar")
	path := write(t, filepath.Join(server.dir, "a.tar"), string(content(3000)))
	if err := os.Chtimes(path, time.Time{}, time.Now().Add(time.Hour)); err != nil {
		t.Fatal(err)
	}
	_, readErr := s.ReadAt(t.Context(), o, make([]byte, 10), 100)
	_, streamErr := s.ReadAll(t.Context(), o, bounded.Any)
	for _, err := range []error{readErr, streamErr} {
		var changed *ChangedError
		if !errors.As(err, &changed) || err.Error() != changed.Error() || !strings.HasPrefix(err.Error(), server.URL+"/a.tar has changed") {
			t.Errorf("%v", err)
		}
	}
}

// onlyWhole is a server that knows no ranges.
func onlyWhole(data []byte, length bool) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if length {
			w.Header().Set("Content-Length", "1048576")
		}
		if r.Method != http.MethodHead {
			_, _ = w.Write(data)
		}
	})
}

func TestAServerWithoutRangesIsReadFromTheBeginning(t *testing.T) {
	want := content(1 << 20)
	for _, length := range []bool{true, false} {
		faults := &remotetest.Faults{Next: onlyWhole(want, length)}
		server := httptest.NewServer(faults)
		defer server.Close()
		s := patient(t, Options{Cache: t.TempDir()})
		o := find(t, s, server.URL+"/a.tar")
		if size := map[bool]int64{true: 1 << 20, false: -1}[length]; !o.Sequential || o.Size != size {
			t.Fatalf("%+v", o)
		}
		if _, err := s.ReadAt(t.Context(), o, make([]byte, 1), 5); err == nil {
			t.Error("it is read at an offset")
		}
		faults.Choose = remotetest.First(2, remotetest.Reset)
		got, err := s.ReadAll(t.Context(), o, bounded.Any)
		if err != nil || !bytes.Equal(got, want) {
			t.Errorf("length %v: %d bytes, %v", length, len(got), err)
		}
	}
}

// What was read before a break has to be the same afterwards, even without an ETag.
func TestOtherContentAfterABreakIsNoticed(t *testing.T) {
	var times atomic.Int64
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		data := content(1 << 20)
		if r.Method == http.MethodGet && times.Add(1) > 2 { // the first one asks for the size
			data[0] ^= 1
			_, _ = w.Write(data)
			return
		}
		_, _ = w.Write(data[:1<<19])
		w.(http.Flusher).Flush()
		panic(http.ErrAbortHandler)
	}))
	defer server.Close()
	s := patient(t, Options{})
	o := find(t, s, server.URL+"/a.tar")
	_, err := s.ReadAll(t.Context(), o, bounded.Any)
	var changed *ChangedError
	if !errors.As(err, &changed) {
		t.Errorf("%v", err)
	}
}

func TestManyReadersShareTheTransfers(t *testing.T) {
	want := content(8 << 20)
	server := serveFiles(t, map[string][]byte{"a.tar": want})
	s := patient(t, Options{})
	o := find(t, s, server.URL+"/a.tar")
	var running sync.WaitGroup
	var next atomic.Int64
	for range 4 {
		running.Go(func() {
			for {
				at := next.Add(1000) - 1000
				if at >= int64(len(want)) {
					return
				}
				p := make([]byte, min(1000, int64(len(want))-at))
				if n, err := s.ReadAt(t.Context(), o, p, at); err != nil || !bytes.Equal(p[:n], want[at:at+int64(n)]) {
					t.Errorf("at %d: %d, %v", at, n, err)
					return
				}
			}
		})
	}
	running.Wait()
	if n := len(server.Seen()); n > 20 {
		t.Errorf("%d requests for 8 MB in order", n)
	}
	if n := s.Stats().Bytes; n > int64(len(want))+100_000 {
		t.Errorf("%d bytes were transferred", n)
	}
}

func TestCancelledAndClosedReadsReturn(t *testing.T) {
	server := serveFiles(t, map[string][]byte{"a.tar": content(1 << 20)})
	s := patient(t, Options{})
	o := find(t, s, server.URL+"/a.tar")
	server.Choose = remotetest.First(1000, remotetest.Stall)
	ctx, cancel := context.WithCancel(t.Context())
	time.AfterFunc(20*time.Millisecond, cancel)
	if _, err := s.ReadAt(ctx, o, make([]byte, 10), 5); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
	time.AfterFunc(20*time.Millisecond, func() { _ = s.Close() })
	if _, err := s.ReadAt(t.Context(), o, make([]byte, 10), 900_000); err == nil {
		t.Error("the store was closed")
	}
}

// Reads in order go through blocks, which faults, other readers and the cache don't change either.
func TestFaultsDontChangeTheBlocks(t *testing.T) {
	want := content(3<<20 + 1000)
	server := serveFiles(t, map[string][]byte{"a.tar": want})
	for _, cache := range []string{"", t.TempDir()} {
		s := patient(t, Options{Cache: cache})
		server.Choose = nil
		o := find(t, s, server.URL+"/a.tar")
		server.Choose = remotetest.Random(5, 0.5, 50, remotetest.Status(503, ""), remotetest.Reset, remotetest.Short, remotetest.NoAnswer,
			remotetest.Stale, remotetest.OtherPart)
		got := make([]byte, len(want))
		for at := 0; at < len(want); at += 50_000 {
			if _, err := s.ReadAt(t.Context(), o, got[at:min(at+50_000, len(want))], int64(at)); err != nil {
				t.Fatal(err)
			}
		}
		if !bytes.Equal(got, want) {
			t.Error("other bytes came")
		}
		reads(t, s, o, want, 2)
	}
}

// Many objects that are read in order at the same time don't drop each other's blocks.
func TestObjectsThatAreReadAtOnceAreTransferredOnce(t *testing.T) {
	files := map[string][]byte{}
	for i := range 16 {
		files[fmt.Sprintf("%02d.tar", i)] = content(6<<20 + i)
	}
	server := serveFiles(t, files)
	s := patient(t, Options{})
	found, err := s.Find(t.Context(), server.URL+"/{00..15}.tar")
	if err != nil {
		t.Fatal(err)
	}
	p := make([]byte, 100_000)
	for at := int64(0); at < 6<<20; at += int64(len(p)) {
		for _, o := range found {
			n, err := s.ReadAt(t.Context(), o, p, at)
			if err != nil && err != io.EOF || !bytes.Equal(p[:n], files[filepath.Base(o.Name)][at:at+int64(n)]) {
				t.Fatalf("%s at %d: %v", o.Name, at, err)
			}
		}
	}
	if n, all := s.Stats().Bytes, int64(16*6<<20); n > all+all/10 {
		t.Errorf("%d bytes were transferred for %d", n, all)
	}
}

func TestWhatWasRequestedAheadIsThere(t *testing.T) {
	server := serveFiles(t, map[string][]byte{"a.tar": content(3 << 20)})
	s := patient(t, Options{})
	o := find(t, s, server.URL+"/a.tar")
	before := len(server.Seen())
	s.Ahead(o, 1<<20, 2<<20)
	s.Ahead(o, 1<<20, 1000)
	s.Ahead(o, 3<<20, 1000)
	s.Ahead(Object{Name: server.dir + "/a.tar", Size: 10}, 0, 10)
	p := make([]byte, 1000)
	if _, err := s.ReadAt(t.Context(), o, p, 2<<20); err != nil || !bytes.Equal(p, content(3 << 20)[2<<20:2<<20+1000]) {
		t.Error(err)
	}
	if n := len(server.Seen()) - before; n != 1 {
		t.Errorf("%d requests", n)
	}
}

// A connection serves many reads.
func TestConnectionsAreUsedAgain(t *testing.T) {
	server := serveFiles(t, map[string][]byte{"a.tar": content(1 << 20)})
	clients := map[string]bool{}
	server.Choose = func(r *http.Request) remotetest.Fault {
		clients[r.RemoteAddr] = true
		return nil
	}
	s := patient(t, Options{})
	reads(t, s, find(t, s, server.URL+"/a.tar"), content(1<<20), 1)
	if len(clients) > 2 {
		t.Errorf("%d connections", len(clients))
	}
}

func BenchmarkRandomReads(b *testing.B) {
	want := content(64 << 20)
	server := serveFiles(b, map[string][]byte{"a.tar": want})
	for name, c := range map[string]struct{ name, cache string }{
		"file":   {server.dir + "/a.tar", ""},
		"http":   {server.URL + "/a.tar", ""},
		"cached": {server.URL + "/a.tar", b.TempDir()},
	} {
		b.Run(name, func(b *testing.B) {
			s := New(Options{Cache: c.cache})
			defer s.Close()
			o := find(b, s, c.name)
			if c.cache != "" {
				if _, err := s.ReadAll(b.Context(), o, bounded.Any); err != nil {
					b.Fatal(err)
				}
			}
			random := rand.New(rand.NewPCG(1, 1))
			p := make([]byte, 60_000)
			b.SetBytes(int64(len(p)))
			for b.Loop() {
				if _, err := s.ReadAt(b.Context(), o, p, random.Int64N(o.Size-int64(len(p)))); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// A block that couldn't be read is asked for again by the next reader.
func TestABlockThatFailedIsReadAgain(t *testing.T) {
	server := serveFiles(t, map[string][]byte{"a.tar": content(3 << 20)})
	s := patient(t, Options{Cache: t.TempDir()})
	o := find(t, s, server.URL+"/a.tar")
	server.Choose = func(*http.Request) remotetest.Fault { return remotetest.Status(503, "") }
	p := make([]byte, 100)
	if _, err := s.ReadAt(t.Context(), o, p, 50); err == nil || !strings.Contains(err.Error(), "503") {
		t.Fatalf("%v", err)
	}
	server.Choose = nil
	if _, err := s.ReadAt(t.Context(), o, p, 50); err != nil || !bytes.Equal(p, content(3 << 20)[50:150]) {
		t.Errorf("%v", err)
	}
}
