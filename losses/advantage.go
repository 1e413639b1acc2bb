package losses

import "math"

// GAE is generalized advantage estimation over one episode (Schulman et al., 2016, equation 16):
//
//	A_t = sum_k (gamma lambda)^k d_(t+k),  d_t = r_t + gamma V_(t+1) - V_t
//
// with V = 0 after the last step. returns are A + V, the targets of the value.
func GAE(rewards, values []float64, gamma, lambda float64) (advantages, returns []float64) {
	advantages, returns = make([]float64, len(rewards)), make([]float64, len(rewards))
	var ahead, next float64
	for t := len(rewards) - 1; t >= 0; t-- {
		ahead = rewards[t] + gamma*next - values[t] + gamma*lambda*ahead
		next = values[t]
		advantages[t], returns[t] = ahead, ahead+values[t]
	}
	return advantages, returns
}

// Normalize shifts and scales numbers, in place, to mean 0 and standard deviation 1; if all are equal they become 0.
func Normalize(v []float64) {
	const eps = 1e-8
	var sum, squares float64
	for _, x := range v {
		sum += x
	}
	mean := sum / float64(len(v))
	for _, x := range v {
		squares += (x - mean) * (x - mean)
	}
	deviation := math.Sqrt(squares / float64(len(v)))
	for i := range v {
		v[i] = (v[i] - mean) / (deviation + eps)
	}
}

// KL estimates KL(P || Q), in nats, from the log-probabilities of actions that were drawn from P: the mean of q/p - 1 - log(q/p), which
// is never negative and unbiased (Schulman, 2020, "Approximating KL divergence", k3). It is 0 without actions.
func KL(logP, logQ []float64) float64 {
	if len(logP) == 0 {
		return 0
	}
	var sum float64
	for i := range logP {
		d := logQ[i] - logP[i]
		sum += math.Expm1(d) - d
	}
	return sum / float64(len(logP))
}

// beyond is the fraction of ratios exp(now - old) outside [1-clip, 1+clip].
func beyond(now, old []float64, clip float64) float64 {
	n := 0
	for i := range now {
		if math.Abs(math.Exp(now[i]-old[i])-1) > clip {
			n++
		}
	}
	return float64(n) / float64(max(len(now), 1))
}
