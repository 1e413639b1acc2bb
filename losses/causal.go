package losses

// NextTokens lists the targets of a causal language model in captions of l ids each: tokens, and the row of logits that predicts each
// of them. The loss is their CrossEntropy (Radford et al., 2018; the caption loss of CoCa, Yu et al., 2022),
//
//	loss = -1/n sum_t log P(x_t | x_<t)
//
// over the n target tokens, which exclude the padding; exp(loss) is the perplexity. A caption has l-1 rows, since no token follows
// its last id.
func NextTokens(ids []int32, l int, padding int32) (rows, tokens []int64) {
	for i, id := range ids {
		if at := i % l; at > 0 && id != padding {
			rows, tokens = append(rows, int64(i/l*(l-1)+at-1)), append(tokens, int64(id))
		}
	}
	return rows, tokens
}
