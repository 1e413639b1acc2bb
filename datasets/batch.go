package datasets

// Batch is the data of one step. Pixels, IDs and DropKeys are valid until the next batch is requested: the loader reuses them. The caller
// may keep the other fields.
//
// In a batch of preferences N is the number of pairs. The two pictures of a pair are neighbours in Pixels, or its two captions in IDs,
// which then holds 2N of them.
type Batch struct {
	N             int
	Pixels        []uint8 // [N, Size, Size, 3], RGB
	IDs           []int32 // [N, ContextLength], zeros after the end of the text
	ContextLength int
	MaxTokens     int      // of the longest caption, including its start and end tokens
	Lengths       []int    // tokens of each caption, including its start and end tokens
	Captions      []string // the caption chosen for each sample
	Alike         []uint64 // a hash of all captions of each sample; equal for samples with the same captions
	Index         []int    // each sample's number in its source
	Entries       []Entry  // what the source knows of each sample
	DropKeys      []uint64 // keys of random choices, one a sample, for patch dropout and masked words; nil if Order is Sequential
	Next          int64    // the slot after this batch: epoch * length + offset in the epoch's order
	Slots         []Slot   // the slots of this batch, in their order
	Skipped       []Skip   // one for each slot of this batch whose own sample can't be used
	SkippedAt     []int64  // the slots of Skipped
	Replaced      int      // how many of those slots hold another sample: the batch has N + len(Skipped) - Replaced slots
	Shortened     int      // captions that were cut to fit the context
	// Whole is the batch of which this is one process's part: N, Next, Index, Slots, Skipped, SkippedAt and Replaced of all processes. nil:
	// this is all of it.
	Whole *Batch
}

// OfAll is the batch of all processes.
func (b *Batch) OfAll() *Batch {
	if b.Whole != nil {
		return b.Whole
	}
	return b
}

// Slot says which sample a slot belongs to, and whether that sample was used there.
type Slot struct {
	Part int    // number of the part in Info.Parts; 0 if the source is no mixture
	Pass int64  // number of earlier passes over the part: of epochs, unless the loader has factors
	File string // of the sample, as in Entry; empty if that isn't known
	Used bool
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
