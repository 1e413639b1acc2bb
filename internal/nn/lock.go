package nn

import "clipgo/internal/torch"

// Freeze sets a filled parameter's requires_grad to false. Call it inside torch.Do.
func (q *Param) Freeze() { q.tensor.Freeze() }

// Trained reports whether a filled parameter requires a gradient.
func (q *Param) Trained() bool { return q.tensor.Recorded() }

// FillFromParams fills every parameter q with value(s, q, from), made in the set's own scope s. from is the parameter of the same name
// in another set, or nil if that has none. Call it once, inside torch.Do.
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
