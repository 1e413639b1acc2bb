package record

// Source is what a row says of one of the sources of a mixture, or of data that is none.
type Source struct {
	Name    string `json:"name"`
	Samples int64  `json:"samples"` // pairs of it that the steps used so far, replacements included
	Used    int64  `json:"used"`    // its samples that were used in slots of their own so far
	Skipped int64  `json:"skipped"` // its samples that could not be used so far
	// Loss is the mean loss of its pairs since the last row, whose mean over all pairs is the loss; null if it isn't known.
	Loss Number `json:"loss"`
}

// Pass is a pass over all samples of a source that has ended since the last row: Used + Skipped = Present.
type Pass struct {
	Source  string  `json:"source"`
	Pass    int64   `json:"pass"` // 1 for the first
	Present int64   `json:"present"`
	Used    int64   `json:"used"`
	Skipped int64   `json:"skipped"`
	Shards  int     `json:"shards,omitempty"`  // number of its shards; 0: it has none
	Damaged []Shard `json:"damaged,omitempty"` // those of which samples were skipped; of all others every sample was used
}

// Shard counts the samples of a shard in a pass.
type Shard struct {
	File    string `json:"file"`
	Present int64  `json:"present"`
	Used    int64  `json:"used"`
	Skipped int64  `json:"skipped"`
}
