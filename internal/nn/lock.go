package nn

import "clipgo/internal/torch"

// Freeze makes a filled parameter a constant: no gradient is made for it. It runs inside torch.Do.
func (q *Param) Freeze() { q.tensor.Freeze() }

// Trained says whether a filled parameter has a gradient to follow.
func (q *Param) Trained() bool { return q.tensor.Recorded() }

// FillFromParams fills every parameter with the value that it is given, in the set's own scope, from its namesake in another
// set, or from nil where that has none. It runs inside torch.Do, once.
func (p *Params) FillFromParams(other *Params, value func(s *torch.Scope, q, from *Param) *torch.Tensor) {
	p.scope = torch.NewScope()
	namesakes := make(map[string]*Param, len(other.list))
	for _, q := range other.list {
		namesakes[q.Name] = q
	}
	for _, q := range p.list {
		q.tensor = value(p.scope, q, namesakes[q.Name])
	}
	p.scope.Seal()
}
