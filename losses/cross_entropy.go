// Package losses holds the losses of tokens and of preferences: pure functions of tensors, one a file, each with its formula.
// They know no model. What contrasts pictures with captions is in package contrastive.
package losses

import "clipgo/internal/torch"

// Ignore is the target of a position that has none: it adds neither value nor gradient. PyTorch uses the same number.
const Ignore = -100

// CrossEntropy is the loss of a choice among K classes, and what every token loss here is made of.
//
//	loss = -1/n sum_r sum_k q_rk log softmax(z_r)_k
//
// over the rows r that have a target; q is 1 on the target and 0 elsewhere, or what Smoothing makes of that.
type CrossEntropy struct {
	Smoothing Smoothing
	// Over is n: how many targets there are in the whole batch where Forward sees a part of it, so that the parts' losses add
	// up to that of the whole; 0 is as many as Forward sees, which makes it their mean.
	Over int
}

// Forward takes logits [R, K] and the class of each row or Ignore; it returns a scalar, 0 where no row has a target.
func (c CrossEntropy) Forward(logits *torch.Tensor, targets []int64) *torch.Tensor {
	rows, classes := counted(targets)
	n := len(rows)
	if n == 0 {
		return logits.Narrow(0, 0, 0).Sum() // with a graph, so that a backward pass finds one
	}
	s, device := logits.Scope(), logits.Device()
	if n < len(targets) {
		logits = logits.Rows(torch.From(s, rows, n).OnDevice(device))
	}
	k := logits.Shape()[1]
	mean := logits.CrossEntropy(torch.From(s, classes, n).OnDevice(device), c.Smoothing.OverAll(k))
	if c.Over == 0 || c.Over == n {
		return mean
	}
	return mean.Scale(float64(n) / float64(c.Over))
}

// OfVocabulary is Forward of logits that are rows [R, D] times a vocabulary's words [D, V], both float32 or bfloat16; the
// logits [R, V], most of a small language model's work, are not made as a whole.
func (c CrossEntropy) OfVocabulary(rows, words *torch.Tensor, targets []int64) *torch.Tensor {
	s, device := rows.Scope(), rows.Device()
	some, classes := counted(targets)
	n := len(some)
	if n == 0 {
		return rows.Narrow(0, 0, 0).Sum()
	}
	if n < len(targets) {
		rows = rows.Rows(torch.From(s, some, n).OnDevice(device))
	}
	over := c.Over
	if over == 0 {
		over = n
	}
	return rows.VocabularyLoss(words, torch.From(s, classes, n).OnDevice(device), c.Smoothing.OverAll(words.Shape()[1]), float64(over))
}

// counted gives the rows that have a target, and their targets.
func counted(targets []int64) (rows, classes []int64) {
	for r, target := range targets {
		if target != Ignore {
			rows, classes = append(rows, int64(r)), append(classes, target)
		}
	}
	return rows, classes
}

// Soft is the mean over all rows of the cross-entropy to targets that are distributions: logits and targets [R, K].
func Soft(logits, targets *torch.Tensor) *torch.Tensor {
	rows := logits.Shape()[0]
	return logits.LogSoftmax(-1).Mul(targets).Sum().Scale(-1 / float64(rows))
}

// Matches counts the rows whose target is the class that was chosen, among those that have one.
func Matches(chosen []float64, targets []int64) int {
	n := 0
	for r, class := range chosen {
		if targets[r] != Ignore && int64(class) == targets[r] {
			n++
		}
	}
	return n
}
