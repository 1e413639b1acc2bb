// Package losses holds the losses on tokens, on preferences and of PPO: pure functions of tensors, each in a file with its formula. They
// know no model. The losses that contrast pictures with captions are in package contrastive.
package losses

import "clipgo/internal/torch"

// Ignore is the target of a position that the loss doesn't count. It is PyTorch's ignore_index.
const Ignore = -100

// CrossEntropy is the cross-entropy over K classes, the basis of every token loss here.
//
//	loss = -1/n sum_r sum_k q_rk log softmax(z_r)_k
//
// over the n rows r that have a target, with logits z. q is 1 on the target and 0 elsewhere, changed by Smoothing.
type CrossEntropy struct {
	Smoothing Smoothing
	// Over is n. For a part of a batch it is the number of targets in the whole batch, so that the losses of the parts sum to
	// that of the batch. 0 means the number of targets that Forward gets, so that the loss is their mean.
	Over int
}

// Forward takes logits [R, K] and for each row its class or Ignore. It returns a scalar, 0 if no row has a target.
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

// OfVocabulary is Forward with the logits rows [R, D] times words [D, V], both float32 or bfloat16. It doesn't hold the logits [R, V] as
// a whole, whose computation is most of a small language model's work.
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

// asked selects the n rows of x that have a target, and returns their targets. With n = 0 the result is still part of the graph, so that
// a backward pass works.
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

// counted returns the rows that have a target, and their targets.
func counted(targets []int64) (rows, classes []int64) {
	for r, target := range targets {
		if target != Ignore {
			rows, classes = append(rows, int64(r)), append(classes, target)
		}
	}
	return rows, classes
}

// Soft is the mean cross-entropy with soft targets: logits and targets (probabilities) are [R, K].
func Soft(logits, targets *torch.Tensor) *torch.Tensor {
	rows := logits.Shape()[0]
	return logits.LogSoftmax(-1).Mul(targets).Sum().Scale(-1 / float64(rows))
}

// Matches counts the rows whose chosen class is their target. Rows without a target don't count.
func Matches(chosen []float64, targets []int64) int {
	n := 0
	for r, class := range chosen {
		if targets[r] != Ignore && int64(class) == targets[r] {
			n++
		}
	}
	return n
}
