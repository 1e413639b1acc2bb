package benchmark

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"clipgo/datasets"
	"clipgo/internal/bounded"
	"clipgo/internal/fault"
)

// Data is a data set by its name, with splits.
type Data struct {
	Name    string // in results, as CLIP_benchmark has it: wds/NAME
	Place   string // a folder, or whatever datasets.Open takes
	splits  map[string]string
	kind    string // the content of dataset_type.txt
	options datasets.Options
	infos   map[described]datasets.Info
}

// described is what the description of a source depends on.
type described struct {
	split string
	need  datasets.Need
}

// The splits of CLIP_benchmark.
const (
	TestSplit  = "test"
	TrainSplit = "train"
	ValSplit   = "val"
)

// Open finds a data set. A text such as NAME=PLACE gives it a name; otherwise wds_NAME is called wds/NAME, and everything else by its last
// part. A folder with a folder test is read by splits; everything else is the test split itself.
func Open(text string, o datasets.Options) (*Data, error) {
	d := &Data{Place: text, splits: map[string]string{}, options: o}
	if name, place, ok := strings.Cut(text, "="); ok && !strings.ContainsAny(name, `/\?:`) {
		d.Name, d.Place = name, place
	}
	if d.Name == "" {
		d.Name = nameOf(datasets.Public(d.Place))
	}
	st, err := os.Stat(d.Place)
	if errors.Is(err, fs.ErrNotExist) && !strings.ContainsAny(d.Place, ":{") {
		return nil, fault.Usagef("%s: there is no such file or folder", d.Place)
	}
	d.splits[TestSplit] = d.Place
	if err != nil || !st.IsDir() {
		return d, nil
	}
	for _, split := range []string{TestSplit, TrainSplit, ValSplit} {
		if inside := filepath.Join(d.Place, split); isDir(inside) && isDir(filepath.Join(d.Place, TestSplit)) {
			d.splits[split] = inside
		}
	}
	kind, err := bounded.ReadFile(filepath.Join(d.Place, "dataset_type.txt"), bounded.CacheEntry)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	d.kind = strings.ToLower(strings.TrimSpace(string(kind)))
	return d, nil
}

func isDir(path string) bool {
	st, err := os.Stat(path)
	return err == nil && st.IsDir()
}

func nameOf(place string) string {
	base := filepath.Base(place)
	if rest, ok := strings.CutPrefix(base, "wds_"); ok {
		return "wds/" + rest
	}
	return base
}

// Splits are the names of the splits that are there.
func (d *Data) Splits() []string {
	var out []string
	for _, s := range []string{TestSplit, TrainSplit, ValSplit} {
		if d.splits[s] != "" {
			out = append(out, s)
		}
	}
	return out
}

// Source opens a split. One that isn't there is an error of kind fault.Data.
func (d *Data) Source(ctx context.Context, split string, need datasets.Need) (datasets.Source, error) {
	place := d.splits[split]
	if place == "" {
		return nil, fault.Dataf("%s: it has no split %s, only %s", d.Place, split, strings.Join(d.Splits(), ", "))
	}
	o := d.options
	o.Need = need
	return datasets.Open(ctx, place, o)
}

// info describes a split. It is opened at the first call only: all models and tasks of a run share the description.
func (d *Data) info(ctx context.Context, split string, need datasets.Need) (datasets.Info, error) {
	if info, ok := d.infos[described{split, need}]; ok {
		return info, nil
	}
	src, err := d.Source(ctx, split, need)
	if err != nil {
		return datasets.Info{}, err
	}
	info := src.Info()
	if err := src.Close(); err != nil {
		return info, err
	}
	if d.infos == nil {
		d.infos = map[described]datasets.Info{}
	}
	d.infos[described{split, need}] = info
	return info, nil
}

// Tasks are the tasks that a data set is meant for, without training: what dataset_type.txt says, else classification with classes and
// retrieval with captions alone.
func (d *Data) Tasks(ctx context.Context) ([]string, error) {
	switch d.kind {
	case "retrieval":
		return []string{Retrieval}, nil
	case "":
	default:
		return nil, fault.Dataf("%s: the kind %q of dataset_type.txt is not supported", d.Place, d.kind)
	}
	info, err := d.info(ctx, TestSplit, datasets.NeedNothing)
	if err != nil {
		return nil, err
	}
	if len(info.Classes) > 0 {
		return []string{ZeroShot}, nil
	}
	return []string{Retrieval}, nil
}

// Expand reads a list: names separated by commas, or a file with one a line. Blank lines and lines that begin with # are left out.
func Expand(list string) ([]string, error) {
	ends := func(c rune) bool { return c == '\n' }
	text, depth := list, 0
	if st, err := os.Stat(list); err == nil && st.Mode().IsRegular() && filepath.Ext(list) == ".txt" {
		data, err := bounded.ReadFile(list, bounded.Settings)
		if err != nil {
			return nil, err
		}
		text = strings.TrimPrefix(string(data), "\ufeff")
	}
	if text == list {
		ends = func(c rune) bool { // a comma outside of braces
			depth += strings.Count("{", string(c)) - strings.Count("}", string(c))
			return c == ',' && depth == 0
		}
	}
	var out []string
	for one := range strings.FieldsFuncSeq(text, ends) {
		if one = strings.TrimSpace(one); one != "" && !strings.HasPrefix(one, "#") {
			out = append(out, one)
		}
	}
	if len(out) == 0 {
		return nil, fault.Usagef("%s: the list is empty", list)
	}
	sorted := slices.Sorted(slices.Values(out))
	for i := 1; i < len(sorted); i++ {
		if sorted[i] == sorted[i-1] {
			return nil, fmt.Errorf("%w", fault.Usagef("%s: %s is named twice", list, sorted[i]))
		}
	}
	return out, nil
}
