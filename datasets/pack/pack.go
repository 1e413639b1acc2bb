package pack

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"maps"
	"path/filepath"
	"strings"

	"clipgo/datasets"
	"clipgo/internal/durable"
	"clipgo/internal/fault"
)

// Watch receives what happens during a pack. Both functions may be nil.
type Watch struct {
	Progress func(done, all int)      // samples of the source
	Skipped  func(skip datasets.Skip) // a sample that can't be used
}

// Pack writes the samples of a source into shards in a folder, in the source's order. A folder that holds the same pack, not finished, is
// completed; one that holds anything else is refused. Where ctx is done, or an error occurs, the finished shards stay, and the same call
// goes on after them.
func Pack(ctx context.Context, s datasets.Source, dir string, o Options, watch Watch) (_ Result, err error) {
	if datasets.IsRemote(dir) || strings.Contains(dir, "://") {
		return Result{}, fault.Usagef("%s: shards are written into a directory of this machine; copy it from there", datasets.Public(dir))
	}
	o, err = o.of(s)
	if err != nil {
		return Result{}, err
	}
	encoder, err := newEncoder(o)
	if err != nil {
		return Result{}, err
	}
	beside, err := filesBeside(s.Info(), dir, o)
	if err != nil {
		return Result{}, err
	}
	f, err := openFolder(filepath.Join(dir, o.Split), newIdentity(s, o))
	if err != nil {
		return Result{}, err
	}
	defer func() { err = errors.Join(err, f.close()) }()
	p := &packer{folder: f, options: o, source: s, reader: newReader(s, encoder), watch: watch}
	return p.run(ctx, beside)
}

// of completes the options for a source.
func (o Options) of(s datasets.Source) (Options, error) {
	retrieval := o.Split != "" && len(s.Info().Classes) == 0
	if retrieval && o.Captions == "" {
		o.Captions = Lines
	}
	o, err := o.complete()
	if err == nil && retrieval && o.Captions != Lines {
		err = fault.Setting("captions", "CLIP_benchmark reads captions from lines, not from %s", o.Captions)
	}
	return o, err
}

// packer writes the shards of a folder.
type packer struct {
	*folder
	options Options
	source  datasets.Source
	reader  *reader
	watch   Watch

	stream  *stream
	pending *sample // the first of the next shard; nil: not known yet, or none
	skipped int     // in all shards
	err     error   // of the source, not of writing
}

func (p *packer) run(ctx context.Context, beside []besideFile) (Result, error) {
	done, err := p.recorded()
	if err != nil || done != nil {
		return p.verdict(done, err)
	}
	shards, err := p.finished()
	if err != nil {
		return Result{}, err
	}
	if p.source.Len() == 0 {
		return Result{}, p.empty()
	}
	from := 0
	for _, s := range shards {
		from = s.Next
		p.skipped += len(s.Skipped)
	}
	p.stream = p.reader.stream(ctx, from, p.options.Workers)
	defer p.stream.close()
	for from < p.source.Len() {
		s, err := p.shard(ctx, len(shards), from)
		if err != nil {
			return Result{}, err
		}
		shards, from = append(shards, s), s.Next
	}
	if err := ctx.Err(); err != nil {
		return Result{}, err
	}
	return p.verdict(p.finish(shards, beside))
}

// shard writes the next shard, from a sample of the source on.
func (p *packer) shard(ctx context.Context, number, from int) (shard, error) {
	s := shard{Name: shardName(number, p.options), First: from, Next: from, Formats: map[string]int{}, Reasons: map[string]int{}}
	first := p.pending
	if first == nil {
		first = p.next(ctx, &s)
	}
	if p.err != nil {
		return s, p.err
	}
	if first == nil {
		return s, p.empty()
	}
	err := durable.WriteFile(p.path(s.Name), 0o644, func(w io.Writer) error {
		hash := sha256.New()
		counted := &counter{w: io.MultiWriter(w, hash)}
		if err := p.fill(ctx, counted, &s, first); err != nil {
			return err
		}
		s.Bytes, s.SHA256 = counted.n, hex.EncodeToString(hash.Sum(nil))
		return nil
	})
	if p.err != nil {
		return s, p.err
	}
	if err != nil {
		return s, err
	}
	if p.Check() != nil {
		return s, p.Check()
	}
	return s, durable.WriteJSON(p.state(s.Name+".json"), s)
}

// writer writes samples in the format of a shard.
type writer interface {
	size(*sample) (int64, error) // about what the sample takes in the shard
	add(*sample) error
	close() error
}

func (p *packer) writer(w io.Writer) (writer, error) {
	if p.options.Format == Parquet {
		return newParquetWriter(w, p.source.Info().Classes)
	}
	return newTarWriter(w, p.options), nil
}

// fill writes samples until one doesn't fit, which begins the next shard, or none is left. Samples that can't be used belong to the shard
// before which they come, or after whose last sample.
func (p *packer) fill(ctx context.Context, w io.Writer, to *shard, first *sample) error {
	out, err := p.writer(w)
	if err != nil {
		return err
	}
	p.pending = nil
	var bytes int64
	for s := first; s != nil; s = p.next(ctx, to) {
		size, err := out.size(s)
		if err != nil {
			return err
		}
		if to.Samples > 0 && p.full(to.Samples, bytes+size) {
			p.pending, to.Next = s, s.index
			return out.close()
		}
		if err := out.add(s); err != nil {
			return err
		}
		bytes += size
		to.Samples++
		to.Captions += len(s.captions)
		if len(s.captions) == 0 {
			to.Uncaptioned++
		}
		to.Formats[s.extension]++
		if s.flattened {
			to.Flattened++
		}
	}
	if p.err != nil {
		return p.err
	}
	to.Next = p.source.Len()
	return out.close()
}

// full reports whether a shard of a number of samples can't take one more, with which it had so many bytes.
func (p *packer) full(samples int, bytes int64) bool {
	return p.options.ShardCount > 0 && samples >= p.options.ShardCount || p.options.bytes > 0 && bytes > p.options.bytes
}

// next is the next sample that can be used. Those before it that can't are added to the shard's record. It is nil after the last one, and
// if p.err is set.
func (p *packer) next(ctx context.Context, to *shard) *sample {
	for {
		s := p.stream.next(ctx)
		switch {
		case s == nil:
			return nil
		case s.err != nil:
			p.err = s.err
			return nil
		}
		if p.watch.Progress != nil {
			p.watch.Progress(s.index+1, p.source.Len())
		}
		if s.skip == nil {
			return s
		}
		if p.err = p.skip(*s.skip, to); p.err != nil {
			return nil
		}
	}
}

// skip records a sample that can't be used. It is an error once a training of the source would end.
func (p *packer) skip(skip datasets.Skip, to *shard) error {
	p.skipped++
	to.Skipped = append(to.Skipped, skip)
	to.Reasons[kindOf(skip.Reason)]++
	if p.watch.Skipped != nil {
		p.watch.Skipped(skip)
	}
	return p.tooMany(p.skipped, skip)
}

// tooMany is the error if too many samples can't be used.
func (p *packer) tooMany(skipped int, example datasets.Skip) error {
	if !datasets.TooMany(skipped, p.source.Len(), p.options.MaxSkip) {
		return nil
	}
	return &datasets.DataError{Source: p.source.Info().Name, Reason: fmt.Sprintf("%d of %d samples can't be used, more than %.4g %%; "+
		"%s: %s", skipped, p.source.Len(), 100*p.options.MaxSkip, fault.Short(example.Key), fault.Short(example.Reason))}
}

// empty is the error of a source of which no sample can be used. Nothing is left in the folder.
func (p *packer) empty() error {
	err := &datasets.DataError{Source: p.source.Info().Name, Reason: fmt.Sprintf("none of its %d samples can be used", p.source.Len())}
	return errors.Join(err, durable.RemoveAll(p.state("")))
}

// Check reports whether the folder is still the one that was locked.
func (f *folder) Check() error { return f.lock.Check() }

// counter counts what is written.
type counter struct {
	w io.Writer
	n int64
}

func (c *counter) Write(b []byte) (int, error) {
	n, err := c.w.Write(b)
	c.n += int64(n)
	return n, err
}

// merge adds counts.
func merge(to, from map[string]int) {
	for k := range maps.Keys(from) {
		to[k] += from[k]
	}
}
