package store

import (
	"container/list"
	"context"
	"errors"
	"io"
	"sync"
)

const (
	blockSize   = 1 << 20 // bytes of a block; the last one of an object may have fewer
	heldBlocks  = 64      // blocks in memory
	spanBlocks  = 4       // blocks of one transfer
	aheadBlocks = 8       // maximum number of blocks that are transferred ahead of a sequential reader
	window      = 16      // blocks of a read that are requested at a time
)

// version is an object as a map's key.
type version struct{ name, version string }

type blockKey struct {
	version
	index int64
}

// block is a part of an object that is in memory or on its way.
type block struct {
	done chan struct{} // closed when data or err is set
	data []byte
	err  error
}

// blocks keeps the blocks that were read last. A read of a few bytes far from the last one is passed through as it is; reads that follow
// each other get blocks, and the next ones are transferred meanwhile.
type blocks struct {
	far     *far
	ctx     context.Context // of the transfers, which may serve several readers
	cancel  context.CancelFunc
	running sync.WaitGroup

	mu      sync.Mutex
	closed  bool
	held    map[blockKey]*list.Element // of heldBlock
	recent  *list.List                 // the most recently used one is the last
	objects map[version]int            // number of blocks in held
	readers map[version]*pattern
}

type heldBlock struct {
	key blockKey
	*block
}

// pattern is how an object was read last.
type pattern struct {
	end    int64 // of the last read
	streak int   // reads near the one before
}

const (
	sequentialStreak = 2
	maxReaders       = 4096
)

var errClosed = errors.New("the store is closed")

func newBlocks(f *far) *blocks {
	b := &blocks{far: f, held: map[blockKey]*list.Element{}, recent: list.New(), objects: map[version]int{},
		readers: map[version]*pattern{}}
	b.ctx, b.cancel = context.WithCancel(context.Background())
	return b
}

func (b *blocks) close() {
	b.mu.Lock()
	b.closed = true
	b.mu.Unlock()
	b.cancel()
	b.running.Wait()
}

// readAt reads len(p) bytes that the object has.
func (b *blocks) readAt(ctx context.Context, from origin, o Object, p []byte, at int64) (int, error) {
	streak := b.note(o, at, int64(len(p)))
	sequential := streak >= sequentialStreak
	if !b.far.cached(o) && (!sequential || len(p) > window*blockSize) && !b.holds(o, at, int64(len(p))) {
		return b.direct(ctx, from, o, p, at)
	}
	n := 0
	for n < len(p) {
		m, err := b.readWindow(ctx, from, o, p[n:min(len(p), n+window*blockSize)], at+int64(n), streak/sequentialStreak)
		if n += m; err != nil {
			return n, err
		}
	}
	return n, nil
}

// direct reads without blocks. It returns soon after the store is closed, as the transfers of blocks do.
func (b *blocks) direct(ctx context.Context, from origin, o Object, p []byte, at int64) (int, error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	defer context.AfterFunc(b.ctx, func() { cancel(errClosed) })()
	return b.far.fill(ctx, from, o, p, at)
}

// note records a read and returns how many reads in a row were near the one before. Several goroutines that share the work count as one
// reader.
func (b *blocks) note(o Object, at, n int64) int {
	b.mu.Lock()
	defer b.mu.Unlock()
	key := version{o.Name, o.Version}
	r := b.readers[key]
	switch {
	case r == nil:
		if len(b.readers) >= maxReaders {
			clear(b.readers)
		}
		r = &pattern{}
		b.readers[key] = r
	case at >= r.end-2*blockSize && at <= r.end+blockSize:
		r.streak++
	default:
		r.streak = 0
	}
	r.end = at + n
	return r.streak
}

// holds reports whether all blocks of a range are in memory or on their way.
func (b *blocks) holds(o Object, at, n int64) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	for i := at / blockSize; i*blockSize < at+n; i++ {
		if b.held[blockKey{version{o.Name, o.Version}, i}] == nil {
			return false
		}
	}
	return true
}

// readWindow reads from blocks of memory, of the disk, or of the origin, in this order. It also requests up to
// ahead of the next blocks.
func (b *blocks) readWindow(ctx context.Context, from origin, o Object, p []byte, at int64, ahead int) (int, error) {
	first, end := at/blockSize, (at+int64(len(p))-1)/blockSize+1
	found := b.request(from, o, first, end, p, at)
	if ahead > 0 {
		b.request(from, o, end, min(end+min(int64(ahead), b.ahead()), (o.Size+blockSize-1)/blockSize), nil, 0)
	}
	n := 0
	for i, wanted := range found {
		dst, skip := part(p, at, first+int64(i))
		if wanted == nil { // it was on the disk
			n += len(dst)
			continue
		}
		select {
		case <-wanted.done:
		case <-ctx.Done():
			return n, ctx.Err()
		}
		if wanted.err != nil {
			return n, wanted.err
		}
		n += copy(dst, wanted.data[skip:])
	}
	return n, nil
}

// ahead is how many blocks may be requested before they are needed: fewer if many objects are read at once, so that none is dropped unused.
func (b *blocks) ahead() int64 {
	b.mu.Lock()
	defer b.mu.Unlock()
	return int64(min(aheadBlocks, max(1, heldBlocks/2/max(1, len(b.objects)))))
}

// part is the part of p, which begins at an offset, that is in a block, and where it begins in the block.
func part(p []byte, at, index int64) (dst []byte, skip int64) {
	begin := index * blockSize
	from, to := max(at, begin), min(at+int64(len(p)), begin+blockSize)
	return p[from-at : to-at], from - begin
}

// request returns the blocks [first, end), which are in memory or will be. Blocks that are on the disk alone are read into p at once,
// and are nil; without p they are left where they are.
func (b *blocks) request(from origin, o Object, first, end int64, p []byte, at int64) []*block {
	out := make([]*block, max(0, end-first))
	disk := b.far.cached(o)
	var missing []int64
	b.mu.Lock()
	for i := range out {
		if e := b.held[blockKey{version{o.Name, o.Version}, first + int64(i)}]; e != nil {
			b.recent.MoveToBack(e)
			out[i] = e.Value.(heldBlock).block
		} else {
			missing = append(missing, first+int64(i))
		}
	}
	b.mu.Unlock()
	if disk {
		missing = b.far.disk.readParts(o, missing, p, at)
	}
	if len(missing) == 0 {
		return out
	}
	for _, run := range b.start(o, missing, out, first) {
		b.running.Go(func() { b.load(from, o, run) })
	}
	return out
}

// run is a number of blocks in a row that one transfer brings.
type run struct {
	first  int64
	blocks []*block
}

// start puts blocks into memory that are on their way, unless somebody else did. The runs are to be loaded.
func (b *blocks) start(o Object, missing []int64, out []*block, first int64) (runs []run) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, i := range missing {
		key := blockKey{version{o.Name, o.Version}, i}
		if e := b.held[key]; e != nil {
			out[i-first] = e.Value.(heldBlock).block
			continue
		}
		one := &block{done: make(chan struct{})}
		out[i-first] = one
		if b.closed {
			one.err = readError(o, i*blockSize, errClosed)
			close(one.done)
			continue
		}
		b.held[key] = b.recent.PushBack(heldBlock{key, one})
		b.objects[key.version]++
		if n := len(runs); n > 0 && runs[n-1].first+int64(len(runs[n-1].blocks)) == i && len(runs[n-1].blocks) < spanBlocks {
			runs[n-1].blocks = append(runs[n-1].blocks, one)
		} else {
			runs = append(runs, run{i, []*block{one}})
		}
	}
	for b.recent.Len() > heldBlocks { // those who wait for a block keep it
		b.drop(b.recent.Front())
	}
	return runs
}

// load transfers a run. Its readers get what came, or the error.
func (b *blocks) load(from origin, o Object, r run) {
	at := r.first * blockSize
	data := make([]byte, min(int64(len(r.blocks))*blockSize, o.Size-at))
	n, err := b.far.fill(b.ctx, from, o, data, at)
	for i, one := range r.blocks {
		begin := i * blockSize
		end := min(begin+blockSize, len(data))
		if n >= end {
			one.data = data[begin:end:end]
		} else {
			one.err = err
			b.forget(blockKey{version{o.Name, o.Version}, r.first + int64(i)}, one)
		}
		close(one.done)
		if one.err == nil && b.far.cached(o) {
			b.far.disk.put(o, r.first+int64(i), one.data)
		}
	}
}

// forget removes a block that failed, so that the next reader tries again.
func (b *blocks) forget(key blockKey, failed *block) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if e := b.held[key]; e != nil && e.Value.(heldBlock).block == failed {
		b.drop(e)
	}
}

// drop removes a block from memory. The blocks are locked.
func (b *blocks) drop(e *list.Element) {
	key := e.Value.(heldBlock).key
	delete(b.held, key)
	b.recent.Remove(e)
	if b.objects[key.version]--; b.objects[key.version] == 0 {
		delete(b.objects, key.version)
	}
}

// blockStream is an object from an offset to its end, from blocks that are transferred ahead.
type blockStream struct {
	ctx    context.Context
	blocks *blocks
	from   origin
	object Object
	at     int64
}

func (s *blockStream) Read(p []byte) (int, error) {
	rest := s.object.Size - s.at
	if rest <= 0 {
		return 0, io.EOF
	}
	n, err := s.blocks.readWindow(s.ctx, s.from, s.object, p[:min(int64(len(p)), rest, window*blockSize)], s.at, aheadBlocks)
	s.at += int64(n)
	return n, err
}

func (s *blockStream) Close() error { return nil }
