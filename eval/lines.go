package eval

import (
	"fmt"
	"strings"
)

// The results for people, as lines under a first one that names the data.

// Lines are the recalls in both directions.
func (r Retrieval) Lines(data string) []string {
	out := []string{fmt.Sprintf("%s: %d pictures, %d captions", data, r.Images, r.Texts)}
	for i, image := range r.Image {
		out = append(out, fmt.Sprintf(
			"  recall@%-3d picture by caption %6.2f %% (chance %.2f %%)   caption by picture %6.2f %% (chance %.2f %%)", image.K,
			100*image.Value, 100*image.Chance, 100*r.Text[i].Value, 100*r.Text[i].Chance))
	}
	return out
}

// Lines are the agreement and the margin.
func (a Agreement) Lines(data string) []string {
	return []string{
		fmt.Sprintf("%s: %d pairs, %d of them ties", data, a.Pairs, a.Ties),
		fmt.Sprintf("  agreement %6.2f %%   (chance 50.00 %%)", 100*a.Value),
		fmt.Sprintf("  margin    %6.3f", a.Margin),
	}
}

// Lines are the statistics, with a line for the attention of each layer.
func (a Anatomy) Lines(data string) []string {
	out := []string{
		fmt.Sprintf("%s: %d pairs, %d at a time, cosines times %.2f", data, a.Pairs, a.Candidates, a.LogitScale),
		fmt.Sprintf("  alignment    %7.4f", a.Alignment),
		fmt.Sprintf("  uniformity   %7.4f of pictures, %.4f of captions", a.ImageUniformity, a.TextUniformity),
		fmt.Sprintf("  gap          %7.4f", a.ModalityGap),
		fmt.Sprintf("  separated    %6.2f %%", 100*a.Separated),
		fmt.Sprintf("  calibration  error %.2f %%: confidence %.2f %%, accuracy %.2f %%", 100*a.Calibration.Error,
			100*a.Calibration.Confidence, 100*a.Calibration.Accuracy),
	}
	return append(append(out, attentionLines("image", a.ImageAttention)...), attentionLines("text", a.TextAttention)...)
}

func attentionLines(tower string, entropy [][]float64) (out []string) {
	for layer, heads := range entropy {
		var cells []string
		for _, v := range heads {
			cells = append(cells, fmt.Sprintf("%.2f", v))
		}
		out = append(out, fmt.Sprintf("  %-5s layer %-2d attention %s", tower, layer, strings.Join(cells, " ")))
	}
	return out
}

// ClassLines are a table of classes.
func ClassLines(classes []ClassResult) (out []string) {
	if len(classes) > 0 {
		out = append(out, fmt.Sprintf("%9s  %8s  class (most often taken for)", "recall", "pictures"))
	}
	for _, c := range classes {
		recall, confused := "-", ""
		if c.Recall != nil {
			recall = fmt.Sprintf("%.2f %%", 100**c.Recall)
		}
		if c.ConfusedN > 0 {
			confused = fmt.Sprintf(" (%s, %d times)", c.Confused, c.ConfusedN)
		}
		out = append(out, fmt.Sprintf("%9s  %8d  %s%s", recall, c.N, c.Class, confused))
	}
	return out
}

// Lines are the numbers and a table of the bins that have predictions.
func (r Reliability) Lines() []string {
	out := []string{
		fmt.Sprintf("calibration of softmax(%.4g cosine): ECE %.2f %%, MCE %.2f %%, ACE %.2f %%, Brier %.4f, NLL %.4f", r.Scale, 100*r.ECE,
			100*r.MCE, 100*r.ACE, r.Brier, r.NLL),
		fmt.Sprintf("  %-19s  %8s  %10s  %8s", "confidence", "samples", "mean", "accuracy"),
	}
	for i, b := range r.Bins {
		if b.N > 0 {
			n := float64(len(r.Bins))
			out = append(out, fmt.Sprintf("  %6.2f to %6.2f %%  %8d  %8.2f %%  %6.2f %%", 100*float64(i)/n, 100*float64(i+1)/n, b.N,
				100*b.Confidence, 100*b.Accuracy))
		}
	}
	return out
}
