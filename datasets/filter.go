package datasets

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// Filtered says what a keep list did to a source.
type Filtered struct {
	File      string   `json:"file"`
	Rows      int      `json:"rows"`
	Kept      int      `json:"kept"`      // samples
	Dropped   int      `json:"dropped"`   // samples that a row drops
	Unnamed   int      `json:"unnamed"`   // samples that no row names
	Unmatched int      `json:"unmatched"` // rows that name no sample
	Examples  []string `json:"examples,omitempty"`

	keepsUnnamed bool
}

// Left is the number of samples that were left out.
func (f *Filtered) Left() int {
	switch {
	case f == nil:
		return 0
	case f.keepsUnnamed:
		return f.Dropped
	}
	return f.Dropped + f.Unnamed
}

// filtered is the part of a source that a keep list keeps.
type filtered struct {
	Source        // of the samples that are kept
	all    Source // closed with it
	report Filtered
	parts  []Part // of a mixture, with the samples that are kept
}

func (f *filtered) Close() error { return f.all.Close() }

// Unwrap is the source of the same samples.
func (f *filtered) Unwrap() Source { return f.Source }

func (f *filtered) Info() Info {
	info := f.Source.Info()
	info.Parts = f.parts
	info.Filter = &f.report
	info.Notes = append(info.Notes[:len(info.Notes):len(info.Notes)], f.report.notes()...)
	return info
}

// notes describes what was done.
func (f *Filtered) notes() []string {
	name, all := filepath.Base(f.File), f.Kept+f.Left()
	line := fmt.Sprintf("%s keeps %d of %d samples: it drops %d", name, f.Kept, all, f.Dropped)
	switch {
	case f.Unnamed > 0 && f.keepsUnnamed:
		line += fmt.Sprintf("; it has only rows that drop, so the %d that it doesn't name are kept", f.Unnamed)
	case f.Unnamed > 0:
		line += fmt.Sprintf(", and %d that it doesn't name are left out", f.Unnamed)
	}
	out := []string{line}
	if f.Unmatched > 0 {
		out = append(out, fmt.Sprintf("%d of %d rows of %s name no sample, such as %s", f.Unmatched, f.Rows, name,
			strings.Join(f.Examples, ", ")))
	}
	return out
}

// unfiltered are the options for a part of the data that is filtered as a whole.
func (o Options) unfiltered() Options {
	o.Filter = ""
	return o
}

// filter leaves out the samples of a source that the keep list drops. Without a list it is the source itself. After an error the source is
// closed.
func (o Options) filter(ctx context.Context, s Source, err error) (Source, error) {
	if err != nil || o.Filter == "" {
		return s, err
	}
	list, err := readKeepList(o.Filter)
	if _, ok := s.(*uncounted); ok {
		err = errors.Join(err, &UsageError{Source: s.Info().Name,
			Reason: "filter needs data whose samples are counted; leave train_num_samples out"})
	}
	if err == nil {
		var f *filtered
		if f, err = list.apply(ctx, s); err == nil {
			return f, nil
		}
	}
	return nil, errors.Join(err, s.Close())
}

// namedRows is the number of rows that a message names.
const namedRows = 3

// apply finds the row of each sample.
func (k *keepList) apply(ctx context.Context, s Source) (*filtered, error) {
	info := s.Info()
	k.index(info.Name)
	f := &filtered{all: s, report: Filtered{File: k.path, Rows: len(k.rows), keepsUnnamed: k.onlyDrops()}}
	var chosen []int
	for i := range s.Len() {
		e, err := s.Entry(ctx, i)
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		row, named := k.find(e)
		keep := err != nil // it is reported when it is read
		switch {
		case keep:
		case !named:
			f.report.Unnamed++
			keep = f.report.keepsUnnamed
		default:
			row.used, keep = true, row.keep
			if !keep {
				f.report.Dropped++
			}
		}
		if keep {
			chosen = append(chosen, i)
		}
	}
	f.report.Kept = len(chosen)
	for _, row := range k.rows {
		if row.used {
			continue
		}
		if f.report.Unmatched++; len(f.report.Examples) < namedRows {
			f.report.Examples = append(f.report.Examples, fmt.Sprintf("%.100s (line %d)", row.name, row.line))
		}
	}
	f.Source = Select(s, chosen)
	f.parts = keptParts(info.Parts, chosen)
	return f, k.judge(ctx, s, f.report)
}

// keptParts are the parts of a mixture with the numbers of their samples among the chosen ones, which are in order.
func keptParts(parts []Part, chosen []int) []Part {
	out := slices.Clone(parts)
	end, from := 0, 0
	for i, p := range parts {
		end += p.Samples
		to, _ := slices.BinarySearch(chosen, end)
		out[i].Samples, from = to-from, to
	}
	return out
}

// judge refuses a list that names no sample, and one that leaves none.
func (k *keepList) judge(ctx context.Context, s Source, r Filtered) error {
	switch {
	case r.Rows > 0 && r.Unmatched == r.Rows && s.Len() > 0:
		e, _ := s.Entry(ctx, 0)
		return &DataError{Source: k.path, Reason: fmt.Sprintf("none of its %d rows names a sample of %s: it has %s, and the data "+
			"has %.200s", r.Rows, s.Info().Name, strings.Join(r.Examples, ", "), e.Key)}
	case r.Kept == 0:
		return &DataError{Source: s.Info().Name, Reason: fmt.Sprintf("%s leaves none of its %d samples", k.path, s.Len())}
	}
	return nil
}

// find is the row of a sample: by its key, or by the file that holds it.
func (k *keepList) find(e Entry) (*keepRow, bool) {
	for _, name := range []string{e.Key, e.File} {
		if name == "" {
			continue
		}
		for _, reading := range []string{name, k.below(k.here, name)} {
			if i, ok := k.at[reading]; ok {
				return &k.rows[i], true
			}
		}
	}
	return nil, false
}

// index finds out what the paths of the rows mean: the path as it is written, or relative to the working directory, to the list's folder,
// or to the source if that is a folder. An earlier reading counts more than a later one, and then an earlier row.
func (k *keepList) index(source string) {
	k.at = make(map[string]int32, 2*len(k.rows))
	from := []string{"", k.here, k.below(k.here, filepath.Dir(k.path))}
	if st, err := os.Stat(source); err == nil && st.IsDir() {
		from = append(from, k.below(k.here, source))
	}
	for _, folder := range from {
		for i, row := range k.rows {
			reading := row.name
			if folder != "" {
				reading = k.below(folder, row.name)
			}
			if _, known := k.at[reading]; !known {
				k.at[reading] = int32(i)
			}
		}
	}
}

// below is a path that means the same everywhere, from one that is relative to a folder. What is no path, such as a URL, stays as it is.
func (k *keepList) below(folder, name string) string {
	switch {
	case strings.Contains(name, "://"):
		return name
	case filepath.IsAbs(name):
		return filepath.Clean(name)
	}
	return filepath.Join(folder, name)
}
