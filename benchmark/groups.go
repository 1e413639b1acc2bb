package benchmark

import (
	"fmt"
	"slices"

	"clipgo/datasets"
	"clipgo/eval"
)

// properties name what the groups of DataComp's sets are, by the sets' names there. The first of a set is that of its worst group.
var properties = map[string][]string{
	"Camelyon17":    {"hospital", "slide"},
	"FMoW":          {"region", "year"},
	"Dollar Street": {"income_ds", "income_meta", "region"},
	"GeoDE":         {"region", "country"},
	"iWildCam":      {"location"},
}

// mostOfGroups is the number of groups up to which a property has accuracies: more are times or numbers of samples.
const mostOfGroups = 400

// GroupResults are those of the properties of a set.
type GroupResults []eval.Grouping

// Lines are the tables of all properties.
func (g GroupResults) Lines() (out []string) {
	for _, one := range g {
		out = append(out, one.Lines()...)
	}
	return out
}

// group adds the accuracies of the samples' groups to the details. The worst ones by the first property are those that DataComp takes for
// a set.
func (o *outcome) group(set string, c *classified) error {
	width := len(c.Entries[0].Groups)
	if slices.ContainsFunc(c.Entries, func(e datasets.Entry) bool { return len(e.Groups) != width }) {
		o.notes = append(o.notes, "some samples have other groups than others, or none: accuracies of groups are left out")
		return nil
	}
	var all GroupResults
	for column := range width {
		groups := make([]int, len(c.Entries))
		for i, e := range c.Entries {
			groups[i] = e.Groups[column]
		}
		number := len(slices.Compact(slices.Sorted(slices.Values(groups))))
		if slices.Equal(groups, c.Labels) || number > mostOfGroups {
			continue
		}
		one, err := eval.ByGroup(property(set, column), c.logits, c.Labels, groups, len(c.classes))
		if err != nil {
			return err
		}
		if all = append(all, one); column == 0 {
			o.more[worstTop1] = one.WorstTop1
			if one.WorstTop5 != nil {
				o.more[worstTop5] = *one.WorstTop5
			}
		}
	}
	if all != nil {
		o.more["groups"] = all
	}
	return nil
}

// Keys of the details for the worst group by the first property.
const (
	worstTop1 = "worst_group_acc1"
	worstTop5 = "worst_group_acc5"
)

// property is the name of a property of a set.
func property(set string, column int) string {
	key := dataCompKey(set)
	for _, d := range dataComp {
		if names := properties[d.name]; slices.Contains(d.keys, key) && column < len(names) {
			return names[column]
		}
	}
	return fmt.Sprintf("group %d", column)
}
