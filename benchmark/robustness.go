package benchmark

import (
	"context"
	"fmt"
	"reflect"
	"slices"
	"strings"

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
	r := &eval.Robustness{Reference: ref.Name}
	open := func(d *Data) (*classified, error) { return s.classifyFor(ctx, r, m, d) }
	clean, err := open(ref)
	if err != nil {
		return nil, err
	}
	r.N, r.Accuracy = len(clean.Labels), clean.count.Result().Top1
	for _, d := range shifted {
		c, err := open(d)
		if err != nil {
			return nil, err
		}
		own, used, err := clean.among(c.classes)
		if err != nil {
			return nil, fault.Dataf("%s: %v", datasets.Public(d.Place), err)
		}
		if left := len(clean.Labels) - used; left > 0 {
			noteOnce(r, fmt.Sprintf("%s: %d of %d pictures of %s are left out, since it doesn't have their classes", d.Name, left,
				len(clean.Labels), ref.Name))
		}
		if !reflect.DeepEqual(c.templates, clean.templates) {
			noteOnce(r, fmt.Sprintf("%s has other prompt templates than %s", d.Name, ref.Name))
		}
		shift := eval.NewShift(d.Name, len(c.Labels), len(c.classes), c.count.Result().Top1, own)
		if baseline != nil {
			noteOnce(r, expect(&shift, ref, d, len(c.classes) == len(clean.classes), baseline))
		}
		r.Shifts = append(r.Shifts, shift)
	}
	r.Finish()
	return r, nil
}

// classifyFor classifies the pictures of one of the sets, and keeps the notes on it.
func (s *Suite) classifyFor(ctx context.Context, r *eval.Robustness, m *pretrained.Embedder, d *Data) (*classified, error) {
	f := newFeatures(m, d, tasks[ZeroShot].need)
	f.begin(s, Cell{Data: d.Name, Task: ZeroShot})
	c, err := classify(ctx, f, TestSplit)
	if err != nil {
		return nil, err
	}
	f.noteEmpty(c.count.ByClass(c.classes))
	for _, line := range f.notes {
		if !strings.HasPrefix(line, d.Name) { // the notes are those of several sets
			line = d.Name + ": " + line
		}
		noteOnce(r, line)
	}
	return c, nil
}

// noteOnce adds a note that isn't there or empty.
func noteOnce(r *eval.Robustness, line string) {
	if line != "" && !slices.Contains(r.Notes, line) {
		r.Notes = append(r.Notes, line)
	}
}

// matchClasses finds classes among those of a reference set by their names. Classes with the same name are found in their order, if both
// sets have the name equally often.
func matchClasses(names, reference []string) ([]int, error) {
	places := map[string][]int{}
	for i, name := range reference {
		places[name] = append(places[name], i)
	}
	count := map[string]int{}
	for _, name := range names {
		count[name]++
	}
	seen, columns := map[string]int{}, []int(nil)
	for _, name := range names {
		switch at := places[name]; {
		case len(at) == 0:
			return nil, fmt.Errorf("the reference set has no class %q", name)
		case len(at) != count[name]:
			return nil, fmt.Errorf("it has %d classes named %q and the reference set has %d: which is which isn't known unless they have "+
				"different names in classnames.txt", count[name], name, len(at))
		default:
			columns = append(columns, at[seen[name]])
			seen[name]++
		}
	}
	return columns, nil
}

// among is the accuracy among some of the classes, of the used samples, which have one of them.
func (c *classified) among(names []string) (accuracy float64, used int, err error) {
	if slices.Equal(names, c.classes) {
		return c.count.Result().Top1, len(c.Labels), nil
	}
	columns, err := matchClasses(names, c.classes)
	if err != nil {
		return 0, 0, err
	}
	count := eval.NewAccuracy(len(names))
	row := make([]float32, len(names))
	for i, label := range c.Labels {
		own := slices.Index(columns, label)
		if own < 0 {
			continue
		}
		for k, at := range columns {
			row[k] = c.logits[i*len(c.classes)+at]
		}
		if err := count.Add(row, []int{own}); err != nil {
			return 0, 0, err
		}
		used++
	}
	if used == 0 {
		return 0, 0, fmt.Errorf("the reference set has no picture of its classes")
	}
	return count.Result().Top1, used, nil
}

// expect fills in what the models of a benchmark lead to expect, or says why it can't.
func expect(shift *eval.Shift, ref, d *Data, whole bool, baseline []Entry) (note string) {
	if !whole {
		return fmt.Sprintf("%s: no effective robustness, because it has fewer classes than %s and the baseline has whole accuracies only",
			d.Name, ref.Name)
	}
	accuracies := map[string]map[Cell]float64{ref.Name: {}, d.Name: {}} // by model and language
	for _, e := range baseline {
		if own := accuracies[e.Result.Dataset]; own != nil && e.Result.Task == ZeroShot {
			own[Cell{Model: e.Result.Model, Pretrained: e.Result.Pretrained, Language: languageOf(e.Result.Language)}] = e.Main()
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
