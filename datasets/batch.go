package datasets

// Batch is one step's data, in Go slices. The loader fills Pixels, IDs and DropKeys again once the next batch is asked
// for; the rest is the caller's to keep.
//
// Of preferences N counts the pairs; a pair's two pictures, or two captions, follow each other in Pixels, or in IDs, which
// have 2N of them then.
type Batch struct {
	N             int
	Pixels        []uint8 // [N, S, S, 3]
	IDs           []int32 // [N, ContextLength], zeros behind the end of text
	ContextLength int
	MaxTokens     int      // of the longest caption, its start and end included
	Lengths       []int    // tokens of each caption, its start and end included
	Captions      []string // the caption chosen for each
	Alike         []uint64 // equal for samples that have the same captions, all that each may be told by
	Index         []int    // each sample's number in its source
	Entries       []Entry  // of the samples
	DropKeys      []uint64 // one a sample, for patch dropout and the masks of words; nil in evaluation
	Next          int64    // the slot after this batch: epoch * length + offset in the epoch's order
	Skipped       []Skip   // one for each slot of this batch whose own sample could not be used
	Replaced      int      // of those slots, how many hold another sample: N + len(Skipped) - Replaced are the batch's slots
	Shortened     int      // captions that were cut to fit the context
}

// Skip is a sample that could not be used; it is a line of skipped.jsonl.
type Skip struct {
	Source string `json:"source"`
	Key    string `json:"key"`
	Offset int64  `json:"offset"`
	Reason string `json:"reason"`
	// ReplacedBy is the key of the sample that took its place in the batch; empty where none did.
	ReplacedBy string `json:"replaced_by,omitempty"`
}
