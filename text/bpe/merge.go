package bpe

import "container/heap"

// symbol is a piece of a word while it is merged: a link of a list of pieces.
type symbol struct {
	id         int32
	prev, next int32 // -1 at the ends; next is gone for a piece that was taken into its left neighbor
}

const gone = -2

// candidate is a possible merge of a word's pieces at a position.
type candidate struct{ id, at int32 }

// candidates is a heap: the earliest merge first, and of equal ones the leftmost.
type candidates []candidate

func (c candidates) Len() int { return len(c) }
func (c candidates) Less(i, j int) bool {
	return c[i].id < c[j].id || c[i].id == c[j].id && c[i].at < c[j].at
}
func (c candidates) Swap(i, j int) { c[i], c[j] = c[j], c[i] }
func (c *candidates) Push(x any)   { *c = append(*c, x.(candidate)) }
func (c *candidates) Pop() any {
	last := len(*c) - 1
	x := (*c)[last]
	*c = (*c)[:last]
	return x
}

// merge returns the ids of a word: starting with its bytes, it applies the merge of the lowest rank until none applies. It takes
// O(n log n) time. A merge never makes one of a lower rank possible, so applying merges one by one from the left is the
// same as applying each to the whole word.
func (v *vocabulary) merge(text []byte) []int32 {
	word := make([]symbol, len(text))
	for i, b := range text {
		word[i] = symbol{v.symbols[b], int32(i) - 1, int32(i) + 1}
	}
	last := len(word) - 1
	word[last].id += 256
	word[last].next = -1
	queue := make(candidates, 0, len(word))
	for i := range word {
		if id, ok := v.mergeAt(word, int32(i)); ok {
			queue = append(queue, candidate{id, int32(i)})
		}
	}
	heap.Init(&queue)
	left := len(word)
	for len(queue) > 0 {
		c := heap.Pop(&queue).(candidate)
		if id, ok := v.mergeAt(word, c.at); !ok || id != c.id {
			continue // a neighbor changed since
		}
		join(word, c)
		left--
		for _, at := range [2]int32{word[c.at].prev, c.at} {
			if id, ok := v.mergeAt(word, at); ok {
				heap.Push(&queue, candidate{id, at})
			}
		}
	}
	ids := make([]int32, 0, left)
	for at := int32(0); at >= 0; at = word[at].next {
		ids = append(ids, word[at].id)
	}
	return ids
}

// mergeAt returns what the piece at the position and its right neighbor merge to.
func (v *vocabulary) mergeAt(word []symbol, at int32) (int32, bool) {
	if at < 0 || word[at].next < 0 {
		return 0, false
	}
	id, ok := v.merges[pair{word[at].id, word[word[at].next].id}]
	return id, ok
}

// join merges a piece with its right neighbor.
func join(word []symbol, c candidate) {
	right := word[c.at].next
	after := word[right].next
	word[c.at].id, word[c.at].next = c.id, after
	word[right].next = gone
	if after >= 0 {
		word[after].prev = c.at
	}
}
