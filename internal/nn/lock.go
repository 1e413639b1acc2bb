package nn

import "clipgo/internal/torch"

// Freeze makes a filled parameter a constant: no gradient is made for it. It runs inside torch.Do.
func (q *Param) Freeze() { q.tensor.Freeze() }

// Trained says whether a filled parameter has a gradient to follow.
func (q *Param) Trained() bool { return q.tensor.Recorded() }

// FillFromParams fills every parameter from its namesake in another set: with what change makes of it in the set's
// scope, or, where that is nil, with the other's own memory. It runs inside torch.Do, once.
func (p *Params) FillFromParams(other *Params, change func(s *torch.Scope, q, from *Param) *torch.Tensor) {
	p.scope = torch.NewScope()
	for i, q := range p.list {
		from := other.list[i]
		if from.Name != q.Name {
			panic("nn: " + q.Name + " is no namesake of " + from.Name)
		}
		if q.tensor = change(p.scope, q, from); q.tensor == nil {
			q.tensor = from.tensor.In(p.scope)
		}
	}
	p.scope.Seal()
}
