package vision

import (
	"math/rand/v2"
	"slices"

	"clipgo/internal/torch"
)

// dropPatches drops a random share of the patches of each picture (FLIP; Li et al., 2023), chosen by the picture's key alone, and keeps
// the class tokens before them. Without keys, as in evaluation, it drops nothing.
func dropPatches(xBLD *torch.Tensor, class int, share float64, keys []uint64) *torch.Tensor {
	if share == 0 || keys == nil {
		return xBLD
	}
	shape := xBLD.Shape()
	b, l, d := shape[0], shape[1], shape[2]
	keep := max(1, int(float64(l-class)*(1-share)))
	rows := make([]int64, 0, b*(class+keep))
	for i, key := range keys {
		for k := range class {
			rows = append(rows, int64(i*l+k))
		}
		for _, p := range choose(key, l-class, keep) {
			rows = append(rows, int64(i*l+class+p))
		}
	}
	index := torch.From(xBLD.Scope(), rows, len(rows)).OnDevice(xBLD.Device())
	return xBLD.Reshape(b*l, d).Rows(index).Reshape(b, class+keep, d)
}

// choose picks k of n indices, in ascending order.
func choose(key uint64, n, k int) []int {
	const purpose = 0x70617463 // keeps these draws apart from other uses of the same key
	picked := rand.New(rand.NewPCG(key, purpose)).Perm(n)[:k]
	slices.Sort(picked)
	return picked
}
