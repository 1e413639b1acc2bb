package report

import (
	"fmt"
	"math"

	"clipgo/training/record"
)

// Source is what became of the samples of a source of the training data. Present is how many it has. Samples are those of the steps, with
// replacements of samples that were skipped. Used and Skipped are the slots of its own samples.
type Source struct {
	Name, Kind                      string
	Present, Samples, Used, Skipped int64
	Passes, Share                   float64
}

type dataView struct {
	Name, Kind                                     string
	Present, Samples, Share, Used, Skipped, Passes string
}

func viewData(all []Source) (out []dataView) {
	number := func(n int64) string { return Grouped(int(n)) }
	for _, s := range all {
		out = append(out, dataView{s.Name, s.Kind, number(s.Present), number(s.Samples), percent(s.Share), number(s.Used),
			number(s.Skipped), fmt.Sprintf("%.2f", s.Passes)})
	}
	return out
}

// passView is a line of the table of passes: a pass, or a shard of it of which samples were skipped.
type passView struct {
	Name                   string
	Pass, Step             string
	Present, Used, Skipped string
}

// mostPasses is the number of lines of the table of passes.
const mostPasses = 60

// viewPasses are the last passes, each followed by its shards of which samples were skipped, and the number of lines before them.
func viewPasses(rows []record.Row) (out []passView, earlier int) {
	for _, r := range rows {
		for _, p := range r.Passes {
			out = append(out, passView{p.Source, fmt.Sprint(p.Pass), Grouped(r.Step), Grouped(int(p.Present)), Grouped(int(p.Used)),
				Grouped(int(p.Skipped))})
			for _, f := range p.Damaged {
				out = append(out, passView{"shard " + f.File, fmt.Sprint(p.Pass), Grouped(r.Step), Grouped(int(f.Present)),
					Grouped(int(f.Used)), Grouped(int(f.Skipped))})
			}
		}
	}
	earlier = max(0, len(out)-mostPasses)
	return out[earlier:], earlier
}

// mostLines is the number of lines of a chart that can be distinguished.
const mostLines = 6

// bySource draws the loss of each source of a mixture.
func bySource(rows []record.Row) *chart {
	c := &chart{Name: "Loss by source", About: "Contrastive loss of each source's pairs, mean of the steps since the line before.",
		smooth: true}
	at := map[string]int{}
	for _, r := range rows {
		for _, s := range r.Sources {
			if math.IsNaN(float64(s.Loss)) {
				continue
			}
			i, known := at[s.Name]
			if !known {
				if len(c.lines) == mostLines {
					c.About = fmt.Sprintf("The first %d sources; metrics.jsonl has all.", mostLines)
					continue
				}
				i = len(c.lines)
				at[s.Name] = i
				c.lines = append(c.lines, line{Name: s.Name})
			}
			c.lines[i].points = append(c.lines[i].points, point{float64(r.Step), float64(s.Loss)})
		}
	}
	return c
}
