package eval

// rougeL is ROUGE-L of a caption (Lin, 2004), as pycocoevalcap has it: of the longest common subsequences with the references, the best
// precision and the best recall, and their F-measure with a weight of 1.2 for the recall.
func rougeL(c cooked) float64 {
	if len(c.caption) == 0 {
		return 0
	}
	var precision, recall float64
	for _, r := range c.references {
		common := float64(subsequence(c.caption, r))
		precision = max(precision, common/float64(len(c.caption)))
		recall = max(recall, common/float64(max(1, len(r))))
	}
	if precision == 0 || recall == 0 {
		return 0
	}
	const beta2 = 1.2 * 1.2
	return (1 + beta2) * precision * recall / (recall + beta2*precision)
}

// subsequence is the length of the longest common subsequence.
func subsequence(a, b []string) int {
	row := make([]int, len(b)+1)
	for _, x := range a {
		before := 0 // of the row above, to the left
		for j, y := range b {
			above := row[j+1]
			if x == y {
				row[j+1] = before + 1
			} else {
				row[j+1] = max(above, row[j])
			}
			before = above
		}
	}
	return row[len(b)]
}
