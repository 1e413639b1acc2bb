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
	logits, classes, n := asked(logits, targets)
	if n == 0 {
		return logits.Sum()
	}
	mean := logits.CrossEntropy(classes, c.Smoothing.OverAll(logits.Shape()[1]))
	if c.Over == 0 || c.Over == n {
		return mean
	}
	return mean.Scale(float64(n) / float64(c.Over))
}

// OfVocabulary is Forward of logits that are rows [R, D] times a vocabulary's words [D, V], both float32 or bfloat16; the
// logits [R, V], most of a small language model's work, are not made as a whole.
func (c CrossEntropy) OfVocabulary(rows, words *torch.Tensor, targets []int64) *torch.Tensor {
	rows, classes, n := asked(rows, targets)
	if n == 0 {
		return rows.Sum()
	}
	over := c.Over
	if over == 0 {
		over = n
	}
	return rows.VocabularyLoss(words, classes, c.Smoothing.OverAll(words.Shape()[1]), float64(over))
}

// asked leaves of x the n rows that have a target, and gives the targets. No rows still have a graph, so that a backward pass
// finds one.
func asked(x *torch.Tensor, targets []int64) (rows, classes *torch.Tensor, n int) {
	at, of := counted(targets)
	if n = len(at); n == 0 {
		return x.Narrow(0, 0, 0), nil, 0
	}
	s, device := x.Scope(), x.Device()
	if n < len(targets) {
		x = x.Rows(torch.From(s, at, n).OnDevice(device))
	}
	return x, torch.From(s, of, n).OnDevice(device), n
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
