package datasets

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"math"
	"runtime"
	"slices"
	"strings"

	"clipgo/datasets/store"
	"clipgo/internal/mapped"
	"clipgo/internal/parallel"
)

// shardFile is an archive and its index.
type shardFile struct {
	object store.Object
	public string // its name without credentials
	shardIndex
	mapping []byte // the index's file; nil if the index is in memory
	// fault is why the archive, or the part of it at lostAt, can't be read, and lost the number of samples that it counts for there.
	fault  error
	why    string // in a message, behind the archive's name
	lost   int
	lostAt int64
}

// newShardFile is an archive that isn't read yet; fault is why it can't be, nil if that isn't known.
func newShardFile(o store.Object, fault error) shardFile {
	return shardFile{object: o, public: store.Public(o.Name), fault: fault}
}

// indexers is the number of remote archives that are indexed at a time.
const indexers = 16

// eachShard calls f for each archive, several at a time. Once ctx is done no further call is made.
func eachShard(ctx context.Context, files []shardFile, f func(i int)) error {
	if !slices.ContainsFunc(files, func(f shardFile) bool { return store.IsRemote(f.object.Name) }) {
		return eachFile(ctx, len(files), f)
	}
	parallel.Workers(max(indexers, 2*runtime.GOMAXPROCS(0)), len(files), func(_ int, indices iter.Seq[int]) {
		for i := range indices {
			if ctx.Err() != nil {
				return
			}
			f(i)
		}
	})
	return ctx.Err()
}

// load sets the archive's index: the one that is kept, or a new one. What can't be read is recorded. An archive that changes meanwhile is
// an error.
func (f *shardFile) load(ctx context.Context, st objects, k *indexKeeper, rules shardRules) error {
	if f.fault != nil { // it was not found
		f.why = "can't be read: " + reasonOf(f.object.Name, f.fault)
		return nil
	}
	if k.load(f) {
		return nil
	}
	x, sequential := indexShard(ctx, st, f.object, rules.evaluation)
	var changed *store.ChangedError
	if errors.As(x.fault, &changed) || ctx.Err() != nil {
		return errors.Join(ctx.Err(), x.fault)
	}
	notes := x.notes(f.public)
	if x.fault != nil {
		f.fault, f.why, f.lostAt = x.fault, x.broken, x.brokenAt
		x.broken = "" // it counts for more than one sample
		notes = x.notes(f.public)
	}
	s := newSampler(rules)
	samples := s.samples(x)
	data, err := encodeIndex(shardHead{
		Name: f.object.Name, Version: f.object.Version, Settings: k.settings, Size: f.object.Size, Sequential: sequential, Notes: notes,
		Long: s.repairs.long.Load(), Invalid: s.repairs.invalid.Load(), Dotted: s.dotted,
	}, samples)
	if err != nil {
		return err
	}
	if f.shardIndex, err = decodeIndex(data); err != nil {
		return err
	}
	if f.fault == nil {
		k.keep(f, data)
	}
	return nil
}

// indexShard reads the headers of an archive and, with labels, its members of classes.
func indexShard(ctx context.Context, st objects, o store.Object, labels bool) (x tarIndex, sequential bool) {
	if !o.Sequential && o.Size >= 0 {
		window := nearWindow
		if store.IsRemote(o.Name) {
			window = farWindow
		}
		if x = indexTar(newCursor(objectReader{ctx, st, o}, o.Size, window), labels); !x.packed {
			return x.named(o.Name), false
		}
	}
	below, err := st.Stream(ctx, o, 0)
	if err != nil {
		return (&tarIndex{fault: err}).named(o.Name), true
	}
	u, err := unpackFrom(below)
	if err != nil {
		return tarIndex{broken: "can't be read: " + err.Error()}, true
	}
	x = indexTar(u, labels)
	_ = u.Close() // it was only read
	return x.named(o.Name), true
}

// objectReader is an object as an io.ReaderAt.
type objectReader struct {
	ctx    context.Context
	store  objects
	object store.Object
}

func (r objectReader) ReadAt(p []byte, at int64) (int, error) {
	return r.store.ReadAt(r.ctx, r.object, p, at)
}

// named gives the reason of a fault without the archive's name, which a message begins with.
func (x *tarIndex) named(name string) tarIndex {
	if x.fault != nil {
		x.broken = "can't be read: " + reasonOf(name, x.fault)
	}
	return *x
}

// reasonOf is an error of a file or object without its name.
func reasonOf(name string, err error) string {
	return strings.TrimPrefix(cause(err).Error(), name+": ")
}

// notes describes damage and oddities of a shard, a line each.
func (x *tarIndex) notes(path string) []string {
	var out []string
	if x.broken != "" {
		out = append(out, path+" "+x.broken)
	}
	if x.cut != "" {
		out = append(out, path+" "+x.cut)
	}
	if x.passed > 0 {
		out = append(out, fmt.Sprintf("%s: passed over %d members whose names are not key.extension", path, x.passed))
	}
	return out
}

// estimateLost counts what can't be read: as many samples as the other archives have in as many bytes, or in one archive if the sizes
// aren't known. It is at least one.
func estimateLost(files []shardFile) {
	var samples, bytes, whole float64
	for i := range files {
		if f := &files[i]; f.fault == nil {
			samples += float64(f.n)
			bytes += float64(max(0, f.object.Size))
			whole++
		}
	}
	for i := range files {
		f := &files[i]
		if f.fault == nil {
			continue
		}
		expected := 0.0
		switch {
		case f.object.Size >= 0 && bytes > 0:
			expected = samples / bytes * float64(f.object.Size)
		case whole > 0:
			expected = samples / whole
		}
		f.lost = max(1, int(math.Round(expected))-f.n)
	}
}

// counted says how much an archive counts for that can't be read.
func (f *shardFile) counted() string {
	if f.lost == 1 {
		return ""
	}
	return fmt.Sprintf("; its samples are not known: they count as %d, as many as the other shards have", f.lost)
}

// sample is sample i of the archive, or one of those that are lost.
func (f *shardFile) sample(i int) shardSample {
	if i >= f.n {
		return shardSample{label: -1, offset: f.lostAt, bad: "the shard " + f.why}
	}
	return f.shardIndex.sample(i)
}

func (f *shardFile) unmap() error {
	data := f.mapping
	f.mapping, f.shardIndex = nil, shardIndex{}
	return mapped.Close(data)
}
