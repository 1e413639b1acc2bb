package contrastive

import (
	"crypto/sha256"
	"encoding/binary"

	"clipgo/datasets"
	"clipgo/internal/torch"
	"clipgo/training"
	"clipgo/training/dist"
)

// Join makes the objective's batch one of all processes of a group, each of which has a part of it. The loss, its gradients and Parts are
// those of one process with all pairs. A process may have no pairs at all.
func (o *Objective) Join(g dist.Group) { o.Group = g }

// Joined reports whether there are several processes.
func (o *Objective) Joined() bool { return o.Group != nil && o.Group.World() > 1 }

// Others are the parts of a batch in all processes.
type Others struct {
	counts    []int // pairs of each process
	from, all int   // the first of this process's pairs, and the number of all
}

// Meet agrees on what all processes have of a batch after the first half of their passes. err is this process's error, if it failed.
// numbers are returned as their sums.
func (o *Objective) Meet(err error, n int, numbers ...float64) (at Others, sums []float64, _ error) {
	every, err := dist.Settle(o.Group, err, append([]float64{float64(n)}, numbers...)...)
	if err != nil {
		return at, nil, err
	}
	for rank, of := range every {
		if rank < o.Group.Rank() {
			at.from += int(of[0])
		}
		at.counts = append(at.counts, int(of[0]))
		at.all += int(of[0])
	}
	for i := range numbers {
		sums = append(sums, dist.Sum(every, i+1))
	}
	return at, sums, nil
}

// together makes the forward and backward pass of this process's part of a batch.
func (o *Objective) together(s *torch.Scope, b *datasets.Batch) (training.PendingPass, error) {
	p := &trip{o: o}
	var count float64
	err := torch.Try(func() { count = p.forward(s, b) })
	if p.refused != nil {
		err = p.refused
	}
	at, sums, err := o.Meet(err, b.N, count)
	if err != nil {
		return training.PendingPass{}, err
	}
	for _, h := range p.masked {
		h.over = int(sums[0])
	}
	loss, err := o.LossTogether(s, p.images, p.texts, b, at, 1)
	if err != nil {
		return training.PendingPass{}, err
	}
	scale := o.Model.Scale(s).Item()
	err = torch.Try(func() { p.backward(loss) })
	var words, right float64
	if err == nil {
		for _, h := range p.masked {
			words, right = words+h.value(), right+float64(h.right())
		}
	}
	_, ends, err := o.Meet(err, b.N, loss.Loss.Item(), words, right)
	if err != nil {
		return training.PendingPass{}, err
	}
	parts := training.Parts{Loss: ends[0], Scale: scale, Pairs: ReadPairs(loss.Pairs)}
	return training.PendingPass{Read: func() training.Parts { return o.withWords(parts, ends[1], ends[2], sums[0]) }}, nil
}

// LossTogether computes this process's share of the weighted loss over the features of all processes. The result is the share of the
// loss, without the weight, and the weighted gradients of this process's features; those of logit_scale and logit_bias are accumulated in
// the parameters, as shares. What can fail in one process alone, such as an allocation, is settled before the next exchange: the others
// would wait there for a process that doesn't come.
func (o *Objective) LossTogether(s *torch.Scope, images, texts []*torch.Tensor, b *datasets.Batch, at Others, weight float64) (
	LossGrads, error,
) {
	var own [2]*torch.Tensor
	err := torch.Try(func() {
		for i, parts := range [][]*torch.Tensor{images, texts} {
			own[i] = o.ownRows(s, parts, at.most()-b.N)
		}
	})
	if _, err := dist.Settle(o.Group, err); err != nil {
		return LossGrads{}, err
	}
	in, err := o.gather(s, own, b)
	if err != nil {
		return LossGrads{}, err
	}
	var out LossGrads
	err = torch.Try(func() {
		in.Image, in.Text = at.gathered(in.Image), at.gathered(in.Text)
		out = o.share(in, at.from, b.N, weight)
		out.Image, out.Text = at.spread(s, out.Image), at.spread(s, out.Text)
	})
	if _, err := dist.Settle(o.Group, err); err != nil {
		return LossGrads{}, err
	}
	for _, g := range []**torch.Tensor{&out.Image, &out.Text} {
		own, err := o.Group.SumRows(s, *g)
		if err != nil {
			return LossGrads{}, err
		}
		*g = own.In(s).Narrow(0, 0, b.N)
	}
	return out, nil
}

// share is the weighted share of n pairs in the loss, from one on, with the gradients of all pairs' features.
func (o *Objective) share(in LossInput, from, n int, weight float64) LossGrads {
	out := o.Loss.Part(in, from, n)
	out.weigh(in, weight)
	out.Pairs = o.LossOfPairs(in) // of all processes: each computes them
	return out
}

// gather is the input of the loss, with the rows that each process gives.
func (o *Objective) gather(s *torch.Scope, own [2]*torch.Tensor, b *datasets.Batch) (in LossInput, err error) {
	in = LossInput{Scale: o.Model.Scale(s), Bias: o.Model.Bias(s)}
	if in.Image, err = o.Group.Gather(s, own[0]); err != nil {
		return in, err
	}
	if in.Text, err = o.Group.Gather(s, own[1]); err != nil {
		return in, err
	}
	if o.DedupTargets {
		in.Group, err = o.groupsOfAll(b)
	}
	return in, err
}

// ownRows are the features of all parts and so many further rows, with which each process gives as many as the one with most pairs.
func (o *Objective) ownRows(s *torch.Scope, parts []*torch.Tensor, more int) *torch.Tensor {
	rows, dtype := detached(s, parts), torch.Float32
	if len(rows) > 0 {
		dtype = rows[0].DType()
	}
	if more > 0 {
		rows = append(rows, torch.Zeros(s, dtype, o.Model.Device(), more, o.Model.Config.EmbedDim))
	}
	return torch.Cat(0, rows...)
}

func (at Others) most() (n int) {
	for _, of := range at.counts {
		n = max(n, of)
	}
	return n
}

// gathered removes the rows that processes gave beyond their pairs.
func (at Others) gathered(all *torch.Tensor) *torch.Tensor {
	most := at.most()
	if at.all == most*len(at.counts) {
		return all
	}
	var own []*torch.Tensor
	for rank, n := range at.counts {
		own = append(own, all.Narrow(0, rank*most, n))
	}
	return torch.Cat(0, own...)
}

// spread is the reverse of gathered.
func (at Others) spread(s *torch.Scope, all *torch.Tensor) *torch.Tensor {
	most, from := at.most(), 0
	if at.all == most*len(at.counts) {
		return all
	}
	var out []*torch.Tensor
	for _, n := range at.counts {
		out = append(out, all.Narrow(0, from, n), torch.Zeros(s, all.DType(), all.Device(), most-n, all.Shape()[1]))
		from += n
	}
	return torch.Cat(0, out...)
}

// groupsOfAll are the groups of all processes' pairs, of which each gives a hash of its caption and one of its picture's captions.
func (o *Objective) groupsOfAll(b *datasets.Batch) ([]int32, error) {
	const size = 16 // of a caption's hash
	own := []byte{0}
	if b.Alike != nil || b.N == 0 {
		own[0] = 1
	}
	for i, key := range captionKeys(b) {
		hash, alike := sha256.Sum256([]byte(key)), uint64(0)
		if b.Alike != nil {
			alike = b.Alike[i]
		}
		own = binary.LittleEndian.AppendUint64(append(own, hash[:size]...), alike)
	}
	all, err := o.Group.Tell(own)
	if err != nil {
		return nil, err
	}
	var keys []string
	alike, known := []uint64{}, true
	for _, of := range all {
		known = known && of[0] == 1
		for of = of[1:]; len(of) > 0; of = of[size+8:] {
			keys, alike = append(keys, string(of[:size])), append(alike, binary.LittleEndian.Uint64(of[size:]))
		}
	}
	if !known {
		alike = nil
	}
	return groupsOf(keys, alike), nil
}
