package alignment

import (
	"clipgo/captioning"
	"clipgo/losses"
	"clipgo/training"
)

// judge computes advantages and returns, the statistics of the round, and the KL coefficient of the next one. In a round
// beyond the KL limit captions get no reward, only the KL penalty.
func (o *PPO) judge(captions []captioning.Caption, rewards []float64) {
	r := o.State.Round
	var advantages, returns, values, logP, reference []float64
	for _, e := range r.Episodes {
		logP, reference = append(logP, wide(e.LogP)...), append(reference, wide(e.Reference)...)
	}
	kl := losses.KL(logP, reference)
	for _, e := range r.Episodes {
		earned, value := make([]float64, len(e.LogP)), wide(e.Value)
		for t := range earned {
			earned[t] = -o.State.Coefficient * (float64(e.LogP[t]) - float64(e.Reference[t]))
		}
		if kl <= o.KLLimit {
			earned[len(earned)-1] += e.Score
		}
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
	r.Numbers = append(earnings(captions, rewards), training.Named{Name: "kl", Value: kl},
		training.Named{Name: "kl_coefficient", Value: o.State.Coefficient}, training.Named{Name: "explained_variance", Value: known})
	o.State.Coefficient = o.control(o.State.Coefficient, kl)
}

// earnings are a round's rewards and captions in numbers.
func earnings(captions []captioning.Caption, rewards []float64) []training.Named {
	mean, deviation := moments(rewards)
	tokens, empty := 0, 0
	for _, c := range captions {
		if tokens += len(c.IDs); len(c.IDs) == 0 {
			empty++
		}
	}
	return []training.Named{
		{Name: "reward_mean", Value: mean}, {Name: "reward_std", Value: deviation},
		{Name: "caption_tokens", Value: float64(tokens) / float64(len(captions))}, {Name: "empty_captions", Value: float64(empty)},
	}
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
