package benchmark

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"clipgo/datasets"
	"clipgo/datasets/store"
	"clipgo/internal/bounded"
	"clipgo/internal/fault"
	"clipgo/pretrained"
)

// Data is a data set by its name, with splits.
type Data struct {
	Name    string // in results, as CLIP_benchmark has it: wds/NAME
	Place   string // a folder, or whatever datasets.Open takes
	splits  map[string]string
	custom  *custom // names and prompts in place of its own; may be nil
	choice  string  // of the layouts of package choices: what to open
	options datasets.Options
	infos   map[described]datasets.Info
	// measured is the name of the split that stands for TestSplit, and located says that those of a folder elsewhere are found.
	measured string
	located  bool
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
// part. A folder with a folder test is read by splits; everything else is the test split itself. The splits of a folder elsewhere are
// found when they are first needed.
func Open(text string, o datasets.Options) (*Data, error) {
	o.Evaluation = true
	d := &Data{Place: text, splits: map[string]string{}, options: o}
	if name, place, ok := strings.Cut(text, "="); ok && isName(name) {
		d.Name, d.Place = name, place
	}
	d.Place = hubName(d.Place)
	named := d.Name != ""
	if !named {
		d.Name = nameOf(datasets.Public(d.Place))
	}
	_, err := os.Stat(d.Place)
	if errors.Is(err, fs.ErrNotExist) && !strings.ContainsAny(d.Place, ":{?&") {
		return nil, fault.Usagef("%s: there is no such file or folder", d.Place)
	}
	d.splits[TestSplit] = d.Place
	if err := d.chooses(named); err != nil || d.choice != "" {
		return d, err
	}
	return d, d.Measure(TestSplit)
}

// Public is the text of a data set, as Open takes it, without credentials.
func Public(text string) string {
	if name, place, ok := strings.Cut(text, "="); ok && isName(name) {
		return name + "=" + datasets.Public(place)
	}
	return datasets.Public(text)
}

// isName reports whether what comes before an equals sign is a name, not the beginning of a path or URL. A name may begin with wds/.
func isName(text string) bool {
	name, wds := strings.CutPrefix(text, "wds/")
	return !strings.ContainsAny(name, `\?:.{`) && (wds || !strings.Contains(name, "/"))
}

// Measure chooses the split that is measured, in place of the one named test. A place without splits has TestSplit alone.
func (d *Data) Measure(split string) error {
	d.measured, d.located = split, false
	d.splits = map[string]string{TestSplit: d.Place}
	if d.choice != "" || mayHaveSplits(d.Place) {
		return nil
	}
	if !isDir(filepath.Join(d.Place, split)) {
		return d.withoutSplit(split)
	}
	for role, name := range d.names() {
		if inside := filepath.Join(d.Place, name); isDir(inside) {
			d.splits[role] = inside
		}
	}
	return nil
}

// names are the folders of the splits by what they are for. The split that is measured is no validation set.
func (d *Data) names() map[string]string {
	names := map[string]string{TestSplit: d.measured, TrainSplit: TrainSplit, ValSplit: ValSplit}
	if d.measured == ValSplit {
		delete(names, ValSplit)
	}
	return names
}

// trains refuses to train a task on the split that is measured.
func (d *Data) trains(task string) error {
	if d.measured == TrainSplit && slices.Contains(tasks[task].splits, TrainSplit) {
		return fault.Setting("split", "%s trains on the split train of %s, so it can't be measured on it", task, d.Name)
	}
	return nil
}

// splitsOf are the splits that a task reads.
func (d *Data) splitsOf(task string) []string {
	splits := slices.Clone(tasks[task].splits)
	if (task == Calibration || slices.Contains(splits, TrainSplit)) && d.splits[ValSplit] != "" {
		splits = append(splits, ValSplit)
	}
	return splits
}

// withoutSplit says what is wrong with a place that doesn't have the split; nil if it need not have any.
func (d *Data) withoutSplit(split string) error {
	var there []string
	entries, _ := os.ReadDir(d.Place) // what can't be read is said when it is opened
	other := false
	for _, e := range entries {
		switch {
		case e.IsDir() && pretrained.LookLikeSplits([]string{e.Name()}):
			there = append(there, e.Name())
		case e.IsDir() && !strings.HasPrefix(e.Name(), "."):
			other = true
		}
	}
	switch {
	case len(there) > 0 && !other:
		return fault.Setting("split", "%s has no split %s, only %s", d.Place, split, strings.Join(there, ", "))
	case split != TestSplit:
		return fault.Setting("split", "%s has no folder %s", store.Public(d.Place), split)
	}
	return nil
}

func isDir(path string) bool {
	st, err := os.Stat(path)
	return err == nil && st.IsDir()
}

// nameOf is the name of a place: wds/NAME for wds_NAME, else its last part without a query.
func nameOf(place string) string {
	base := filepath.Base(place)
	if store.IsRemote(place) {
		base = cutAny(path.Base(strings.TrimSuffix(cutAny(store.Public(place), "?"), "/")), "@")
	}
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
	if d.choice != "" {
		return d.openChoices(ctx, split)
	}
	if err := d.locate(ctx); err != nil {
		return nil, err
	}
	place := d.splits[split]
	if place == "" {
		return nil, fault.Dataf("%s: it has no split %s, only %s", store.Public(d.Place), split, strings.Join(d.Splits(), ", "))
	}
	o := d.options
	o.Need = need
	var err error
	if o.Classes, err = d.custom.classes(d); err != nil {
		return nil, err
	}
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
	if d.choice != "" {
		return []string{Selection}, nil
	}
	info, err := d.info(ctx, TestSplit, datasets.NeedNothing)
	switch {
	case err != nil:
		return nil, err
	case info.Type == datasets.RetrievalType:
		return []string{Retrieval}, nil
	case info.Type == datasets.MultiLabelType || info.Type == datasets.ClassificationType || len(info.Classes) > 0:
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
