// Package remotetest makes a server unreliable, for tests of what reads from it.
package remotetest

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"net/http"
	"strconv"
	"sync"
	"time"
)

// Fault is what a server does wrong with one request. It answers in place of the server, or changes the answer.
type Fault func(w http.ResponseWriter, r *http.Request, next http.Handler)

// Faults is a handler in front of a server's own that makes faults.
type Faults struct {
	Next http.Handler
	// Choose returns the fault of a request; nil: it is answered well. It is called by one goroutine at a time.
	Choose func(r *http.Request) Fault

	mu   sync.Mutex
	made int
	seen []string
}

// ServeHTTP implements http.Handler.
func (f *Faults) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	f.mu.Lock()
	f.seen = append(f.seen, r.Method+" "+r.URL.Path+" "+r.Header.Get("Range"))
	var fault Fault
	if f.Choose != nil {
		fault = f.Choose(r)
	}
	if fault != nil {
		f.made++
	}
	f.mu.Unlock()
	if fault == nil {
		f.Next.ServeHTTP(w, r)
		return
	}
	fault(w, r, f.Next)
}

// Made is the number of faults so far.
func (f *Faults) Made() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.made
}

// Seen lists the requests so far: method, path and range.
func (f *Faults) Seen() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return append([]string(nil), f.seen...)
}

// Random chooses a fault for a share of the requests, at most two in a row for the same one, and most of them in all.
func Random(seed uint64, share float64, most int, faults ...Fault) func(*http.Request) Fault {
	random := rand.New(rand.NewPCG(seed, 0))
	inARow := map[string]int{}
	return func(r *http.Request) Fault {
		key := r.Method + " " + r.URL.Path + " " + r.Header.Get("Range")
		if most <= 0 || inARow[key] >= 2 || random.Float64() >= share {
			delete(inARow, key)
			return nil
		}
		inARow[key]++
		most--
		return faults[random.IntN(len(faults))]
	}
}

// First chooses a fault for the first n requests that read content.
func First(n int, fault Fault) func(*http.Request) Fault {
	return func(r *http.Request) Fault {
		if n <= 0 || r.Method != http.MethodGet {
			return nil
		}
		n--
		return fault
	}
}

// Status answers with a status and a Retry-After header, which may be empty.
func Status(code int, after string) Fault {
	return func(w http.ResponseWriter, _ *http.Request, _ http.Handler) {
		if after != "" {
			w.Header().Set("Retry-After", after)
		}
		w.WriteHeader(code)
	}
}

// Body answers with a status and a body of a type.
func Body(code int, contentType, body string) Fault {
	return func(w http.ResponseWriter, _ *http.Request, _ http.Handler) {
		w.Header().Set("Content-Type", contentType)
		w.WriteHeader(code)
		fmt.Fprint(w, body)
	}
}

// LoginPage answers with HTML and status 200, as a portal does whose session has expired.
func LoginPage(w http.ResponseWriter, r *http.Request, next http.Handler) {
	Body(http.StatusOK, "text/html; charset=utf-8", "<!DOCTYPE html><title>Log in</title>")(w, r, next)
}

// NoAnswer closes the connection.
func NoAnswer(http.ResponseWriter, *http.Request, http.Handler) { panic(http.ErrAbortHandler) }

// Reset closes the connection in the middle of the body.
func Reset(w http.ResponseWriter, r *http.Request, next http.Handler) {
	a := record(r, next)
	a.head(w)
	_, _ = w.Write(a.body.Bytes()[:a.body.Len()/2])
	w.(http.Flusher).Flush()
	panic(http.ErrAbortHandler)
}

// Stall sends half of the body and then nothing, until the client gives up.
func Stall(w http.ResponseWriter, r *http.Request, next http.Handler) {
	a := record(r, next)
	a.head(w)
	_, _ = w.Write(a.body.Bytes()[:a.body.Len()/2])
	w.(http.Flusher).Flush()
	<-r.Context().Done()
	panic(http.ErrAbortHandler)
}

// Slow sends the body in small pieces with pauses.
func Slow(w http.ResponseWriter, r *http.Request, next http.Handler) {
	a := record(r, next)
	a.head(w)
	for piece := range chunks(a.body.Bytes(), 4) {
		_, _ = w.Write(piece)
		w.(http.Flusher).Flush()
		time.Sleep(time.Millisecond)
	}
}

func chunks(b []byte, n int) func(func([]byte) bool) {
	return func(yield func([]byte) bool) {
		for i := range n {
			if !yield(b[i*len(b)/n : (i+1)*len(b)/n]) {
				return
			}
		}
	}
}

// Short announces and sends half of the body, as if that were all of it.
func Short(w http.ResponseWriter, r *http.Request, next http.Handler) {
	a := record(r, next)
	half := a.body.Bytes()[:a.body.Len()/2]
	a.header.Set("Content-Length", strconv.Itoa(len(half)))
	a.head(w)
	_, _ = w.Write(half)
}

// Whole ignores the range of a request.
func Whole(w http.ResponseWriter, r *http.Request, next http.Handler) {
	r = r.Clone(r.Context())
	r.Header.Del("Range")
	r.Header.Del("If-Range")
	next.ServeHTTP(w, r)
}

// Stale answers with another version of the object, of the same length.
func Stale(w http.ResponseWriter, r *http.Request, next http.Handler) {
	a := record(r, next)
	flip(a.body.Bytes())
	a.header.Set("ETag", `"an-old-version"`)
	a.header.Set("Last-Modified", "Mon, 02 Jan 2006 15:04:05 GMT")
	a.head(w)
	_, _ = w.Write(a.body.Bytes())
}

// OtherPart answers with other bytes, and says that they are those of a part that begins one byte later.
func OtherPart(w http.ResponseWriter, r *http.Request, next http.Handler) {
	a := record(r, next)
	var from, to, total int64
	if _, err := fmt.Sscanf(a.header.Get("Content-Range"), "bytes %d-%d/%d", &from, &to, &total); err == nil {
		a.header.Set("Content-Range", fmt.Sprintf("bytes %d-%d/%d", from+1, to+1, total))
		flip(a.body.Bytes())
	}
	a.head(w)
	_, _ = w.Write(a.body.Bytes())
}

// flip makes other bytes.
func flip(b []byte) {
	for i := range b {
		b[i] ^= 0x55
	}
}

// Redirect sends the request to another server with the same content.
func Redirect(base string) Fault {
	return func(w http.ResponseWriter, r *http.Request, _ http.Handler) {
		http.Redirect(w, r, base+r.URL.Path, http.StatusFound)
	}
}

// recorded is an answer that isn't sent yet.
type recorded struct {
	code   int
	header http.Header
	body   bytes.Buffer
}

func record(r *http.Request, next http.Handler) *recorded {
	a := &recorded{code: http.StatusOK, header: http.Header{}}
	next.ServeHTTP(a, r)
	return a
}

// Header implements http.ResponseWriter.
func (a *recorded) Header() http.Header { return a.header }

// WriteHeader implements http.ResponseWriter.
func (a *recorded) WriteHeader(code int) { a.code = code }

func (a *recorded) Write(p []byte) (int, error) { return a.body.Write(p) }

// head sends status and headers.
func (a *recorded) head(w http.ResponseWriter) {
	for name, values := range a.header {
		w.Header()[name] = values
	}
	if a.header.Get("Content-Length") == "" {
		w.Header().Set("Content-Length", strconv.Itoa(a.body.Len()))
	}
	w.WriteHeader(a.code)
}
