package losses

import "clipgo/internal/torch"

// Ranking is the loss of a reward model on pairs (Bradley and Terry, 1952; Ouyang et al., 2022, equation 1).
//
//	loss = -mean log( exp r(A) / (exp r(A) + exp r(B)) ) = -mean log sigmoid(r(A) - r(B))
//
// if A is preferred to B. a and b [N] are the rewards, float32. preferred is the fraction of judges who prefer A: 1 for A, 0 for B,
// 0.5 for a tie; nil means 1 for all.
func Ranking(a, b *torch.Tensor, preferred []float32) *torch.Tensor {
	margin := a.Sub(b)
	if preferred == nil {
		return margin.LogSigmoid().Mean().Scale(-1)
	}
	y := torch.From(margin.Scope(), preferred, len(preferred)).OnDevice(margin.Device())
	forA, forB := margin.LogSigmoid(), margin.Scale(-1).LogSigmoid()
	return forB.Add(y.Mul(forA.Sub(forB))).Mean().Scale(-1)
}
