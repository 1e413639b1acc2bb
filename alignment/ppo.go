package alignment

import (
	"clipgo/captioning"
	"clipgo/datasets"
	"clipgo/internal/nn"
	"clipgo/internal/torch"
	"clipgo/losses"
	"clipgo/model"
	"clipgo/training"
)

// PPO tunes a captioner against a reward (Schulman et al., 2017), near a frozen reference (Ziegler et al., 2019). It is what
// training.Trainer drives, with the batches of Batches.
//
// The policy writes a round of captions; each is worth its reward less the penalties, and each token loses
// kl_coefficient * (log P - log P_reference). The round is then used for some passes of some steps.
type PPO struct {
	PPOSettings
	Policy, Reference captioning.Captioner
	Value             *ValueHead
	How               captioning.Generation // ids of start and end, and the seed
	State             PPOState

	now []Episode // of the step that is being made
}

// Params lists what is trained: the policy's parameters, then the value head's.
func (o *PPO) Params() []*nn.Param {
	return append(o.Policy.Trained(), o.Value.params.All()...)
}

// AfterStep does nothing: what CLIP clamps has no part in captions.
func (o *PPO) AfterStep() {}

// rowsAtOnce is how many rows go through the vocabulary at a time: all logits of a batch would be hundreds of megabytes.
const rowsAtOnce = 64

// Accumulate makes the forward and backward pass of a minibatch, of which each lane has a part.
func (o *PPO) Accumulate(s *torch.Scope, b *datasets.Batch) (training.Parts, error) {
	mb := o.Policy.MicroBatches(s, b, 0, o.Value.params)
	actions := 0
	for _, e := range o.now {
		actions += len(e.LogP)
	}
	sums := make([]ppoSums, len(mb.Parts))
	mb.Backward(func(i int, s *torch.Scope) { sums[i] = o.backward(s, mb.Parts[i], actions) })
	var all ppoSums
	for _, sum := range sums {
		all.add(sum, 1)
	}
	return training.Parts{Loss: all.loss, Scale: o.Policy.Scale(s).Item(), Extra: append(all.named(), o.State.Round.Numbers...)}, nil
}

// backward makes the forward and backward pass of a part of a minibatch with so many actions in all.
func (o *PPO) backward(s *torch.Scope, p model.Part, actions int) (sums ppoSums) {
	rows, labels := o.Policy.Read(s, p)
	leaf := rows.Detach().Trainable()
	done := together(o.now[p.From : p.From+p.N])
	for from := 0; from < len(labels); from += rowsAtOnce {
		to := min(from+rowsAtOnce, len(labels))
		torch.Tidy(leaf, func(leaf *torch.Tensor) *torch.Tensor {
			in := losses.Rollout{
				Actions: labels[from:to], OldLogP: done.OldLogP[from:to], OldValue: done.OldValue[from:to],
				Advantage: done.Advantage[from:to], Return: done.Return[from:to],
			}
			in.Logits, in.Value = o.predict(o.Policy, leaf.Narrow(0, from, to-from))
			parts, share := o.Forward(in), float64(to-from)/float64(actions)
			parts.Loss.Scale(share).Backward()
			sums.add(sumsOf(parts), share)
			return parts.Loss.Detach()
		})
	}
	rows.BackwardFrom(leaf.Gradient(rows.Scope()))
	return sums
}

// predict returns the logits of the next tokens, float32 [R, V], and the values [R] of some rows.
func (o *PPO) predict(c captioning.Captioner, rows *torch.Tensor) (logits, values *torch.Tensor) {
	return c.Decoder().Logits(rows).To(torch.Float32), o.Value.forward(rows)
}

// together concatenates the actions of episodes in the order of a part's rows.
func together(episodes []Episode) (out losses.Rollout) {
	for _, e := range episodes {
		out.OldLogP, out.OldValue = append(out.OldLogP, e.LogP...), append(out.OldValue, e.Value...)
		out.Advantage, out.Return = append(out.Advantage, e.Advantage...), append(out.Return, e.Return...)
	}
	return out
}

// ppoSums are the numbers of a minibatch, or of a part of it by its share.
type ppoSums struct{ loss, policy, value, entropy, clipped, kl float64 }

func sumsOf(p losses.PPOParts) ppoSums {
	return ppoSums{p.Loss.Item(), p.Policy.Item(), p.Value.Item(), p.Entropy.Item(), p.Clipped, p.KL}
}

func (s *ppoSums) add(t ppoSums, share float64) {
	s.loss += share * t.loss
	s.policy += share * t.policy
	s.value += share * t.value
	s.entropy += share * t.entropy
	s.clipped += share * t.clipped
	s.kl += share * t.kl
}

// named are the numbers under their names in metrics.jsonl.
func (s ppoSums) named() []training.Named {
	return []training.Named{
		{Name: "policy_loss", Value: s.policy}, {Name: "value_loss", Value: s.value}, {Name: "entropy", Value: s.entropy},
		{Name: "clip_fraction", Value: s.clipped}, {Name: "step_kl", Value: s.kl},
	}
}

// Curves describes the numbers of rollouts and minibatches, the most important first. metrics.jsonl has more.
func (o *PPO) Curves() []training.Curve {
	return []training.Curve{
		{Key: "reward_mean", Chart: "Reward", About: "Mean of each rollout, in standard deviations of the original captioner's rewards."},
		{Key: "kl", Chart: "KL", About: "KL divergence of the policy from the original captioner, in nats per token."},
		{Key: "kl_coefficient", Chart: "KL coefficient", About: "Penalty per nat of KL."},
		{Key: "entropy", Chart: "Entropy", About: "Of the next token, in nats. At 0 the policy no longer explores."},
		{Key: "clip_fraction", Chart: "Clipped", About: "Fraction of the policy ratios outside the clipping range."},
		{Key: "explained_variance", Chart: "Explained variance", About: "Share of the returns' variance that the value head predicts."},
		{Key: "caption_tokens", Chart: "Length", About: "Tokens of a caption."},
		training.PartOfLoss("policy_loss"), training.PartOfLoss("value_loss"),
	}
}
