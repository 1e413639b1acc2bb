package datasets

import (
	"context"
	"fmt"
	"path/filepath"

	"clipgo/internal/bounded"
)

// shards is a source of the samples of local WebDataset archives, in the archives' order.
type shards struct {
	files   []shardFile
	samples []shardSample
	pool    shardPool
	info    Info
}

// openShards indexes archives: a.tar, a.tar::b.tar, names in braces, a folder of archives, or a folder in CLIP_benchmark's layout. Damage
// makes single samples unusable and is reported in Info.Notes. A shard that doesn't exist is fs.ErrNotExist, and a set without a usable
// sample is a *DataError.
func openShards(ctx context.Context, src string, o Options) (Source, error) {
	set, err := findShards(src, o)
	if err != nil {
		return nil, err
	}
	repairs := &captionRepairs{}
	if repairs.keys, err = o.jsonKeys(src); err != nil {
		return nil, err
	}
	s := &shards{files: make([]shardFile, len(set.paths)), info: Info{
		Name: src, Kind: "shards", Classes: set.classes, Templates: set.templates, Notes: set.notes, Ignored: set.ignored,
	}}
	sampler := &sampler{set: set, need: o.Need, repairs: repairs}
	if err := s.index(ctx, set, sampler); err != nil {
		return nil, err
	}
	if n := sampler.dotted.Load(); n > 0 {
		s.info.Notes = append(s.info.Notes, fmt.Sprintf("%d samples have only names with several dots: their types follow the last one", n))
	}
	s.info.Notes = append(s.info.Notes, repairs.notes()...)
	if reason := noneUsable(len(s.samples), s.entry); reason != "" {
		return nil, &DataError{Source: src, Reason: reason}
	}
	s.info.Fingerprint = fingerprint(len(s.samples), func(i int) (string, Entry) {
		e := s.entry(i)
		return filepath.Base(e.File) + "/" + s.samples[i].name, e
	})
	return s, nil
}

// index reads the headers of all archives, several at a time.
func (s *shards) index(ctx context.Context, set *shardSet, sampler *sampler) error {
	perShard := make([][]shardSample, len(set.paths))
	notes := make([][]string, len(set.paths))
	err := eachFile(ctx, len(set.paths), func(i int) { // damage isn't an error: it is recorded in the samples
		s.files[i].path = set.paths[i]
		x := s.files[i].index()
		perShard[i], notes[i] = sampler.samples(x, int32(i)), x.notes(set.paths[i])
	})
	if err != nil {
		return err
	}
	for i := range perShard {
		s.samples = append(s.samples, perShard[i]...)
		s.info.Notes = append(s.info.Notes, notes[i]...)
	}
	return nil
}

// index reads an archive's headers.
func (f *shardFile) index() tarIndex {
	file, err := bounded.Open(f.path, bounded.Any)
	if err != nil {
		return tarIndex{broken: "can't be read: " + cause(err).Error()}
	}
	defer file.Close()
	st, err := file.Stat()
	if err != nil {
		return tarIndex{broken: "can't be read: " + cause(err).Error()}
	}
	f.size, f.modified = st.Size(), st.ModTime()
	return indexTar(file, f.size)
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

func (s *shards) Len() int   { return len(s.samples) }
func (s *shards) Info() Info { return s.info }

// Entry implements Source.
func (s *shards) Entry(_ context.Context, i int) (Entry, error) { return s.entry(i), nil }

func (s *shards) entry(i int) Entry {
	one := &s.samples[i]
	f := &s.files[one.shard]
	key := f.path
	if one.name != "" {
		key = f.path + "/" + one.name
	}
	return Entry{
		Key: key, Captions: one.captions, Weights: one.weights, Label: int(one.label), Size: one.size, ModTime: f.modified,
		Offset: one.offset, File: f.path, Bad: one.bad,
	}
}

func (s *shards) Picture(ctx context.Context, i int) (Picture, error) {
	if err := ctx.Err(); err != nil {
		return Picture{}, err
	}
	one := &s.samples[i]
	if one.bad != "" {
		return Picture{}, &unusable{one.bad}
	}
	if one.size > pictureLimit {
		return Picture{}, tooLarge(one.size)
	}
	data, err := s.pool.read(int(one.shard), s.files[one.shard], one.offset, one.size)
	return Picture{File: data}, err
}

func (s *shards) Close() error {
	s.pool.close()
	return nil
}
