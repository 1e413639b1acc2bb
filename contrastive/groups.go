package contrastive

import (
	"slices"

	"clipgo/datasets"
)

// groups numbers the pairs of a batch so that pairs have equal numbers if their captions have equal token ids, or if their
// pictures have the same set of captions (Batch.Alike), of which this batch may show different ones. Both relations are joined by
// union-find; a group's number is its first pair.
func groups(b *datasets.Batch) []int32 { return groupsOf(captionKeys(b), b.Alike) }

// captionKeys are the captions' ids as bytes.
func captionKeys(b *datasets.Batch) []string {
	out := make([]string, 0, b.N)
	key := make([]byte, 0, 4*b.ContextLength)
	for caption := range slices.Chunk(b.IDs, b.ContextLength) {
		key = key[:0]
		for _, id := range caption {
			key = append(key, byte(id), byte(id>>8), byte(id>>16), byte(id>>24))
		}
		out = append(out, string(key))
	}
	return out
}

// groupsOf is groups of captions by their keys; alike may be nil.
func groupsOf(keys []string, alike []uint64) []int32 {
	captions, sets := make(map[string]int32), make(map[uint64]int32)
	out := make([]int32, 0, len(keys))
	for _, key := range keys {
		i := int32(len(out))
		first, known := captions[key]
		if !known {
			first, captions[key] = i, i
		}
		out = append(out, root(out, first))
		if alike == nil {
			continue
		}
		if first, known = sets[alike[i]]; known {
			join(out, first, i)
		} else {
			sets[alike[i]] = i
		}
	}
	for i := range out {
		out[i] = root(out, int32(i))
	}
	return out
}

// root returns the first pair of pair i's group. A pair beyond the end of group, not added yet, is a group of its own.
func root(group []int32, i int32) int32 {
	for int(i) < len(group) && group[i] != i {
		i = group[i]
	}
	return i
}

// join unites the groups of two pairs.
func join(group []int32, a, b int32) {
	a, b = root(group, a), root(group, b)
	group[max(a, b)] = min(a, b)
}
