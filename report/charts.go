package report

import (
	"cmp"
	"slices"

	"clipgo/eval"
	"clipgo/training/record"
)

// charts are the charts of a run, the most important first.
func charts(run Run) []*chart {
	column := func(of func(record.Row) float64) []point {
		out := make([]point, len(run.Rows))
		for i, r := range run.Rows {
			out[i] = point{float64(r.Step), of(r)}
		}
		return out
	}
	loss := &chart{Name: "Loss", About: cmp.Or(run.LossIs, "Contrastive loss of each logged batch."),
		lines: []line{{points: column(func(r record.Row) float64 { return float64(r.Loss) })}}, smooth: true}
	if chance := run.chance(); run.Chance > 0 {
		loss.marks = []mark{{chance, "chance"}}
	} else if chance > 0 {
		loss.marks = []mark{{chance, "chance, ln(batch)"}}
	}
	scale := &chart{Name: "Logit scale", About: "Factor on the cosines, limited by the clamp.",
		lines: []line{{points: column(func(r record.Row) float64 { return float64(r.Scale) })}}, marks: []mark{{run.MaxScale, "clamp"}}}
	rate := &chart{Name: "Learning rate", About: "The schedule as it was applied.", fromZero: true,
		lines: []line{{points: column(func(r record.Row) float64 { return r.LR })}}}
	pace := &chart{Name: "Pairs a second", About: "Throughput between two logged steps, waiting for data included.", fromZero: true,
		lines: []line{{points: column(func(r record.Row) float64 { return r.Pairs })}}}
	norm := &chart{Name: "Gradient norm", About: "Of all parameters together, before clipping.", fromZero: true, smooth: true,
		lines: []line{{points: column(func(r record.Row) float64 { return float64(r.GradNorm) })}}}
	all := append(append([]*chart{loss, bySource(run.Rows)}, parts(run)...), validation(run)...)
	all = append(all, scale, rate, norm, pace)
	all = slices.DeleteFunc(all, func(c *chart) bool { return !c.hasPoints() })
	for _, c := range all {
		c.layout()
	}
	return all
}

// parts draws the numbers of the objective as its curves describe them, in their order. A number without a curve is not drawn.
func parts(run Run) []*chart {
	var out []*chart
	byName := map[string]*chart{}
	for _, curve := range run.Curves {
		c := byName[curve.Chart]
		if c == nil {
			c = &chart{Name: curve.Chart, About: curve.About, fraction: curve.Fraction, fromZero: curve.Fraction, smooth: true}
			byName[curve.Chart] = c
			out = append(out, c)
		}
		l := line{Name: curve.Key}
		for _, r := range run.Rows {
			if v, ok := r.Number(curve.Key); ok {
				l.points = append(l.points, point{float64(r.Step), v})
			}
		}
		if len(l.points) > 0 {
			c.lines = append(c.lines, l)
		}
	}
	return out
}

// validation draws the measured values, a chart for each group, with the chance level of its first value. A group has one unit.
func validation(run Run) []*chart {
	var out []*chart
	byGroup := map[string]*chart{}
	at := map[string]int{} // line of each value in its chart
	for _, e := range run.Evaluations {
		for _, v := range e.Values {
			c, ok := byGroup[v.Group]
			if !ok {
				c = &chart{Name: cmp.Or(v.Group, "Validation"),
					About:    cmp.Or(run.About[v.Group], "Measured during the training."),
					fraction: v.Unit == eval.Fraction, fromZero: v.Unit == eval.Fraction}
				byGroup[v.Group] = c
				out = append(out, c)
				if v.Chance > 0 {
					c.marks = []mark{{v.Chance, "chance " + percent(v.Chance)}}
				}
			}
			i, ok := at[v.Name]
			if !ok {
				i = len(c.lines)
				at[v.Name] = i
				c.lines = append(c.lines, line{Name: v.Name})
			}
			c.lines[i].points = append(c.lines[i].points, point{float64(e.Step), v.Value})
		}
	}
	return out
}
