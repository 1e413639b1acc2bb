package nn

import "clipgo/internal/torch"

// A pass in a narrower type reads copies of the parameters in that type. They are made when a pass first asks for them and live
// as long as the parameters. AdamW keeps them equal to the masters in the pass that moves those; whatever else changes a
// master makes its copy stale, and it is made anew before it is read. So a step converts no weights, however many lanes and
// uses read them.
//
// A table is read by rows from its master: it has no copy.

// For is the parameter as an operand for x: the master itself, or its copy where x is computed in another type.
func (p *Param) For(x *torch.Tensor) *torch.Tensor {
	d := x.DType()
	if d == p.tensor.DType() {
		return p.master(x.Scope())
	}
	master := p.In(x.Scope())
	if p.Table {
		return master.To(d)
	}
	if !x.Scope().InLane() {
		p.settle(d)
	}
	if !p.settled(d) {
		p.wanted.Store(int32(d))
		return master.To(d)
	}
	return master.StandIn(p.copied)
}

// Copy is the parameter's copy in another type, equal to the master; nil where none has been asked for, or something else has
// changed the master since. Who moves both says so with Moved.
func (p *Param) Copy() *torch.Tensor {
	if p.copied == nil || !p.settled(p.copied.DType()) {
		return nil
	}
	return p.copied
}

// Moved says that the copy that Copy gave has followed the master.
func (p *Param) Moved() { p.changes = p.tensor.Changes() }

// settled says whether there is a copy of a type that equals the master.
func (p *Param) settled(d torch.DType) bool {
	return p.copied != nil && p.copied.DType() == d && p.changes == p.tensor.Changes()
}

// settle makes it so. Lanes must not be running.
func (p *Param) settle(d torch.DType) {
	switch {
	case p.settled(d):
		return
	case p.copied == nil || p.copied.DType() != d:
		p.copied = p.tensor.Copied(d)
	default:
		p.copied.CopyInPlace(p.tensor)
	}
	p.Moved()
}

// Settle makes the copies that lanes will read. It is called before they run, on libtorch's thread.
func (p *Params) Settle() {
	for _, q := range p.list {
		if d := torch.DType(q.wanted.Load()); d != 0 {
			q.settle(d)
		}
	}
}
