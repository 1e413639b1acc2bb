package benchmark

import (
	"cmp"
	"fmt"
	"math"
	"path"
	"slices"

	"clipgo/eval"
)

// Comparison is what changed from a first model to a second one in a task on a data set.
type Comparison struct {
	Dataset       string         `json:"dataset"`
	Task          string         `json:"task"`
	Language      string         `json:"language,omitempty"` // empty: en
	FirstModel    string         `json:"first_model"`
	SecondModel   string         `json:"second_model"`
	Metric        string         `json:"metric"` // that stands for the task
	First         *float64       `json:"first"`  // its value; nil if it isn't defined
	Second        *float64       `json:"second"`
	Metrics       []MetricChange `json:"metrics"`
	FirstSkipped  int            `json:"first_skipped"`
	SecondSkipped int            `json:"second_skipped"`

	// Difference is that of the samples, second minus first, with its 95 % interval: Better are the samples that only the second model got
	// right. It is nil where Note says why.
	Difference  *eval.Difference `json:"difference"`
	Significant bool             `json:"significant"`
	Note        string           `json:"note,omitempty"`
	Classes     []ClassChange    `json:"classes,omitempty"` // in which a sample changed, the largest changes first
	Won         []Example        `json:"won,omitempty"`     // examples that only the second model got right
	Lost        []Example        `json:"lost,omitempty"`    // examples that only the first model got right

	first, second side
}

// MetricChange is a metric's value for both models; nil if one doesn't have it, or it isn't defined.
type MetricChange struct {
	Name   string   `json:"name"`
	First  *float64 `json:"first"`
	Second *float64 `json:"second"`
}

// ClassChange is what changed in a class: its recall for both models.
type ClassChange struct {
	Class       string          `json:"class"`
	First       float64         `json:"first"`
	Second      float64         `json:"second"`
	Difference  eval.Difference `json:"difference"`
	Significant bool            `json:"significant"`
}

// Example is a sample that one of two models got right.
type Example struct {
	Index            int     `json:"index"`
	Sample           string  `json:"sample"`
	Text             string  `json:"text,omitempty"`
	Label            string  `json:"label,omitempty"`
	First            string  `json:"first,omitempty"` // what the first model predicted
	Second           string  `json:"second,omitempty"`
	FirstConfidence  float64 `json:"first_confidence,omitempty"`
	SecondConfidence float64 `json:"second_confidence,omitempty"`
}

// side is an entry with the folder that it is from.
type side struct {
	Entry
	out string
}

func (s side) cell() Cell { return cellOfResult(s.Result) }

// compare compares two entries of the same task on the same data set; examples is the number of examples of each kind.
func compare(a, b side, examples int) (*Comparison, error) {
	c := &Comparison{
		Dataset: a.Result.Dataset, Task: a.Result.Task, Language: languageOf(a.Result.Language), Metric: mainOf(a.Result),
		first: a, second: b,
		FirstModel: fullName(a.Result.Model, a.Result.Pretrained), SecondModel: fullName(b.Result.Model, b.Result.Pretrained),
		First: defined(a.Main()), Second: defined(b.Main()), Metrics: metricChanges(a.Entry, b.Entry),
		FirstSkipped: a.Details.Skipped, SecondSkipped: b.Details.Skipped,
	}
	x, y := a.Details, b.Details
	switch {
	case x.DataDigest == "" || y.DataDigest == "":
		c.Note = "a result of CLIP_benchmark has no outcome of each sample, so single samples are not compared"
		return c, nil
	case x.DataDigest != y.DataDigest:
		c.Note = "the data differ, so single samples are not compared"
		return c, nil
	case len(x.Hits) != len(y.Hits):
		c.Note = fmt.Sprintf("%d and %d samples were used, so single samples are not compared", len(x.Hits), len(y.Hits))
		return c, nil
	case len(x.Hits) == 0:
		c.Note = "the results don't have the outcome of each sample"
		return c, nil
	}
	d, err := eval.Compare(y.Hits, x.Hits)
	if err != nil {
		return nil, err
	}
	c.Difference, c.Significant = &d, d.Significant()
	if x.Precision != y.Precision {
		c.Note = fmt.Sprintf("the first is of precision %s, the second of %s", x.Precision, y.Precision)
	}
	return c, c.samples(examples)
}

func defined(v float64) *float64 {
	if math.IsNaN(v) {
		return nil
	}
	return &v
}

// metricChanges are the numbers among the metrics of both, in the order of the first.
func metricChanges(a, b Entry) (out []MetricChange) {
	number := func(e Entry, key string) *float64 {
		switch v, _ := e.Result.Value(key); v := v.(type) {
		case float64:
			return defined(v)
		case int:
			return defined(float64(v))
		}
		return nil
	}
	for _, e := range []Entry{a, b} {
		for _, m := range e.Result.Metrics {
			if slices.ContainsFunc(out, func(c MetricChange) bool { return c.Name == m.Key }) {
				continue
			}
			if c := (MetricChange{m.Key, number(a, m.Key), number(b, m.Key)}); c.First != nil || c.Second != nil {
				out = append(out, c)
			}
		}
	}
	return out
}

// samples compares the samples one by one.
func (c *Comparison) samples(examples int) error {
	first, err := c.first.cell().ReadSamples(c.first.out)
	if err != nil {
		return err
	}
	second, err := c.second.cell().ReadSamples(c.second.out)
	if err != nil {
		return err
	}
	n := len(c.first.Details.Hits)
	if len(first) != n || len(second) != n {
		c.Note = "the results don't name their samples, so classes and examples are not compared"
		return nil
	}
	byClass := map[string][2][]byte{}
	for i, a := range first {
		b := second[i]
		// The data may be in different folders.
		if path.Base(a.Sample) != path.Base(b.Sample) || a.Label != b.Label || a.Text != b.Text {
			c.Note = fmt.Sprintf("sample %d is %s in one and %s in the other: classes and examples are not compared", i, a.Sample, b.Sample)
			return nil
		}
		if a.Label != "" {
			hits := byClass[a.Label]
			byClass[a.Label] = [2][]byte{append(hits[0], letter(a.Right)), append(hits[1], letter(b.Right))}
		}
		if a.Right == b.Right {
			continue
		}
		e := Example{a.Index, a.Sample, a.Text, a.Label, a.Predicted, b.Predicted, a.Confidence, b.Confidence}
		if b.Right {
			c.Won = append(c.Won, e)
		} else {
			c.Lost = append(c.Lost, e)
		}
	}
	c.Won, c.Lost = surest(c.Won, examples), surest(c.Lost, examples)
	return c.classes(byClass)
}

func letter(right bool) byte {
	if right {
		return '1'
	}
	return '0'
}

// surest are the n examples of which the second model is surest; of equal ones the first.
func surest(all []Example, n int) []Example {
	slices.SortStableFunc(all, func(a, b Example) int { return cmp.Compare(b.SecondConfidence, a.SecondConfidence) })
	return all[:min(len(all), n)]
}

// classes fills in the classes in which a sample changed.
func (c *Comparison) classes(hits map[string][2][]byte) error {
	for class, h := range hits {
		d, err := eval.Compare(string(h[1]), string(h[0]))
		if err != nil {
			return err
		}
		if d.Better+d.Worse == 0 {
			continue
		}
		c.Classes = append(c.Classes, ClassChange{class, recall(h[0]), recall(h[1]), d, d.Significant()})
	}
	slices.SortFunc(c.Classes, func(a, b ClassChange) int {
		return cmp.Or(cmp.Compare(math.Abs(b.Difference.Value), math.Abs(a.Difference.Value)), cmp.Compare(b.Difference.N, a.Difference.N),
			cmp.Compare(a.Class, b.Class))
	})
	return nil
}

func recall(hits []byte) float64 {
	right := 0
	for _, h := range hits {
		right += int(h - '0')
	}
	return float64(right) / float64(len(hits))
}
