package store

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"math"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"clipgo/internal/bounded"
	"clipgo/internal/fault"
	"clipgo/internal/remote"
)

// Options of a store. The zero value reads without a cache.
type Options struct {
	Cache       string       // directory that keeps what was read from elsewhere; empty: nothing is kept
	CacheSize   int64        // maximum number of bytes in Cache; 0: no limit
	Concurrency int          // maximum number of transfers at a time, not counting streams; 0: 16
	Log         *slog.Logger // logs retries and what is wrong with the cache; nil: silent
	// Pause waits between attempts; nil: remote.Sleep. Tests don't wait.
	Pause func(ctx context.Context, d time.Duration) error
}

// Store reads objects. It is safe for concurrent use.
type Store struct {
	options Options
	files   filePool
	far     *far
}

// New is a store. Its Close releases what it holds open.
func New(o Options) *Store { return &Store{options: o, far: newFar(o)} }

// Close closes files and idle connections, and ends transfers. Later reads are errors. Streams are closed by their readers.
func (s *Store) Close() error {
	s.far.close()
	return s.files.close()
}

// Cache is the directory that keeps what was read from elsewhere; empty: there is none.
func (s *Store) Cache() string { return s.options.Cache }

// backend reads the objects of one scheme.
type backend interface {
	// find lists the objects that a name stands for: itself, or those that match its pattern. A missing one is fs.ErrNotExist.
	find(ctx context.Context, name string) ([]Object, error)
	// list lists the objects in a folder, one level deep, sorted by name.
	list(ctx context.Context, folder string) ([]Object, error)
	// readAt reads len(p) bytes from an offset. Fewer are an error, io.EOF at the end of the object.
	readAt(ctx context.Context, o Object, p []byte, at int64) (int, error)
	// stream reads from an offset to the end; a broken transfer is resumed.
	stream(ctx context.Context, o Object, at int64) (io.ReadCloser, error)
}

// backend is the one for a name's scheme.
func (s *Store) backend(name string) (backend, error) {
	if !IsRemote(name) {
		return &s.files, nil
	}
	from, err := s.far.origin(name)
	if err != nil {
		return nil, err
	}
	return &remoteBackend{s.far, from}, nil
}

// schemes are the beginnings of names that are not files of this machine.
var schemes = []string{"http://", "https://", "s3://", "hf-hub:datasets/", "pipe:"}

// IsRemote reports whether a name is one of an object that is not a file of this machine.
func IsRemote(name string) bool { return schemeOf(name) != "" }

func schemeOf(name string) string {
	for _, scheme := range schemes {
		if len(name) >= len(scheme) && strings.EqualFold(name[:len(scheme)], scheme) {
			return scheme
		}
	}
	return ""
}

// Find lists the objects that a name stands for, in order: braces are expanded as a shell does, and *, ? and [ ] match names where the
// scheme can list them. A file that exists under the name itself is meant literally. A name without any object is fs.ErrNotExist.
func (s *Store) Find(ctx context.Context, name string) ([]Object, error) {
	b, err := s.backend(name)
	if err != nil {
		return nil, err
	}
	if !strings.Contains(name, "{") {
		return b.find(ctx, name)
	}
	if !IsRemote(name) {
		if found, err := b.find(ctx, name); err == nil {
			return found, nil
		}
	}
	names, err := ExpandBraces(name)
	if err != nil {
		return nil, fault.Usagef("%s: %v", Public(name), err)
	}
	return findAll(ctx, b, names)
}

// findAtOnce is the number of names that are looked up at a time.
const findAtOnce = 16

// findAll looks up several names. The error is that of the first name that has one.
func findAll(ctx context.Context, b backend, names []string) ([]Object, error) {
	found, errs := make([][]Object, len(names)), make([]error, len(names))
	var next, failed atomic.Int64
	failed.Store(int64(len(names)))
	var running sync.WaitGroup
	for range min(findAtOnce, len(names)) {
		running.Go(func() {
			for i := next.Add(1) - 1; i < failed.Load(); i = next.Add(1) - 1 {
				if found[i], errs[i] = b.find(ctx, names[i]); errs[i] != nil {
					failed.Store(min(i, failed.Load())) // names before it are looked up already
				}
			}
		})
	}
	running.Wait()
	for _, err := range errs {
		if err != nil {
			return nil, err
		}
	}
	return slices.Concat(found...), nil
}

// Public is a name as messages show it: without credentials.
func Public(name string) string {
	switch schemeOf(name) {
	case "pipe:":
		return publicCommand(name)
	case "http://", "https://":
		return remote.Public(name)
	}
	return name
}

// List lists the objects in a folder, one level deep, sorted by name. A missing folder is fs.ErrNotExist; a scheme that can't list is an
// error of kind fault.Usage.
func (s *Store) List(ctx context.Context, folder string) ([]Object, error) {
	b, err := s.backend(folder)
	if err != nil {
		return nil, err
	}
	return b.list(ctx, folder)
}

// ReadAt reads len(p) bytes of an object from an offset. Fewer are an error, io.EOF at the object's end.
func (s *Store) ReadAt(ctx context.Context, o Object, p []byte, at int64) (int, error) {
	if err := ctx.Err(); err != nil {
		return 0, err
	}
	b, err := s.backend(o.Name)
	if err != nil {
		return 0, err
	}
	return b.readAt(ctx, o, p, at)
}

// Stream reads an object from an offset to its end. The offset of a sequential object is 0.
func (s *Store) Stream(ctx context.Context, o Object, at int64) (io.ReadCloser, error) {
	b, err := s.backend(o.Name)
	if err != nil {
		return nil, err
	}
	return b.stream(ctx, o, at)
}

// ReadAll reads a whole object of a kind; one above the kind's limit is an error.
func (s *Store) ReadAll(ctx context.Context, o Object, kind bounded.Kind) ([]byte, error) {
	r, err := s.Stream(ctx, o, 0)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	data, err := io.ReadAll(io.LimitReader(r, min(kind.Limit, math.MaxInt64-1)+1))
	if err == nil && int64(len(data)) > kind.Limit {
		err = fmt.Errorf("%s is larger than %d bytes, the limit of %s", o.Name, kind.Limit, kind.Name)
	}
	return data, err
}

// Reader is an object as an io.ReaderAt.
type Reader struct {
	ctx    context.Context
	store  *Store
	object Object
}

// Reader is the object as an io.ReaderAt, whose reads end with ctx.
func (s *Store) Reader(ctx context.Context, o Object) *Reader { return &Reader{ctx, s, o} }

// ReadAt implements io.ReaderAt.
func (r *Reader) ReadAt(p []byte, at int64) (int, error) {
	return r.store.ReadAt(r.ctx, r.object, p, at)
}
