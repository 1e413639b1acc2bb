package report

import (
	"cmp"
	"slices"
	"strings"

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

// curve is a number of an objective that has its own chart.
type curve struct{ key, name, about string }

// numbers are those of PPO, the most important first.
var numbers = []curve{
	{"reward_mean", "Reward", "Mean of each rollout, in standard deviations of the original captioner's rewards."},
	{"kl", "KL", "KL divergence of the policy from the original captioner, in nats per token."},
	{"kl_coefficient", "KL coefficient", "Penalty per nat of KL."},
	{"entropy", "Entropy", "Of the next token, in nats. At 0 the policy no longer explores."},
	{"clip_fraction", "Clipped", "Fraction of the policy ratios outside the clipping range."},
	{"explained_variance", "Explained variance", "Share of the returns' variance that the value head predicts."},
	{"caption_tokens", "Length", "Tokens of a caption."},
}

func placeOf(name string) int {
	return slices.IndexFunc(numbers, func(n curve) bool { return n.name == name })
}

// parts draws the terms of the loss, if there are any, and the objective's accuracy.
func parts(run Run) []*chart {
	losses := &chart{Name: "Parts of the loss", About: "Each before its weight.", smooth: true}
	accuracies := &chart{Name: "Accuracy", About: "Share of what the batch asked for that came first.", fraction: true, fromZero: true,
		smooth: true}
	var names []string
	for _, r := range run.Rows {
		for _, e := range r.Extra {
			if isPart(e.Name) {
				names = append(names, e.Name)
			}
		}
	}
	slices.Sort(names)
	var own []*chart
	for _, name := range slices.Compact(names) {
		c := losses
		if at := slices.IndexFunc(numbers, func(n curve) bool { return n.key == name }); at >= 0 {
			c = &chart{Name: numbers[at].name, About: numbers[at].about, smooth: true}
			own = append(own, c)
		}
		if strings.HasSuffix(name, accuracySuffix) {
			c = accuracies
		}
		l := line{Name: name}
		for _, r := range run.Rows {
			if v, ok := r.Number(name); ok {
				l.points = append(l.points, point{float64(r.Step), v})
			}
		}
		c.lines = append(c.lines, l)
	}
	slices.SortFunc(own, func(a, b *chart) int { return cmp.Compare(placeOf(a.Name), placeOf(b.Name)) })
	return append(own, losses, accuracies)
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

const (
	lossSuffix     = "_loss"
	accuracySuffix = "_accuracy"
)

// isPart reports whether a number of metrics.jsonl is drawn: a term of the loss, an accuracy, or one of numbers.
func isPart(name string) bool {
	return slices.ContainsFunc(numbers, func(n curve) bool { return n.key == name }) || strings.HasSuffix(name, lossSuffix) ||
		strings.HasSuffix(name, accuracySuffix)
}
