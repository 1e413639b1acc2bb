package datasets

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"sync"

	"clipgo/internal/paths"
)

// OpenAll opens any number of names that Open takes and joins them to one source, in their order. If there are several, the parts of a
// mixture count as names of their own, and the pictures and the folders of pictures among them are one part, in which a picture counts
// once. A source of several names has no classes. Errors are those of Open.
func OpenAll(ctx context.Context, names []string, o Options) (Source, error) {
	if len(names) == 1 {
		return Open(ctx, names[0], o)
	}
	part, err := joinAll(ctx, names, o.unfiltered())
	return o.filter(ctx, part, err)
}

func joinAll(ctx context.Context, names []string, o Options) (Source, error) {
	j := &joined{name: strings.Join(names, " ")}
	names = flattened(names)
	plain, at := pictureNames(names)
	for i, name := range names {
		var part Source
		var err error
		switch {
		case i == at:
			part, err = OpenFiles(ctx, plain, o)
		case !slices.Contains(plain, name):
			part, err = Open(ctx, name, o)
		default:
			continue
		}
		if err != nil {
			return nil, errors.Join(err, j.Close())
		}
		j.add(part)
	}
	if len(j.parts) == 1 {
		return j.parts[0], nil
	}
	j.info = sync.OnceValue(j.describe)
	return j, nil
}

// pictureNames are the pictures and folders of pictures among names, and the index of the first.
func pictureNames(names []string) (plain []string, at int) {
	at = -1
	for i, name := range names {
		st, err := os.Stat(name)
		if err != nil || st.IsDir() && (holdsShards(name) || holdsParquet(name)) || !st.IsDir() && !paths.IsPicture(name) {
			continue
		}
		if plain = append(plain, name); at < 0 {
			at = i
		}
	}
	return plain, at
}

// joined is a sequence of sources.
type joined struct {
	name    string
	parts   []Source
	ends    []int // of each part, the index after its last sample
	classed bool  // all parts have the same classes
	info    func() Info
	release func() error // closes what the parts share; nil: nothing
}

func (j *joined) add(part Source) {
	j.parts = append(j.parts, part)
	j.ends = append(j.ends, j.Len()+part.Len())
}

// part finds a sample's source and its index there.
func (j *joined) part(i int) (Source, int) {
	at, ends := slices.BinarySearch(j.ends, i)
	if ends { // the end of a part is the beginning of the next
		at++
	}
	return j.parts[at], i - (j.ends[at] - j.parts[at].Len())
}

func (j *joined) Len() int {
	if len(j.ends) == 0 {
		return 0
	}
	return j.ends[len(j.ends)-1]
}

func (j *joined) Entry(ctx context.Context, i int) (Entry, error) {
	part, n := j.part(i)
	e, err := part.Entry(ctx, n)
	if !j.classed {
		e.Label = -1
	}
	return e, err
}

func (j *joined) Picture(ctx context.Context, i int) (Picture, error) {
	part, n := j.part(i)
	return part.Picture(ctx, n)
}

func (j *joined) Info() Info { return j.info() }

// describe joins the descriptions of the parts.
func (j *joined) describe() Info {
	out := Info{Name: j.name, Kind: "several"}
	h := sha256.New()
	for _, p := range j.parts {
		info := p.Info()
		fmt.Fprintln(h, info.Fingerprint)
		for _, note := range info.Notes {
			out.Notes = append(out.Notes, info.Name+": "+note)
		}
		out.Ignored.addAll(info.Ignored)
		for _, name := range info.Columns {
			if !slices.Contains(out.Columns, name) {
				out.Columns = append(out.Columns, name)
			}
		}
		out.Unread = append(out.Unread, info.Unread...)
	}
	out.Fingerprint = fmt.Sprintf("several n=%d %x", j.Len(), h.Sum(nil)[:8])
	return out
}

func (j *joined) Close() error {
	var errs []error
	for _, p := range j.parts {
		errs = append(errs, p.Close())
	}
	if j.release != nil {
		errs = append(errs, j.release())
	}
	return errors.Join(errs...)
}
