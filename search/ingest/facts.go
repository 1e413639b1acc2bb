package ingest

import (
	"bytes"
	"context"
	"encoding/gob"
	"errors"
	"slices"

	"clipgo/datasets"
	"clipgo/search"
	"clipgo/search/exif"
)

// factIndex is an index that says what it knows of a row's file.
type factIndex interface {
	Looked(path string) bool // for facts
	Hash(path string) string // of the content; empty: it is not known
}

// noted is a Note as it is encoded: the hash and the facts of a picture's file, or why it can't be read.
type noted struct {
	Hash  string
	Facts search.Facts
	Gone  string
}

// Note reads what an index keeps of a picture's file beside its features, for the process that has the index. A picture that can't be read
// any more is no error here.
func Note(ctx context.Context, src datasets.Source, sample int) ([]byte, error) {
	var n noted
	if file, err := src.Picture(ctx, sample); err != nil {
		n.Gone = err.Error()
	} else {
		n.Hash, n.Facts = file.Hash(), exif.Read(file.File)
	}
	var out bytes.Buffer
	err := gob.NewEncoder(&out).Encode(n)
	return out.Bytes(), errors.Join(ctx.Err(), err)
}

// learn takes a picture's hash and facts from a note, or reads them if there is none.
func (u *update) learn(ctx context.Context, p *picture, note []byte) error {
	if note == nil {
		return u.look(ctx, p)
	}
	var n noted
	if err := gob.NewDecoder(bytes.NewReader(note)).Decode(&n); err != nil {
		return err
	}
	if n.Gone != "" {
		return errors.New(n.Gone)
	}
	p.know(n.Hash, n.Facts)
	return nil
}

// look reads a picture's hash, if it is not known, and its facts. Pictures that are no files of their own have none.
func (u *update) look(ctx context.Context, p *picture) error {
	file, err := u.source.Picture(ctx, p.sample)
	if err != nil {
		return err
	}
	hash := p.Hash
	if hash == "" {
		hash = file.Hash()
	}
	p.know(hash, exif.Read(file.File))
	return nil
}

// know keeps a hash, if none is known, and facts.
func (p *picture) know(hash string, facts search.Facts) {
	if p.Hash == "" {
		p.Hash = hash
	}
	p.Facts = &facts
}

// addFacts reads the facts of pictures that are in the index without, and writes their rows again; the features stay. A picture that can't
// be read any more is left as it is. A picture whose content is another one, although size and time are the same, is to be embedded: its
// features are not those of the file.
func (u *update) addFacts(ctx context.Context, l list, plan *search.Plan) error {
	ix, ok := u.ix.(factIndex)
	if !ok {
		return nil
	}
	var changed []int
	defer func() {
		u.result.Unchanged -= len(changed)
		plan.Embed = slices.Sorted(slices.Values(append(changed, plan.Embed...)))
	}()
	busy := map[string]bool{}
	for _, i := range plan.Embed {
		busy[l.files[i].Path] = true
	}
	for _, c := range plan.Copy {
		busy[c.File.Path] = true
	}
	for i, f := range l.files {
		if busy[f.Path] || !u.ix.Has(f.Path) || ix.Looked(f.Path) {
			continue
		}
		if err := ctx.Err(); err != nil {
			return err
		}
		p := picture{f, l.samples[i]}
		if err := u.look(ctx, &p); err != nil {
			u.skip(datasets.Skip{Source: u.source.Info().Name, Key: f.Path, Reason: err.Error()})
			continue
		}
		if before := ix.Hash(f.Path); before != "" && before != p.Hash {
			changed = append(changed, i)
			continue
		}
		if err := u.ix.Follow(search.Plan{Copy: []search.Copy{{File: p.File, From: f.Path}}}); err != nil {
			return err
		}
		u.result.Facts++
	}
	return nil
}

// skip reports a picture that keeps its row.
func (u *update) skip(s datasets.Skip) {
	if u.options.Skipped != nil {
		u.options.Skipped(s)
	}
}
