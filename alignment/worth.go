package alignment

import (
	"clipgo/captioning"
	"clipgo/losses"
	"clipgo/training"
)

// judge works out what each action is worth and what is told of the round, and sets the next one's coefficient.
func (o *PPO) judge(captions []captioning.Caption, rewards []float64) {
	r := o.State.Round
	var advantages, returns, values, logP, reference []float64
	for i := range r.Episodes {
		e := &r.Episodes[i]
		earned, value := make([]float64, len(e.LogP)), make([]float64, len(e.LogP))
		for t := range earned {
			value[t] = float64(e.Value[t])
			earned[t] = -o.State.Coefficient * (float64(e.LogP[t]) - float64(e.Reference[t]))
			logP, reference = append(logP, float64(e.LogP[t])), append(reference, float64(e.Reference[t]))
		}
		earned[len(earned)-1] += e.Score
		a, back := losses.GAE(earned, value, o.Gamma, o.Lambda)
		advantages, returns, values = append(advantages, a...), append(returns, back...), append(values, value...)
	}
	known := explained(values, returns)
	losses.Normalize(advantages)
	for i := range r.Episodes {
		e := &r.Episodes[i]
		n := len(e.LogP)
		e.Advantage, e.Return = narrow(advantages[:n]), narrow(returns[:n])
		advantages, returns = advantages[n:], returns[n:]
	}
	kl := losses.KL(logP, reference)
	mean, deviation := moments(rewards)
	tokens, empty := 0, 0
	for _, c := range captions {
		if tokens += len(c.IDs); len(c.IDs) == 0 {
			empty++
		}
	}
	r.Numbers = []training.Named{
		{Name: "reward_mean", Value: mean}, {Name: "reward_std", Value: deviation}, {Name: "kl", Value: kl},
		{Name: "kl_coefficient", Value: o.State.Coefficient}, {Name: "explained_variance", Value: known},
		{Name: "caption_tokens", Value: float64(tokens) / float64(len(captions))}, {Name: "empty_captions", Value: float64(empty)},
	}
	o.State.Coefficient = o.control(o.State.Coefficient, kl)
}

// explained is the share of the returns' variance that the values know; 0 where there is none.
func explained(values, returns []float64) float64 {
	left := make([]float64, len(values))
	for i := range left {
		left[i] = returns[i] - values[i]
	}
	_, all := moments(returns)
	_, rest := moments(left)
	if all == 0 {
		return 0
	}
	return 1 - rest*rest/(all*all)
}

func wide(v []float32) []float64 {
	out := make([]float64, len(v))
	for i, x := range v {
		out[i] = float64(x)
	}
	return out
}

func narrow(v []float64) []float32 {
	out := make([]float32, len(v))
	for i, x := range v {
		out[i] = float32(x)
	}
	return out
}
