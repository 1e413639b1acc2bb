package eval

import (
	"fmt"
	"slices"
)

// GroupResult is the accuracy of the samples of one group.
type GroupResult struct {
	Group int      `json:"group"`
	N     int      `json:"n"`
	Top1  float64  `json:"acc1"`
	Top5  *float64 `json:"acc5"` // nil below five classes
}

// Grouping are the accuracies of the groups of a set by one property, such as the region, in the order of their numbers.
type Grouping struct {
	Name   string        `json:"name"`
	Groups []GroupResult `json:"groups"`
	// WorstTop1 and WorstTop5 are the lowest accuracies of all groups that occur, which WILDS calls worst-group accuracies.
	WorstTop1 float64  `json:"worst_acc1"`
	WorstTop5 *float64 `json:"worst_acc5"`
}

// ByGroup measures logits [n, classes] for the samples of each group.
func ByGroup(name string, logits []float32, labels, groups []int, classes int) (g Grouping, err error) {
	if len(labels) != len(groups) || len(labels) == 0 || len(logits) != len(labels)*classes {
		return g, fmt.Errorf("groups: %d logits and %d labels for %d groups", len(logits), len(labels), len(groups))
	}
	counts := map[int]*Accuracy{}
	var order []int
	for i, group := range groups {
		if counts[group] == nil {
			counts[group], order = NewAccuracy(classes), append(order, group)
		}
		if err := counts[group].Add(logits[i*classes:(i+1)*classes], labels[i:i+1]); err != nil {
			return g, err
		}
	}
	slices.Sort(order)
	g = Grouping{Name: name, WorstTop1: 1}
	for _, group := range order {
		c := counts[group]
		one := GroupResult{group, c.n, *c.Top(1), c.Top(5)}
		g.Groups, g.WorstTop1 = append(g.Groups, one), min(g.WorstTop1, one.Top1)
		if one.Top5 != nil && (g.WorstTop5 == nil || *one.Top5 < *g.WorstTop5) {
			g.WorstTop5 = one.Top5
		}
	}
	return g, nil
}

// Lines are the grouping as a table, with the worst group below.
func (g Grouping) Lines() []string {
	out := []string{fmt.Sprintf("%9s %9s  %7s  %s", "acc1", "acc5", "samples", g.Name)}
	line := func(top1 float64, top5 *float64, n any, name string) string {
		five := "-"
		if top5 != nil {
			five = fmt.Sprintf("%.2f %%", 100**top5)
		}
		return fmt.Sprintf("%7.2f %% %9s  %7v  %s", 100*top1, five, n, name)
	}
	for _, one := range g.Groups {
		out = append(out, line(one.Top1, one.Top5, one.N, fmt.Sprint(one.Group)))
	}
	return append(out, line(g.WorstTop1, g.WorstTop5, "", "worst group"))
}
