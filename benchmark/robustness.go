package benchmark

import (
	"context"
	"fmt"
	"reflect"
	"slices"

	"clipgo/datasets"
	"clipgo/eval"
	"clipgo/internal/fault"
	"clipgo/pretrained"
)

// Robustness measures zero-shot classification on a reference set and on shifted sets, whose classes are those of the reference or some of
// them. Then the accuracy on the reference is that of these classes alone. baseline are cells of other models, from which the effective
// robustness follows.
func (s *Suite) Robustness(ctx context.Context, m *pretrained.Embedder, ref *Data, shifted []*Data, baseline []Entry) (*eval.Robustness,
	error) {
	open := func(d *Data) (*classified, error) {
		f := newFeatures(m, d, tasks[ZeroShot].need)
		f.begin(s, Cell{Data: d.Name, Task: ZeroShot})
		return classify(ctx, f, TestSplit)
	}
	clean, err := open(ref)
	if err != nil {
		return nil, err
	}
	r := &eval.Robustness{Reference: ref.Name, N: len(clean.Labels), Accuracy: clean.count.Result().Top1}
	for _, d := range shifted {
		c, err := open(d)
		if err != nil {
			return nil, err
		}
		own, err := clean.among(c.classes)
		if err != nil {
			return nil, fault.Dataf("%s: %v", datasets.Public(d.Place), err)
		}
		if !reflect.DeepEqual(c.templates, clean.templates) {
			r.Notes = append(r.Notes, fmt.Sprintf("%s has other prompt templates than %s", d.Name, ref.Name))
		}
		shift := eval.NewShift(d.Name, len(c.Labels), len(c.classes), c.count.Result().Top1, own)
		if baseline != nil {
			if note := expect(&shift, ref, d, len(c.classes) == len(clean.classes), baseline); note != "" {
				r.Notes = append(r.Notes, note)
			}
		}
		r.Shifts = append(r.Shifts, shift)
	}
	r.Finish()
	return r, nil
}

// among is the accuracy among some of the classes, of the samples that have one of them.
func (c *classified) among(names []string) (float64, error) {
	if slices.Equal(names, c.classes) {
		return c.count.Result().Top1, nil
	}
	var columns []int
	for _, name := range names {
		at := slices.Index(c.classes, name)
		if at < 0 {
			return 0, fmt.Errorf("the reference set has no class %q", name)
		}
		columns = append(columns, at)
	}
	count := eval.NewAccuracy(len(names))
	row, n := make([]float32, len(names)), 0
	for i, label := range c.Labels {
		own := slices.Index(columns, label)
		if own < 0 {
			continue
		}
		for k, at := range columns {
			row[k] = c.logits[i*len(c.classes)+at]
		}
		if err := count.Add(row, []int{own}); err != nil {
			return 0, err
		}
		n++
	}
	if n == 0 {
		return 0, fmt.Errorf("the reference set has no picture of its classes")
	}
	return count.Result().Top1, nil
}

// expect fills in what the models of a benchmark lead to expect, or says why it can't.
func expect(shift *eval.Shift, ref, d *Data, whole bool, baseline []Entry) (note string) {
	if !whole {
		return fmt.Sprintf("%s: no effective robustness, because it has fewer classes than %s and the baseline has whole accuracies only",
			d.Name, ref.Name)
	}
	accuracies := map[string]map[string]float64{ref.Name: {}, d.Name: {}}
	for _, e := range baseline {
		if own := accuracies[e.Result.Dataset]; own != nil && e.Result.Task == ZeroShot {
			own[modelName(e)] = e.Main()
		}
	}
	var x, y []float64
	for model, clean := range accuracies[ref.Name] {
		if other, ok := accuracies[d.Name][model]; ok {
			x, y = append(x, clean), append(y, other)
		}
	}
	line, err := eval.FitBaseline(x, y, shift.N)
	if err != nil {
		return fmt.Sprintf("%s: no effective robustness: %v", d.Name, err)
	}
	expected := line.Expected(shift.Reference, shift.N)
	effective := shift.Accuracy - expected
	shift.Expected, shift.Effective, shift.Models = &expected, &effective, len(x)
	return ""
}

// ReadBaseline reads the cells of a folder of results; none of an empty path. A folder without results is an error of kind fault.Data.
func ReadBaseline(dir string) ([]Entry, error) {
	if dir == "" {
		return nil, nil
	}
	entries, err := Collect(dir)
	if err == nil && len(entries) == 0 {
		err = fault.Dataf("%s: it has no results of a benchmark", dir)
	}
	return entries, err
}
