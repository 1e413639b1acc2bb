package training

import (
	"encoding/binary"
	"slices"

	"clipgo/internal/nn"
	"clipgo/internal/torch"
	"clipgo/training/dist"
)

// bucketBytes is how much of the gradients is one sum over the processes. Buckets of this size use a network as well as larger ones.
const bucketBytes = 25 << 20

// reduce replaces the gradients by their sums over all processes. The sums have the same bits in each of them, and so has what follows
// from them: the norm, whether the step is skipped, the parameters.
//
// A parameter has a gradient afterwards if it has one in any process: one whose part of the batch is empty has none itself. Gradients of
// tables that are rows in all processes stay rows, those that any of them has.
func reduce(s *torch.Scope, g dist.Group, params []*nn.Param) error {
	var ids map[int][]byte
	own := make([]float64, len(params))
	err := torch.Try(func() {
		for i, p := range params {
			own[i] = float64(p.Tensor().GradientKind())
		}
		ids = gradientIDs(s, params)
	})
	kinds, err := gradientKinds(g, err, own)
	if err != nil {
		return err
	}
	rows, err := gradientRows(g, ids, kinds)
	if err != nil {
		return err
	}
	var sums []*torch.Tensor
	err = torch.Try(func() {
		for _, bucket := range buckets(params, kinds) {
			sums = append(sums, torch.JoinGradients(s, bucket))
		}
		for i, p := range params {
			if kinds[i] == torch.RowGradient {
				sums = append(sums, p.Tensor().GradientRows(s, rows[i]))
			}
		}
	})
	if _, err := dist.Settle(g, err); err != nil { // before any process waits for the sums
		return err
	}
	works := make([]dist.Work, len(sums))
	for i, x := range sums {
		if works[i], err = g.Reduce(x); err != nil {
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
// failed is this process's error, if it has none to tell.
func gradientKinds(g dist.Group, failed error, own []float64) ([]torch.GradientKind, error) {
	kinds := make([]torch.GradientKind, len(own))
	all, err := dist.Settle(g, failed, own...)
	if err != nil {
		return nil, err
	}
	for i := range kinds {
		for _, of := range all {
			switch kind := torch.GradientKind(of[i]); {
			case kind == torch.DenseGradient, kinds[i] == torch.NoGradient:
				kinds[i] = kind
			}
		}
	}
	return kinds, nil
}

// buckets are the parameters with dense gradients, about bucketBytes each, the last ones first: their gradients are computed first.
func buckets(params []*nn.Param, kinds []torch.GradientKind) (out [][]*torch.Tensor) {
	size := 0
	for i, p := range slices.Backward(params) {
		if kinds[i] != torch.DenseGradient {
			continue
		}
		t := p.Tensor()
		bytes := p.Len() * t.DType().Size()
		if len(out) == 0 || size+bytes > bucketBytes {
			out, size = append(out, nil), 0
		}
		last := len(out) - 1
		out[last], size = append(out[last], t), size+bytes
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
