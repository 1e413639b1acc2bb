package training

import (
	"cmp"
	"encoding/binary"
	"slices"

	"clipgo/internal/nn"
	"clipgo/internal/torch"
	"clipgo/training/dist"
)

// bucketBytes is how much of the gradients is one sum over the processes. Buckets of this size use a network as well as larger ones.
const bucketBytes = 25 << 20

// reduce replaces the gradients of the open step by their sums over all processes. The sums have the same bits in each of them, and so has
// what follows from them: the norm, whether the step is skipped, the parameters.
//
// A parameter has a gradient afterwards if it has one in any process: one whose part of the batch is empty has none itself. Gradients of
// tables that are rows in all processes stay rows, those that any of them has.
func (x *exchange) reduce(s *torch.Scope, g dist.Group) error {
	if err := x.overlap.Err(); err != nil {
		return err
	}
	var ids map[int][]byte
	own := make([]float64, len(x.params))
	err := torch.Try(func() {
		for i := range x.params {
			own[i] = float64(x.kind(i))
		}
		ids = gradientIDs(s, x.params)
	})
	kinds, late, err := gradientKinds(g, err, own, x.overlap.Late())
	if err != nil {
		return err
	}
	summed := x.planned != nil // the dense ones, while they were computed
	if summed && (late || !slices.Equal(kinds, x.planned)) {
		x.missed()
		return errOtherPass
	}
	rows, err := gradientRows(g, ids, kinds)
	if err != nil {
		return err
	}
	var sums []*torch.Tensor
	err = torch.Try(func() {
		if !summed {
			sums = x.joined(s, kinds)
		}
		for i, p := range x.params {
			if kinds[i] == torch.RowGradient {
				sums = append(sums, p.Tensor().GradientRows(s, rows[i]))
			}
		}
	})
	if _, err := dist.Settle(g, err); err != nil { // before any process waits for the sums
		return err
	}
	if err := sum(g, sums); err != nil || summed {
		return err
	}
	return x.plan(g, kinds)
}

// sum replaces each tensor by its sum over the processes.
func sum(g dist.Group, ts []*torch.Tensor) (err error) {
	works := make([]dist.Work, len(ts))
	for i, t := range ts {
		if works[i], err = g.Reduce(t); err != nil {
			return err
		}
	}
	for _, w := range works {
		if err := w.Wait(); err != nil {
			return err
		}
	}
	return nil
}

// gradientKinds are the forms that the gradients get, from those in this process: dense if they are in any, else rows if they are in any.
// failed is this process's error, if it has none to tell. The result late is whether late is true in any process.
func gradientKinds(g dist.Group, failed error, own []float64, late bool) (kinds []torch.GradientKind, _ bool, _ error) {
	is := 0.0
	if late {
		is = 1
	}
	all, err := dist.Settle(g, failed, append([]float64{is}, own...)...)
	if err != nil {
		return nil, false, err
	}
	kinds = make([]torch.GradientKind, len(own))
	for i := range kinds {
		for _, of := range all {
			switch kind := torch.GradientKind(of[i+1]); {
			case kind == torch.DenseGradient, kinds[i] == torch.NoGradient:
				kinds[i] = kind
			}
		}
	}
	return kinds, dist.Sum(all, 0) > 0, nil
}

// joined are the dense gradients, joined in buckets.
func (x *exchange) joined(s *torch.Scope, kinds []torch.GradientKind) (sums []*torch.Tensor) {
	for _, bucket := range x.buckets(kinds) {
		var leaves []*torch.Tensor
		for _, i := range bucket {
			leaves = append(leaves, x.params[i].Tensor())
		}
		sums = append(sums, torch.JoinGradients(s, leaves))
	}
	return sums
}

// buckets are the parameters with dense gradients by their numbers, about bucketBytes each, the last ones first: their gradients are
// computed first within a tower.
func (x *exchange) buckets(kinds []torch.GradientKind) (out [][]int) {
	size, most := 0, cmp.Or(x.bytes, bucketBytes)
	for i, p := range slices.Backward(x.params) {
		if kinds[i] != torch.DenseGradient {
			continue
		}
		bytes := p.Len() * p.Tensor().DType().Size()
		if len(out) == 0 || size+bytes > most {
			out, size = append(out, nil), 0
		}
		last := len(out) - 1
		out[last], size = append(out[last], i), size+bytes
	}
	return out
}

// gradientIDs are the rows that the gradients of tables have in this process, four bytes each.
func gradientIDs(s *torch.Scope, params []*nn.Param) map[int][]byte {
	ids := map[int][]byte{}
	for i, p := range params {
		if p.Tensor().GradientKind() != torch.RowGradient {
			continue
		}
		for _, id := range p.Tensor().GradientIDs(s) {
			ids[i] = binary.LittleEndian.AppendUint32(ids[i], uint32(id))
		}
	}
	return ids
}

// gradientRows lists the rows that the gradient of a table has in any process, for each parameter whose gradient is rows.
func gradientRows(g dist.Group, ids map[int][]byte, kinds []torch.GradientKind) (map[int][]int64, error) {
	rows := map[int][]int64{}
	for i, kind := range kinds {
		if kind != torch.RowGradient {
			continue
		}
		all, err := g.Tell(ids[i])
		if err != nil {
			return nil, err
		}
		for _, of := range all {
			for at := 0; at < len(of); at += 4 {
				rows[i] = append(rows[i], int64(binary.LittleEndian.Uint32(of[at:])))
			}
		}
		slices.Sort(rows[i])
		rows[i] = slices.Compact(rows[i])
	}
	return rows, nil
}
