package datasets

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"clipgo/datasets/store"
	"clipgo/internal/bounded"
)

// shards is a source of the samples of WebDataset archives, in the archives' order.
type shards struct {
	files []shardFile
	ends  []int // of each archive, the index after its last sample
	need  Need
	store objects
	close func() error // of the store, if it is the source's own
	info  Info
	mu    sync.RWMutex // guards the mapped indices against Close
	gone  bool
	along along
	limit residence
	// uncounted is true if the archives are not indexed; the source is an uncounted one then.
	uncounted bool
	shardRules
}

// objects is what shards need of a store.
type objects interface {
	Find(ctx context.Context, name string) ([]store.Object, error)
	List(ctx context.Context, folder string) ([]store.Object, error)
	ReadAt(ctx context.Context, o store.Object, p []byte, at int64) (int, error)
	Stream(ctx context.Context, o store.Object, at int64) (io.ReadCloser, error)
	ReadAll(ctx context.Context, o store.Object, kind bounded.Kind) ([]byte, error)
	Cache() string
}

// shardsKind is the kind of shards in Info.
const shardsKind = "shards"

// openShards indexes archives: a.tar, names in braces, a folder of archives, or a folder in CLIP_benchmark's layout. Damage
// makes single samples unusable and is reported in Info.Notes. A shard that doesn't exist is fs.ErrNotExist, and a set without a usable
// sample is a *DataError.
func openShards(ctx context.Context, src string, o Options) (Source, error) {
	st, closeStore := o.store()
	return openShardsOf(ctx, src, o, st, closeStore)
}

func openShardsOf(ctx context.Context, src string, o Options, st objects, close func() error) (Source, error) {
	s := &shards{need: o.Need, store: st, close: close}
	if err := s.open(ctx, src, o); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	if s.uncounted {
		return openUncounted(s, o.Samples)
	}
	return s, nil
}

func (s *shards) open(ctx context.Context, src string, o Options) error {
	set, err := findShards(ctx, src, o, s.store)
	if err != nil {
		return err
	}
	s.info = Info{
		Name: store.Public(src), Kind: shardsKind, Classes: set.classes, Templates: set.templates, Notes: set.notes, Ignored: set.ignored,
	}
	s.files, s.shardRules = set.files, set.shardRules
	if o.Samples > 0 && slices.ContainsFunc(s.files, func(f shardFile) bool { return f.object.Sequential }) {
		s.uncounted = true
		return nil
	}
	s.info.Type = set.kind
	if err := s.index(ctx, newProgress(o.Log, s.info.Name, len(s.files))); err != nil {
		return err
	}
	s.describe()
	if s.evaluation {
		s.describeEvaluation()
	}
	if !o.ownNames() {
		s.nameBuiltin()
	}
	if reason := noneUsable(s.Len(), s.entry); reason != "" {
		return &DataError{Source: src, Reason: reason}
	}
	s.info.Fingerprint = s.fingerprint()
	return nil
}

// index makes or loads the indices of all archives, several at a time.
func (s *shards) index(ctx context.Context, p *progress) error {
	k := newIndexKeeper(s.store.Cache(), s.settings())
	errs := make([]error, len(s.files))
	err := eachShard(ctx, s.files, func(i int) { // damage isn't an error: it is recorded in the samples
		errs[i] = s.files[i].load(ctx, s.store, k, s.shardRules)
		p.add()
	})
	if k.wrote.Load() {
		k.expire(time.Now(), indexTotal)
	}
	if err := errors.Join(err, ctx.Err()); err != nil {
		return err
	}
	for _, err := range errs {
		if err != nil {
			return s.refusal(err)
		}
	}
	estimateLost(s.files)
	s.limit.begin(s.files)
	n := 0
	for i := range s.files {
		n += s.files[i].n + s.files[i].lost
		s.ends = append(s.ends, n)
	}
	if k.failed != nil {
		s.note("the index of the shards is made again next time: %v", k.failed)
	}
	return nil
}

// describe adds the notes of the archives and of their captions.
func (s *shards) describe() {
	var repairs captionRepairs
	dotted, sequential := 0, 0
	for i := range s.files {
		f := &s.files[i]
		s.info.Notes = append(s.info.Notes, f.head.Notes...)
		if f.lost > 0 {
			s.note("%s %s%s", f.public, f.why, f.counted())
		}
		repairs.long.Add(f.head.Long)
		repairs.invalid.Add(f.head.Invalid)
		dotted += f.head.Dotted
		if f.head.Sequential {
			sequential++
		}
	}
	if dotted > 0 {
		s.note("%d samples have only names with several dots: their types follow the last one", dotted)
	}
	if sequential > 0 {
		s.note("%d of %d shards can only be read from their beginning, since they are compressed or their source can't be read otherwise: "+
			"a training shuffles with a buffer, and reads again what comes before the place where it is resumed", sequential, len(s.files))
	}
	s.info.Notes = append(s.info.Notes, repairs.notes()...)
}

func (s *shards) note(format string, args ...any) {
	s.info.Notes = append(s.info.Notes, fmt.Sprintf(format, args...))
}

// noneUsable says why none of n samples can be used. It is empty if one can.
func noneUsable(n int, entry func(int) Entry) string {
	for i := range n {
		if entry(i).Bad == "" {
			return ""
		}
	}
	if n == 0 {
		return "it holds no samples"
	}
	e := entry(0)
	return fmt.Sprintf("none of its %d samples can be used; %s: %s", n, e.Key, e.Bad)
}

func (s *shards) Len() int {
	if len(s.ends) == 0 {
		return 0
	}
	return s.ends[len(s.ends)-1]
}

func (s *shards) Info() Info { return s.info }

// at finds a sample's archive and its number there.
func (s *shards) at(i int) (part, n int) {
	part, ends := slices.BinarySearch(s.ends, i)
	for ends && s.ends[part] == i { // empty archives end there too
		part++
		ends = part < len(s.ends)
	}
	return part, i - s.first(part)
}

// first is the index of an archive's first sample.
func (s *shards) first(part int) int {
	if part == 0 {
		return 0
	}
	return s.ends[part-1]
}

// sample is sample n of an archive as it is needed.
func (s *shards) sample(part, n int) shardSample {
	one := s.files[part].sample(n)
	one.serve(s.need, s.info.Classes, s.evaluation && s.captionLines)
	s.limit.touch(s.files, part)
	return one
}

// Entry implements Source.
func (s *shards) Entry(_ context.Context, i int) (Entry, error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if s.gone {
		return Entry{}, fmt.Errorf("read %s: %w", s.info.Name, os.ErrClosed)
	}
	return s.entry(i), nil
}

func (s *shards) entry(i int) Entry {
	part, n := s.at(i)
	one := s.sample(part, n)
	return s.files[part].entry(&one)
}

// entry describes a sample of the archive.
func (f *shardFile) entry(one *shardSample) Entry {
	key := f.public
	if one.name != "" {
		key += "/" + one.name
	}
	return Entry{
		Key: key, Captions: one.captions, Weights: one.weights, Label: int(one.label), Labels: one.labels(), Groups: one.groupsOf(),
		Size: one.size, ModTime: f.object.ModTime, Offset: one.offset, File: f.public, Bad: one.bad,
	}
}

// Picture implements Source.
func (s *shards) Picture(ctx context.Context, i int) (Picture, error) {
	return s.picture(ctx, i, pictureLimit)
}

// picture is Picture with at most limit bytes of the file, where the archive can be read in any order.
func (s *shards) picture(ctx context.Context, i int, limit int64) (Picture, error) {
	if err := ctx.Err(); err != nil {
		return Picture{}, err
	}
	s.mu.RLock()
	defer s.mu.RUnlock()
	if s.gone {
		return Picture{}, fmt.Errorf("read %s: %w", s.info.Name, os.ErrClosed)
	}
	part, n := s.at(i)
	if s.files[part].head.Sequential {
		return s.along.picture(ctx, s, part, n)
	}
	return s.read(ctx, part, n, limit)
}

// read reads a picture of an archive that can be read in any order, at most limit bytes.
func (s *shards) read(ctx context.Context, part, n int, limit int64) (Picture, error) {
	one := s.sample(part, n)
	if one.bad != "" {
		return Picture{}, &unusable{one.bad}
	}
	if one.size > pictureLimit {
		return Picture{}, tooLarge(one.size)
	}
	data := make([]byte, min(one.size, limit))
	if _, err := s.store.ReadAt(ctx, s.files[part].object, data, one.offset); err != nil {
		return Picture{}, s.refusal(err)
	}
	return Picture{File: data}, nil
}

// refusal is an error of the store: a *DataError if the archive has changed, since the index is wrong then.
func (s *shards) refusal(err error) error {
	var changed *store.ChangedError
	if errors.As(err, &changed) {
		return &DataError{Source: s.info.Name, Reason: err.Error()}
	}
	if errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return err
	}
	return fmt.Errorf("read %w", err)
}

// fingerprint is that of all samples if the archives are files of this machine, or if one has no version. Else it is that of the archives:
// to read 10 million captions would take longer than to begin.
func (s *shards) fingerprint() string {
	remote := func(f shardFile) bool { return store.IsRemote(f.object.Name) }
	unversioned := func(f shardFile) bool { return f.object.Version == "" && f.fault == nil }
	if !slices.ContainsFunc(s.files, remote) || slices.ContainsFunc(s.files, unversioned) {
		return fingerprint(s.Len(), func(i int) (string, Entry) {
			part, n := s.at(i)
			e := s.entry(i)
			return filepath.Base(e.File) + "/" + s.files[part].sample(n).name, e
		})
	}
	return fingerprint(len(s.files), func(i int) (string, Entry) {
		f := &s.files[i]
		return filepath.Base(f.object.Name), Entry{
			Size: f.object.Size, Label: f.n + f.lost, Captions: append([]string{f.object.Version, s.settings()}, s.info.Classes...),
		}
	})
}

// Close implements Source.
func (s *shards) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	var errs []error
	if !s.gone {
		s.gone = true
		s.along.close()
		for i := range s.files {
			errs = append(errs, s.files[i].unmap())
		}
	}
	return errors.Join(append(errs, s.close())...)
}
