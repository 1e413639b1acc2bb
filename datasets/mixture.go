package datasets

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"sync"

	"clipgo/datasets/mixture"
)

// Parts are the names that a mixture A::B is made of. A name that is no mixture is its only part. So is the name of a file that exists.
func Parts(name string) []string {
	if _, err := os.Stat(name); err == nil {
		return []string{name}
	}
	return mixture.Split(name)
}

// flattened replaces mixtures by their parts.
func flattened(names []string) (out []string) {
	for _, name := range names {
		out = append(out, Parts(name)...)
	}
	return out
}

// openMixture opens the parts of A::B, each by its own kind. Their samples follow each other.
func openMixture(ctx context.Context, src string, o Options) (Source, error) {
	j := &joined{}
	o.Store, j.release = o.store() // one for all parts
	o = o.unfiltered()             // the whole is filtered
	o.Samples = 0                  // the length of an epoch of the whole, not of a part
	names := Parts(src)
	for i, name := range names {
		if name == "" {
			err := &UsageError{Source: fmt.Sprintf("source %d of %d", i+1, len(names)), Reason: "it has no name; a mixture is A::B"}
			return nil, errors.Join(err, j.Close())
		}
		part, err := Open(ctx, name, o)
		if err != nil {
			return nil, errors.Join(err, j.Close())
		}
		j.add(part)
	}
	if err := j.shareClasses(o.Need); err != nil {
		return nil, errors.Join(err, j.Close())
	}
	j.info = sync.OnceValue(j.describeMixture)
	return j, nil
}

// shareClasses finds out whether all parts have the same classes, which are then those of the mixture.
func (j *joined) shareClasses(need Need) error {
	first := j.parts[0].Info()
	for _, p := range j.parts[1:] {
		if info := p.Info(); !slices.Equal(info.Classes, first.Classes) {
			if need == NeedLabels {
				return &DataError{Source: info.Name, Reason: "its classes are not those of " + first.Name}
			}
			return nil
		}
	}
	j.classed = len(first.Classes) > 0
	return nil
}

// describeMixture is describe with the parts, and with what they have in common.
func (j *joined) describeMixture() Info {
	out := j.describe()
	first := j.parts[0].Info()
	if j.classed {
		out.Classes = first.Classes
	}
	out.Templates = first.Templates
	times := map[string]int{}
	var names, lines []string
	for _, p := range j.parts {
		info := p.Info()
		if !slices.Equal(info.Templates, first.Templates) {
			out.Templates = nil
		}
		names = append(names, info.Name)
		part := Part{Name: info.Name, Kind: info.Kind, Samples: p.Len()}
		if times[info.Name]++; times[info.Name] > 1 {
			part.Name = fmt.Sprintf("%s (%d)", info.Name, times[info.Name])
			out.Notes = append(out.Notes, info.Name+" is named twice: its samples count twice")
		}
		out.Parts = append(out.Parts, part)
		lines = append(lines, fmt.Sprintf("%s (%s, %d)", part.Name, part.Kind, part.Samples))
	}
	out.Name = mixture.Join(names)
	out.Notes = append([]string{fmt.Sprintf("%d sources: %s", len(j.parts), strings.Join(lines, ", "))}, out.Notes...)
	return out
}
