package model

// trim cuts captions of l ids each to their first keep ids if padding cannot change the features: with a causal mask and pooling at
// the end of text. Most of the positions of a full context are padding.
func (m *Model) trim(ids []int32, l, keep int) []int32 {
	if !m.Config.Text.Trimmable() {
		return ids
	}
	return CutCaptions(ids, l, keep)
}

// CutCaptions keeps the first keep ids of each caption of l ids.
func CutCaptions(ids []int32, l, keep int) []int32 {
	if keep >= l {
		return ids
	}
	out := make([]int32, 0, len(ids)/l*keep)
	for i := 0; i < len(ids); i += l {
		out = append(out, ids[i:i+keep]...)
	}
	return out
}

// longest is the largest number of ids before the padding (id 0) among captions of l ids each, at least 1.
func longest(ids []int32, l int) int {
	most := 1
	for i, id := range ids {
		if id != 0 {
			most = max(most, i%l+1)
		}
	}
	return most
}
