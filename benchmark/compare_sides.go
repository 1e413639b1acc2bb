package benchmark

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"clipgo/internal/fault"
)

// Changes are the comparisons of two models, or of the models that two folders of results have in common.
type Changes struct {
	Comparisons []*Comparison `json:"-"`
	Compared    int           `json:"compared"`
	Better      int           `json:"better"` // in how many the second is better, and the interval excludes 0
	Worse       int           `json:"worse"`
	OnlyFirst   []string      `json:"only_first,omitempty"` // results that the second doesn't have
	OnlySecond  []string      `json:"only_second,omitempty"`
	Failed      []Failure     `json:"failed,omitempty"` // in either folder, of the models compared
}

// CompareFolders compares two folders of results: the models that both have, or the only model of each.
func CompareFolders(first, second string, examples int) (*Changes, error) {
	a, err := readSome(first)
	if err != nil {
		return nil, err
	}
	b, err := readSome(second)
	if err != nil {
		return nil, err
	}
	var common [][2]string
	x, y := a.models(), b.models()
	for _, m := range x {
		if slices.Contains(y, m) {
			common = append(common, m)
		}
	}
	ch := &Changes{}
	switch {
	case len(common) > 0:
		for _, m := range common {
			if err := ch.add(a, m, b, m, examples); err != nil {
				return nil, err
			}
		}
	case len(x) == 1 && len(y) == 1:
		err = ch.add(a, x[0], b, y[0], examples)
	default:
		return nil, fault.Usagef("%s has the models %s and %s has %s: none is in both, so it isn't clear which two to compare", first,
			names(x), second, names(y))
	}
	return ch, err
}

// CompareModels compares two models of one folder of results, each named as in the results, with its tag as MODEL@TAG, or by the last part
// of its path.
func CompareModels(out, first, second string, examples int) (*Changes, error) {
	o, err := readSome(out)
	if err != nil {
		return nil, err
	}
	a, err := o.model(first)
	if err != nil {
		return nil, err
	}
	b, err := o.model(second)
	if err != nil {
		return nil, err
	}
	if a == b {
		return nil, fault.Usagef("%s and %s are the same model", first, second)
	}
	ch := &Changes{}
	return ch, ch.add(o, a, o, b, examples)
}

func readSome(out string) (*Outcome, error) {
	o, err := Read(out)
	if err != nil {
		return nil, err
	}
	if len(o.Entries)+len(o.Failures) == 0 {
		if o.Entries, err = valuesAlone(out); err != nil {
			return nil, err
		}
	}
	if len(o.Entries)+len(o.Failures) == 0 {
		return nil, fault.Usagef("%s: it is no folder of results of a benchmark", out)
	}
	return o, nil
}

// models are the models of the results and failures, with the tags of their weights.
func (o *Outcome) models() (out [][2]string) {
	add := func(m [2]string) {
		if !slices.Contains(out, m) {
			out = append(out, m)
		}
	}
	for _, e := range o.Entries {
		add([2]string{e.Result.Model, e.Result.Pretrained})
	}
	for _, f := range o.Failures {
		add([2]string{f.Model, f.Pretrained})
	}
	return out
}

// model finds a model by a name.
func (o *Outcome) model(name string) (found [2]string, err error) {
	all := o.models()
	var matches [][2]string
	for _, same := range []func(m [2]string) bool{
		func(m [2]string) bool { return m[0] == name || m[0]+"@"+m[1] == name },
		func(m [2]string) bool {
			return filepath.Base(m[0]) == name || filepath.Clean(m[0]) == filepath.Clean(name)
		},
	} {
		for _, m := range all {
			if same(m) {
				matches = append(matches, m)
			}
		}
		if len(matches) > 0 {
			break
		}
	}
	switch len(matches) {
	case 1:
		return matches[0], nil
	case 0:
		return found, fault.Usagef("%s has no results of the model %s, only of %s", o.Out, name, names(all))
	}
	return found, fault.Usagef("%s may be one of %s: name it with its folder or as MODEL@TAG", name, names(matches))
}

func names(models [][2]string) string {
	var out []string
	for _, m := range models {
		out = append(out, strings.TrimSuffix(m[0]+"@"+m[1], "@x"))
	}
	return strings.Join(out, ", ")
}

// of are the entries of a model by data set, language and task.
func (o *Outcome) of(m [2]string) (order []string, sides map[string]side) {
	sides = map[string]side{}
	for _, e := range o.Entries {
		if e.Result.Model == m[0] && e.Result.Pretrained == m[1] {
			key := inLanguage(e.Result.Dataset, e.Result.Language) + ", " + e.Result.Task
			order, sides[key] = append(order, key), side{e, o.Out}
		}
	}
	return order, sides
}

// add compares a model of one folder with a model of another one.
func (c *Changes) add(a *Outcome, first [2]string, b *Outcome, second [2]string, examples int) error {
	order, own := a.of(first)
	others, other := b.of(second)
	for _, key := range order {
		y, ok := other[key]
		if !ok {
			c.OnlyFirst = append(c.OnlyFirst, fmt.Sprintf("%s, %s", first[0], key))
			continue
		}
		one, err := compare(own[key], y, examples)
		if err != nil {
			return err
		}
		c.Comparisons, c.Compared = append(c.Comparisons, one), c.Compared+1
		switch {
		case one.Significant && one.Difference.Value > 0:
			c.Better++
		case one.Significant:
			c.Worse++
		}
	}
	for _, key := range others {
		if _, ok := own[key]; !ok {
			c.OnlySecond = append(c.OnlySecond, fmt.Sprintf("%s, %s", second[0], key))
		}
	}
	for i, o := range []*Outcome{a, b} {
		m := [][2]string{first, second}[i]
		for _, f := range o.Failures {
			if f.Model == m[0] && f.Pretrained == m[1] {
				c.Failed = append(c.Failed, f)
			}
		}
	}
	return nil
}
