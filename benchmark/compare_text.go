package benchmark

import (
	"fmt"
	"strings"
)

// shownClasses is the number of classes that a comparison lists as text.
const shownClasses = 5

// Lines are the comparisons as text.
func (c *Changes) Lines() (lines []string) {
	put := func(format string, args ...any) { lines = append(lines, fmt.Sprintf(format, args...)) }
	last := ""
	for _, one := range c.Comparisons {
		if models := "from " + one.FirstModel + " to " + one.SecondModel; models != last {
			put("%s", models)
			last = models
		}
		lines = append(lines, one.Lines()...)
	}
	put("%d compared: %d better and %d worse by more than chance (95 %%)", c.Compared, c.Better, c.Worse)
	if n := len(c.OnlyFirst); n > 0 {
		put("%d only of the first: %s", n, strings.Join(c.OnlyFirst, "; "))
	}
	if n := len(c.OnlySecond); n > 0 {
		put("%d only of the second: %s", n, strings.Join(c.OnlySecond, "; "))
	}
	for _, f := range c.Failed {
		put("failed: %s, %s, %s: %s", f.Model, inLanguage(f.Dataset, f.Language), f.Task, f.Error)
	}
	return lines
}

// Lines are the comparison as text: the values and their difference, then the classes that changed most.
func (c *Comparison) Lines() (lines []string) {
	put := func(format string, args ...any) { lines = append(lines, fmt.Sprintf(format, args...)) }
	put("%s, %s: %s %s to %s%s", inLanguage(c.Dataset, c.Language), c.Task, c.Metric, percent(c.First), percent(c.Second), c.verdict())
	if c.Note != "" {
		put("  %s", c.Note)
	}
	if c.FirstSkipped+c.SecondSkipped > 0 {
		put("  skipped samples: %d and %d", c.FirstSkipped, c.SecondSkipped)
	}
	for _, m := range c.Metrics {
		if m.Name != c.Metric && m.First != nil && m.Second != nil && *m.First != *m.Second {
			put("  %-32s %8.4f %8.4f %+8.4f", m.Name, *m.First, *m.Second, *m.Second-*m.First)
		}
	}
	for _, k := range c.Classes[:min(len(c.Classes), shownClasses)] {
		mark := ""
		if k.Significant {
			mark = " *"
		}
		put("  %-32s %6.2f %% to %6.2f %%, %d won, %d lost of %d%s", k.Class, 100*k.First, 100*k.Second, k.Difference.Better,
			k.Difference.Worse, k.Difference.N, mark)
	}
	if n := len(c.Classes) - shownClasses; n > 0 {
		put("  and %d more classes", n)
	}
	return lines
}

// verdict is the difference as text; empty if the samples are not compared.
func (c *Comparison) verdict() string {
	d := c.Difference
	if d == nil {
		return ""
	}
	mark := ""
	if c.Significant {
		mark = " *"
	}
	return fmt.Sprintf(", %+.2f [%+.2f, %+.2f]%s, %d won, %d lost of %d", 100*d.Value, 100*d.Low, 100*d.High, mark, d.Better, d.Worse, d.N)
}

func percent(v *float64) string {
	if v == nil {
		return "not defined"
	}
	return fmt.Sprintf("%.2f %%", 100**v)
}
