package datasets

import (
	"cmp"
	"maps"
	"slices"
)

// Accounts count what became of the samples of a source in a training, for each part, each pass over it, and each shard. They are the same
// after a stream of batches as after a part of it, JSON, and the rest.
type Accounts struct {
	Parts []PartAccount `json:"parts"`
	spans []span
}

// PartAccount is the account of a part of a mixture, or of a source that is none.
type PartAccount struct {
	Part
	Used     int64   `json:"used"`     // slots whose own sample was used
	Skipped  int64   `json:"skipped"`  // slots whose own sample could not be used
	Rows     int64   `json:"rows"`     // samples of the part in batches, replacements included
	LossSum  float64 `json:"loss_sum"` // of the samples since the last call of Losses
	LossRows int64   `json:"loss_rows"`
	// Passes are those that have begun, by number; a finished one stays until Finished returns it.
	Passes map[int64]*Tally `json:"passes"`
}

// Tally counts the slots of a pass, and those of each of its shards.
type Tally struct {
	Used    int64             `json:"used"`
	Skipped int64             `json:"skipped"`
	Shards  map[string]*Tally `json:"shards,omitempty"`
}

// Pass is a pass over all samples of a part: Used + Skipped = Present.
type Pass struct {
	Source  string
	Number  int64 // 1 for the first
	Present int
	Used    int64
	Skipped int64
	Shards  int           // shards of the part; 0: it has none
	Damaged []ShardCounts // shards of which samples were skipped, by name
}

// ShardCounts are the samples of a shard in one pass.
type ShardCounts struct {
	File          string
	Used, Skipped int64
}

// NewAccounts are those of a source before the first batch.
func NewAccounts(s Source) *Accounts {
	parts := s.Info().Parts
	if len(parts) == 0 {
		info := s.Info()
		parts = []Part{{Name: info.Name, Kind: info.Kind, Samples: s.Len()}}
	}
	a := &Accounts{spans: spans(s)}
	for _, p := range parts {
		a.Parts = append(a.Parts, PartAccount{Part: p, Passes: map[int64]*Tally{}})
	}
	return a
}

// Resume continues the counts of earlier batches of the same source. It reports whether they are those of this source.
func (a *Accounts) Resume(earlier Accounts) bool {
	same := slices.EqualFunc(a.Parts, earlier.Parts, func(a, b PartAccount) bool { return a.Part == b.Part })
	if same {
		a.Parts = earlier.Parts
		for i := range a.Parts {
			if a.Parts[i].Passes == nil {
				a.Parts[i].Passes = map[int64]*Tally{}
			}
		}
	}
	return same
}

// Add counts a batch. losses are those of its samples; nil if they aren't known.
func (a *Accounts) Add(b *Batch, losses []float64) {
	for _, s := range b.Slots {
		a.Parts[s.Part].add(s)
	}
	for i, index := range b.Index {
		p := &a.Parts[partOf(a.spans, index)]
		p.Rows++
		if len(losses) == len(b.Index) {
			p.LossSum, p.LossRows = p.LossSum+losses[i], p.LossRows+1
		}
	}
}

func (p *PartAccount) add(s Slot) {
	t := p.Passes[s.Pass]
	if t == nil {
		t = &Tally{}
		p.Passes[s.Pass] = t
	}
	t.add(s.Used)
	if s.Used {
		p.Used++
	} else {
		p.Skipped++
	}
	if p.Kind != shardsKind || s.File == "" {
		return
	}
	if t.Shards == nil {
		t.Shards = map[string]*Tally{}
	}
	shard := t.Shards[s.File]
	if shard == nil {
		shard = &Tally{}
		t.Shards[s.File] = shard
	}
	shard.add(s.Used)
}

func (t *Tally) add(used bool) {
	if used {
		t.Used++
	} else {
		t.Skipped++
	}
}

// Losses are the mean loss of each part's samples since the last call; known is false for a part without such samples.
func (a *Accounts) Losses(use func(part int, loss float64, known bool)) {
	for i := range a.Parts {
		p := &a.Parts[i]
		use(i, p.LossSum/float64(max(1, p.LossRows)), p.LossRows > 0)
		p.LossSum, p.LossRows = 0, 0
	}
}

// Finished are the passes that have ended since the last call: those with a slot for each sample.
func (a *Accounts) Finished() (out []Pass) {
	for i := range a.Parts {
		p := &a.Parts[i]
		for _, number := range slices.Sorted(maps.Keys(p.Passes)) {
			if t := p.Passes[number]; t.Used+t.Skipped == int64(p.Samples) {
				out = append(out, p.pass(number, t))
				delete(p.Passes, number)
			}
		}
	}
	return out
}

func (p *PartAccount) pass(number int64, t *Tally) Pass {
	out := Pass{Source: p.Name, Number: number + 1, Present: p.Samples, Used: t.Used, Skipped: t.Skipped, Shards: len(t.Shards)}
	for file, n := range t.Shards {
		if n.Skipped > 0 {
			out.Damaged = append(out.Damaged, ShardCounts{file, n.Used, n.Skipped})
		}
	}
	slices.SortFunc(out.Damaged, func(a, b ShardCounts) int { return cmp.Compare(a.File, b.File) })
	return out
}

// Rounds is how often a part was passed through, as a number of its samples.
func (p *PartAccount) Rounds() float64 {
	return float64(p.Used+p.Skipped) / float64(max(1, p.Samples))
}
