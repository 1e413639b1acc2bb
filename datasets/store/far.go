package store

import (
	"context"
	"io"
	"sync"
	"sync/atomic"
	"time"

	"clipgo/internal/fault"
	"clipgo/internal/remote"
)

// origin reads the objects of one scheme from where they are.
type origin interface {
	// find and list are those of a backend.
	find(ctx context.Context, name string) ([]Object, error)
	list(ctx context.Context, folder string) ([]Object, error)
	// open makes one attempt to read the bytes [from, to) of an object; to < 0: up to its end. The body may have fewer. A failure after
	// which a retry may succeed is a *remote.AwayError.
	open(ctx context.Context, o Object, from, to int64) (io.ReadCloser, error)
}

const (
	readAttempts       = 8 // in a row without progress, about two minutes
	fickleAttempts     = 3 // for answers that say that there is nothing to read, which some servers give once in a while
	defaultConcurrency = 16
)

// Stats count what a store has done with objects that are not files of this machine.
type Stats struct {
	Requests  int64 `json:"requests"`   // to read a part of an object
	Bytes     int64 `json:"bytes"`      // that were transferred
	Retries   int64 `json:"retries"`    // pauses after a temporary failure
	CacheHits int64 `json:"cache_hits"` // blocks that were in the directory of the cache
	Damaged   int64 `json:"damaged"`    // blocks of the cache that were damaged and transferred again
}

// far is what the schemes of other machines share.
type far struct {
	options Options
	client  *remote.Client
	blocks  *blocks
	disk    *diskCache // nil: there is none
	slots   chan struct{}

	requests, bytes, retries, hits, damaged atomic.Int64

	mu      sync.Mutex
	origins map[string]origin // by scheme
}

func newFar(o Options) *far {
	if o.Concurrency <= 0 {
		o.Concurrency = defaultConcurrency
	}
	f := &far{options: o, client: remote.NewClient(), slots: make(chan struct{}, o.Concurrency), origins: map[string]origin{}}
	f.blocks = newBlocks(f)
	if o.Cache != "" {
		f.disk = newDiskCache(f, o.Cache, o.CacheSize)
	}
	return f
}

func (f *far) close() {
	f.blocks.close()
	f.client.Close()
}

// Stats are the counts so far.
func (s *Store) Stats() Stats {
	f := s.far
	return Stats{f.requests.Load(), f.bytes.Load(), f.retries.Load(), f.hits.Load(), f.damaged.Load()}
}

// origin is the one for a name's scheme, made when it is first needed.
func (f *far) origin(name string) (origin, error) {
	scheme := schemeOf(name)
	f.mu.Lock()
	defer f.mu.Unlock()
	if o, ok := f.origins[scheme]; ok {
		return o, nil
	}
	var o origin
	var err error
	switch scheme {
	case "s3://":
		o, err = newS3(f)
	case "hf-hub:datasets/":
		o = newHub(f)
	case "pipe:":
		o = pipes{f}
	default:
		o = &web{far: f}
	}
	if err == nil {
		f.origins[scheme] = o
	}
	return o, err
}

// retry repeats an attempt on an object; empty name: the caller names it.
func (f *far) retry(name, shown string, attempts int) remote.Retry {
	return remote.Retry{Name: name, Attempts: attempts, Pause: f.options.Pause, Warn: func(err error, pause time.Duration) {
		f.retries.Add(1)
		f.warn("reading failed, retrying", "object", shown, "error", err, "after", pause)
	}}
}

func (f *far) warn(message string, args ...any) {
	if f.options.Log != nil {
		f.options.Log.Warn(message, args...)
	}
}

// slot waits for permission to transfer. The caller calls the returned function after it.
func (f *far) slot(ctx context.Context) (release func(), err error) {
	select {
	case f.slots <- struct{}{}:
		return func() { <-f.slots }, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// remoteBackend reads from an origin, with retries, blocks and the cache.
type remoteBackend struct {
	far  *far
	from origin
}

func (b *remoteBackend) find(ctx context.Context, name string) ([]Object, error) {
	return b.from.find(ctx, name)
}

func (b *remoteBackend) list(ctx context.Context, folder string) ([]Object, error) {
	return b.from.list(ctx, folder)
}

func (b *remoteBackend) readAt(ctx context.Context, o Object, p []byte, at int64) (int, error) {
	switch {
	case o.Sequential || o.Size < 0:
		return 0, fault.Usagef("%s can only be read from its beginning to its end", o.Name)
	case at < 0:
		return 0, fault.Dataf("%s has no byte %d", o.Name, at)
	case len(p) == 0:
		return 0, nil
	case at >= o.Size:
		return 0, io.EOF
	}
	if rest := o.Size - at; int64(len(p)) > rest {
		n, err := b.far.blocks.readAt(ctx, b.from, o, p[:rest], at)
		if err == nil {
			err = io.EOF
		}
		return n, err
	}
	return b.far.blocks.readAt(ctx, b.from, o, p, at)
}

func (b *remoteBackend) stream(ctx context.Context, o Object, at int64) (io.ReadCloser, error) {
	if o.Sequential && at != 0 {
		return nil, fault.Usagef("%s can only be read from its beginning to its end", o.Name)
	}
	if p, ok := b.from.(pipes); ok {
		return p.open(ctx, o, 0, -1)
	}
	if b.far.cached(o) {
		return &blockStream{ctx: ctx, blocks: b.far.blocks, from: b.from, object: o, at: at}, nil
	}
	return newStream(ctx, b.far, b.from, o, at)
}

// Ahead begins to transfer what will be read of an object soon, such as the beginning of the next shard, and returns at once. It does
// nothing for objects that are read from their beginning to their end, and for files of this machine.
func (s *Store) Ahead(o Object, at, n int64) {
	b, err := s.backend(o.Name)
	r, ok := b.(*remoteBackend)
	if n = min(n, o.Size-at); err != nil || !ok || o.Sequential || at < 0 || n <= 0 {
		return
	}
	first := at / blockSize
	end := min((at+n-1)/blockSize+1, first+r.far.blocks.ahead())
	r.far.blocks.request(r.from, o, first, end, nil, 0)
}

// cached reports whether an object is kept on disk: one without a version isn't, since nothing says whether it is still the same.
func (f *far) cached(o Object) bool {
	return f.disk != nil && o.Version != "" && !o.Sequential && o.Size >= 0
}
