package losses

// NextTokens lists what a causal language model predicts in captions of l ids each: the row of each token that is followed by
// another, and that next token. The loss is the CrossEntropy of the logits of those rows (Radford
// et al., 2018; the caption loss of CoCa, Yu et al., 2022),
//
//	loss = -1/n sum_t log P(x_t | x_<t)
//
// over the n tokens that are no padding; exp(loss) is the perplexity. Rows count l-1 to a caption: nothing follows its last id.
func NextTokens(ids []int32, l int, padding int32) (rows, tokens []int64) {
	for i, id := range ids {
		if at := i % l; at > 0 && id != padding {
			rows, tokens = append(rows, int64(i/l*(l-1)+at-1)), append(tokens, int64(id))
		}
	}
	return rows, tokens
}
