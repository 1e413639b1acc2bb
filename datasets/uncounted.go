package datasets

import (
	"archive/tar"
	"context"
	"errors"
	"fmt"
	"iter"
	"sync"

	"clipgo/datasets/store"
)

// uncounted is a set of archives whose samples are not known before they are read, such as the output of commands. How many an epoch has is
// what the user says.
type uncounted struct {
	*shards
	n    int
	mu   sync.Mutex
	next func() (Reading, bool) // the archives in their order, for single reads
	stop func()
	at   int     // index of last
	last Reading // that was read
}

// openUncounted is the archives of s, which are not indexed.
func openUncounted(s *shards, n int) (Source, error) {
	s.info.Fingerprint = fmt.Sprintf("uncounted n=%d %s", n, fingerprint(len(s.files), func(i int) (string, Entry) {
		o := s.files[i].object
		e := Entry{Size: o.Size, Captions: append([]string{o.Version}, s.info.Classes...)}
		if settings := s.settings(); settings != "" {
			e.Captions = append(e.Captions, settings)
		}
		return o.Name, e
	}))
	s.note("the %d shards are read in sequence and are not counted: an epoch has %d samples, as given. It begins anew with the shards in "+
		"another order, so that what they hold beyond that comes in other epochs", len(s.files), n)
	return &uncounted{shards: s, n: n, at: -1, stop: func() {}}, nil
}

// Len is the length of an epoch.
func (u *uncounted) Len() int { return u.n }

// Entry reads forward to a sample.
func (u *uncounted) Entry(ctx context.Context, i int) (Entry, error) {
	r, err := u.find(ctx, i)
	if err != nil {
		return Entry{}, err
	}
	return *r.entry, nil
}

// Picture reads forward to a sample.
func (u *uncounted) Picture(ctx context.Context, i int) (Picture, error) {
	r, err := u.find(ctx, i)
	if err == nil {
		err = r.Err
	}
	return r.Picture, err
}

// find reads the archives in their order up to a sample, from their beginning if it came before.
func (u *uncounted) find(ctx context.Context, i int) (Reading, error) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.next == nil || i < u.at {
		u.stop()
		u.at = -1
		u.next, u.stop = iter.Pull(u.all(context.WithoutCancel(ctx)))
	}
	for u.at < i {
		if err := ctx.Err(); err != nil {
			return Reading{}, err
		}
		r, ok := u.next()
		if !ok {
			return Reading{}, fewer(u.at+1, u)
		}
		u.at++
		u.last = r
	}
	return u.last, nil
}

// fewer is the error of a sample that isn't there.
func fewer(n int, u *uncounted) error {
	return fmt.Errorf("%s holds %d samples, fewer than the %d that were given", u.info.Name, n, u.n)
}

// all reads the archives in their order.
func (u *uncounted) all(ctx context.Context) iter.Seq[Reading] {
	return func(yield func(Reading) bool) {
		for part := range u.files {
			for r := range u.Part(ctx, part) {
				if !yield(r) {
					return
				}
			}
		}
	}
}

// Close implements Source.
func (u *uncounted) Close() error {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.stop()
	u.next, u.stop = nil, func() {}
	return u.shards.Close()
}

// Part reads an archive, all samples with their pictures. What can't be read is one sample.
func (u *uncounted) Part(ctx context.Context, part int) iter.Seq[Reading] {
	return func(yield func(Reading) bool) {
		f := &u.files[part]
		in, err := u.open(ctx, f)
		if err != nil {
			yield(u.lost(f, 0, "can't be read: "+reasonOf(f.object.Name, err), err))
			return
		}
		defer in.Close()
		g := &grouper{from: u, file: f, yield: yield, seen: map[string]int64{}, sampler: sampler{
			shardRules: u.shardRules, repairs: captionRepairs{keys: u.keys},
		}}
		g.read(&tarIndexer{in: in, members: tar.NewReader(in), whole: true})
	}
}

func (u *uncounted) open(ctx context.Context, f *shardFile) (*unpacked, error) {
	if f.fault != nil {
		return nil, f.fault
	}
	below, err := u.store.Stream(ctx, f.object, 0)
	if err != nil {
		return nil, err
	}
	return unpackFrom(below)
}

// lost is what can't be read of an archive, from an offset on. An archive that has changed ends the reading.
func (u *uncounted) lost(f *shardFile, at int64, why string, err error) Reading {
	r := u.reading(f, shardSample{label: -1, offset: at, bad: "the shard " + why}, nil)
	var changed *store.ChangedError
	if errors.As(err, &changed) {
		r.entry.Bad, r.Err = "", u.refusal(err)
	}
	return r
}

// grouper makes samples of an archive while it is read.
type grouper struct {
	from  *uncounted
	file  *shardFile
	yield func(Reading) bool
	seen  map[string]int64 // where a key occurred
	sampler
}

func (g *grouper) read(x *tarIndexer) {
	for more := true; more; {
		more = x.step()
		for len(x.groups) > 1 || !more && len(x.groups) > 0 { // the last one may go on
			group := x.groups[0]
			x.groups = x.groups[1:]
			if !g.add(group) {
				return
			}
		}
	}
	if x.broken != "" {
		g.yield(g.from.lost(g.file, x.brokenAt, x.named(g.file.object.Name).broken, x.fault))
	}
}

func (g *grouper) add(group tarGroup) bool {
	for _, part := range g.regroup([]tarGroup{group}) {
		one := g.sample(part)
		if at, again := g.seen[part.key]; again {
			one.bad = fmt.Sprintf("its key occurs a second time, first at byte %d", at)
		}
		g.seen[part.key] = part.members[0].offset
		var picture []byte
		for _, m := range part.members {
			if m.offset == one.offset {
				picture = m.picture
			}
		}
		if !g.yield(g.from.reading(g.file, one, picture)) {
			return false
		}
	}
	return true
}

// reading describes a sample as it is needed.
func (u *uncounted) reading(f *shardFile, one shardSample, picture []byte) Reading {
	one.serve(u.need, u.info.Classes, false)
	e := f.entry(&one)
	r := Reading{Picture: Picture{File: picture}, entry: &e}
	switch {
	case one.bad != "":
		r.Err = &unusable{one.bad}
	case one.size > pictureLimit:
		r.Err = tooLarge(one.size)
	}
	return r
}
