package nn

import "clipgo/internal/torch"

// A forward pass in bfloat16 reads low-precision copies of the float32 master parameters. A copy is made on first use and lives as
// long as the parameters. AdamW updates it together with its master. Any other change of the master makes the copy stale (the
// master's version counter differs), and it is refreshed before the next use. So a training step converts no weights, however
// many lanes and operations read them.
//
// A table is read by rows from its master: it has no copy.

// For returns the parameter as an operand for x, in x's type and bound to x's scope: the master, or its low-precision copy, whose
// gradient accumulates into the master.
func (p *Param) For(x *torch.Tensor) *torch.Tensor {
	d := x.DType()
	master := p.In(x.Scope())
	if d == p.tensor.DType() {
		return master
	}
	if p.Table {
		return master.To(d)
	}
	if !x.Scope().InLane() {
		p.ensureFresh(d)
	}
	if !p.fresh(d) {
		p.requested.Store(int32(d))
		return master.To(d)
	}
	return master.LowPrecisionCopy(p.lowCopy)
}

// Copy returns the parameter's low-precision copy; nil if no pass has needed one, or if it is stale. Whoever updates the master and
// this copy together calls CopyUpdated afterwards.
func (p *Param) Copy() *torch.Tensor {
	if p.lowCopy == nil || !p.fresh(p.lowCopy.DType()) {
		return nil
	}
	return p.lowCopy
}

// CopyUpdated marks the copy as equal to the master.
func (p *Param) CopyUpdated() { p.changes = p.tensor.Changes() }

// fresh reports whether there is a copy of type d that equals the master.
func (p *Param) fresh(d torch.DType) bool {
	return p.lowCopy != nil && p.lowCopy.DType() == d && p.changes == p.tensor.Changes()
}

// ensureFresh makes or refreshes the copy of type d. Lanes must not be running.
func (p *Param) ensureFresh(d torch.DType) {
	switch {
	case p.fresh(d):
		return
	case p.lowCopy == nil || p.lowCopy.DType() != d:
		p.lowCopy = p.tensor.CopyAs(d)
	default:
		p.lowCopy.CopyInPlace(p.tensor)
	}
	p.CopyUpdated()
}

// RefreshCopies refreshes the copies that lanes will read. It is called before lanes run, on libtorch's thread.
func (p *Params) RefreshCopies() {
	for _, q := range p.list {
		if d := torch.DType(q.requested.Load()); d != 0 {
			q.ensureFresh(d)
		}
	}
}
