package report

import (
	"fmt"
	"strconv"

	"clipgo/eval"
)

// Anatomy holds the statistics of the network at a step.
type Anatomy struct {
	Step int
	eval.Anatomy
}

// anatomyView is the page's form of an Anatomy.
type anatomyView struct {
	About    string
	Measures []measure
	Bars     []calibrationBar
	Maps     []attentionMap
}

type measure struct{ Name, Value, Means string }

// calibrationBar is a bin of the calibration, in percent of the chart's side.
type calibrationBar struct {
	X, Y, Width, Height float64
	Text                string
}

// attentionMap is a tower's attention entropy, a row for each layer.
type attentionMap struct {
	Name  string
	Heads []int
	Rows  []attentionRow
}

type attentionRow struct {
	Layer int
	Cells []attentionCell
}

// attentionCell is a head's entropy; Heat is the strength of its colour, in percent.
type attentionCell struct {
	Text string
	Heat int
}

func viewAnatomy(a *Anatomy) *anatomyView {
	if a == nil {
		return nil
	}
	c := a.Calibration
	v := &anatomyView{
		About: fmt.Sprintf("After step %s, on %s pairs of the validation data, compared %d at a time.", Grouped(a.Step),
			Grouped(a.Pairs), a.Candidates),
		Measures: []measure{
			{"alignment", short(a.Alignment), "Mean squared distance of a picture's feature to its caption's: 0 where they coincide, 2 " +
				"where they have nothing in common."},
			{"uniformity of pictures", short(a.ImageUniformity), "Logarithm of the mean exp(-2 d^2) between their features: 0 where " +
				"all are one, lower the more they spread out."},
			{"uniformity of captions", short(a.TextUniformity), "The same of the captions, equal ones counted once."},
			{"modality gap", short(a.ModalityGap), "Distance between the mean features of the towers: 0 where both fill the same " +
				"region, 2 where they are opposite."},
			{"separated", percent(a.Separated), "Pairs whose cosine is above that of every wrong pair in their batch. On these the " +
				"loss has little left to do."},
			{"calibration error", percent(c.Error), fmt.Sprintf("Mean difference of confidence and accuracy over the "+
				"bins of the softmax over a batch. Its mean confidence is %s, its accuracy %s.",
				percent(c.Confidence), percent(c.Accuracy))},
		},
		Bars: calibrationBars(c),
	}
	for _, tower := range []struct {
		name    string
		entropy [][]float64
	}{{"Image tower", a.ImageAttention}, {"Text tower", a.TextAttention}} {
		if len(tower.entropy) > 0 {
			v.Maps = append(v.Maps, viewAttention(tower.name, tower.entropy))
		}
	}
	return v
}

func calibrationBars(c eval.Calibration) (out []calibrationBar) {
	width := 100 / float64(len(c.Bins))
	for i, b := range c.Bins {
		if b.N == 0 {
			continue
		}
		text := fmt.Sprintf("%s answers, confidence %s, accuracy %s", Grouped(b.N), percent(b.Confidence), percent(b.Accuracy))
		out = append(out, calibrationBar{X: round1(float64(i) * width), Y: round1(100 - 100*b.Accuracy), Width: round1(width - 1),
			Height: round1(100 * b.Accuracy), Text: text})
	}
	return out
}

func viewAttention(name string, entropy [][]float64) attentionMap {
	m := attentionMap{Name: name}
	for head := range entropy[0] {
		m.Heads = append(m.Heads, head)
	}
	for layer, heads := range entropy {
		row := attentionRow{Layer: layer}
		for _, e := range heads {
			const strongest = 55 // so that the number stays readable
			row.Cells = append(row.Cells, attentionCell{Text: strconv.FormatFloat(e, 'f', 2, 64), Heat: int(strongest*e + 0.5)})
		}
		m.Rows = append(m.Rows, row)
	}
	return m
}
