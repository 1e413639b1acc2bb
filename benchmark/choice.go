package benchmark

import (
	"context"
	"fmt"
	"path"
	"slices"
	"strings"

	"clipgo/datasets"
	"clipgo/datasets/choices"
	"clipgo/eval"
	"clipgo/eval/clipbenchmark"
	"clipgo/internal/fault"
	"clipgo/pretrained"
)

// KindResult is the result of the samples of one kind, such as a tag of Winoground or a relation of ARO.
type KindResult struct {
	Kind string `json:"kind"`
	eval.Choice
}

// KindResults are those of all kinds.
type KindResults []KindResult

// Lines are a table of the kinds.
func (k KindResults) Lines() []string {
	out := []string{fmt.Sprintf("%9s %9s %9s  %7s  kind", "text", "image", "both", "samples")}
	mean := 0.0
	for _, r := range k {
		out = append(out, fmt.Sprintf("%7.2f %% %7.2f %% %7.2f %%  %7d  %s", 100*r.Text, 100*r.Image, 100*r.Both, r.N, r.Kind))
		mean += r.Both / float64(len(k))
	}
	return append(out, fmt.Sprintf("%31s  %7s  mean of the kinds", fmt.Sprintf("%.2f %%", 100*mean), ""))
}

// chooser collects the outcomes of samples.
type chooser struct {
	outcome
	chosen []eval.Chosen
	kinds  []string
	chance float64 // sum over the samples, of choosing right in both directions
}

// selection asks for each sample which caption belongs to which picture. The samples are those of the set, or pictures with several
// captions of which the first is the right one.
func selection(ctx context.Context, s *Suite, f *features) (*outcome, error) {
	test, info, err := f.of(ctx, TestSplit)
	if err != nil {
		return nil, err
	}
	pictures, kinds := 1, []string(nil)
	if f.set != nil && f.set.Right != nil {
		return association(s, f, test, info)
	}
	if f.set != nil {
		pictures, kinds = f.set.Pictures, f.set.Kinds
	}
	c := &chooser{outcome: outcome{most: s.Errors}}
	short, first := 0, ""
	texts := textsOf(test)
	for row := 0; row < len(test.Index); {
		sample, from := test.Index[row]/pictures, row
		for row < len(test.Index) && test.Index[row]/pictures == sample {
			row++
		}
		if row-from < pictures {
			continue // a picture of it can't be used
		}
		if len(texts[from]) < 2 {
			short++
			first = firstOf(first, test.Entries[from].Key)
			continue
		}
		if err := c.add(test, from, row, texts[from]); err != nil {
			return nil, fault.Dataf("%s: %s: %v", info.Name, test.Entries[from].Key, err)
		}
		if kinds != nil {
			c.kinds = append(c.kinds, kinds[sample])
		}
	}
	all := (len(test.Index) + f.skipped[TestSplit]) / pictures
	if short > 0 && (len(c.chosen) == 0 || datasets.TooMany(all-len(c.chosen), all, s.Settings.MaxSkip)) {
		return nil, fault.Dataf("%s: %d of %d samples have fewer than two captions to choose from, such as %s", info.Name, short, all,
			first)
	}
	if len(c.chosen) == 0 {
		return nil, fault.Dataf("%s: none of the %d samples can be used", info.Name, all)
	}
	passed := all - len(c.chosen)
	c.passed = &passed
	if short > 0 {
		c.share = float64(passed) / float64(all)
	}
	return c.finish(), nil
}

func firstOf(first, other string) string {
	if first == "" {
		return other
	}
	return first
}

// textsOf are the rows of each picture's captions.
func textsOf(f *pretrained.Features) [][]int {
	out := make([][]int, len(f.Index))
	for text, image := range f.TextImage {
		out[image] = append(out[image], text)
	}
	return out
}

// add judges one sample: the pictures from to to, and their captions.
func (c *chooser) add(f *pretrained.Features, from, to int, texts []int) error {
	captions := f.Texts[texts[0]*f.Dim : (texts[len(texts)-1]+1)*f.Dim]
	scores := eval.Scores(f.Images[from*f.Dim:to*f.Dim], captions, f.Dim)
	one, err := eval.Choose(scores, to-from, len(texts))
	if err != nil {
		return err
	}
	c.chosen = append(c.chosen, one)
	c.chance += eval.ChoiceChance(to-from, len(texts))
	hit := byte('0')
	if one.Text && one.Image {
		hit = '1'
	}
	c.hits += string(hit)
	c.samples = append(c.samples, Sample{
		Index: f.Index[from], Sample: f.Entries[from].Key, Text: f.Captions[texts[0]], Right: hit == '1',
	})
	for picture := range to - from {
		logits := scores[picture*len(texts) : (picture+1)*len(texts)]
		for i := range logits {
			logits[i] *= eval.LogitScale
		}
		if best, confidence := eval.Predict(logits); picture < len(texts) && best != picture {
			c.remember(Mistake{Index: f.Index[from+picture], Sample: f.Entries[from+picture].Key, Label: f.Captions[texts[picture]],
				Predicted: f.Captions[texts[best]], Confidence: confidence})
		}
	}
	return nil
}

// finish makes the outcome. The metrics are those of CLIP_benchmark, in its order.
func (c *chooser) finish() *outcome {
	r := eval.Choices(c.chosen)
	c.metrics = []clipbenchmark.Metric{{Key: "image_acc", Value: r.Image}, {Key: "text_acc", Value: r.Text}, {Key: "acc", Value: r.Both}}
	if chance := c.chance / float64(len(c.chosen)); chance > 0 {
		c.outcome.chance = &chance
	}
	c.more = map[string]any{"text_acc_strict": r.TextStrict}
	if kinds := c.byKind(); kinds != nil {
		c.more["kinds"] = kinds
	}
	return &c.outcome
}

// byKind are the results of each kind, in the order of their names; nil if the samples have no kinds.
func (c *chooser) byKind() (out KindResults) {
	names := slices.Sorted(slices.Values(c.kinds))
	for _, kind := range slices.Compact(names) {
		var own []eval.Chosen
		for i, k := range c.kinds {
			if k == kind {
				own = append(own, c.chosen[i])
			}
		}
		if kind != "" {
			out = append(out, KindResult{kind, eval.Choices(own)})
		}
	}
	return out
}

// chooses makes d a set of choices if its place has one of their layouts. It is an error if the place has several, which OpenAll opens.
func (d *Data) chooses(named bool) error {
	found := choices.Find(d.Place)
	switch {
	case len(found) == 0:
		return nil
	case len(found) > 1:
		return fault.Usagef("%s: it has %d data sets; name one of them, such as %s", d.Place, len(found), found[0].Path)
	}
	d.choice = found[0].Path
	if !named {
		d.Name = found[0].Name
	}
	return nil
}

// hasCues reports whether d is WinoGAViL.
func (d *Data) hasCues() bool {
	found := choices.Find(d.Place)
	return d.choice != "" && len(found) == 1 && found[0].Name == choices.WinoGAViL
}

// openChoices opens the set.
func (d *Data) openChoices(ctx context.Context, split string) (datasets.Source, error) {
	if split != TestSplit {
		return nil, fault.Dataf("%s: it has no split %s", d.Place, split)
	}
	return choices.Open(ctx, d.choice)
}

// OpenAll is Open for a place that may have several data sets, as the folder of SugarCrepe has. With a name they are called NAME/KIND.
func OpenAll(text string, o datasets.Options) ([]*Data, error) {
	name, place, named := strings.Cut(text, "=")
	if !named || !isName(name) {
		name, place, named = "", text, false
	}
	found := choices.Find(place)
	if len(found) < 2 {
		d, err := Open(text, o)
		return []*Data{d}, err
	}
	var out []*Data
	for _, f := range found {
		d := &Data{Name: f.Name, Place: f.Path, splits: map[string]string{TestSplit: f.Path}, options: o, choice: f.Path}
		if named {
			d.Name = name + "/" + path.Base(f.Name)
		}
		out = append(out, d)
	}
	return out, nil
}
