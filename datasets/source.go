package datasets

import (
	"context"
	"slices"
	"time"

	"clipgo/internal/fault"
)

// Source is a set of samples with random access. Samples, their order and Len don't change while it is open. Every method except Close is
// safe for concurrent use.
//
// An implementation need not hold entries in memory: it may read them from an index on disk or from a remote file when Entry is called. It
// must meet these conditions:
//
//   - Entry and Picture give the same result for the same i each time, since batches depend on it.
//   - An error of Entry or Picture says in one line why this sample can't be used. It costs this sample alone. A temporary failure, such
//     as a lost connection, is retried before an error is returned, since a skip changes the batch.
//   - A *DataError says that the data as a whole can't be used any more, for example because a file changed since it was opened. It
//     ends the stream of batches.
//   - Both return soon after ctx is done, with ctx's error.
//   - Errors, keys and notes hold no credentials.
type Source interface {
	// Len is the number of samples, including those that can't be used.
	Len() int
	// Entry describes sample i, 0 <= i < Len(), without reading its picture. The caller doesn't modify it.
	Entry(ctx context.Context, i int) (Entry, error)
	// Picture reads the picture of sample i.
	Picture(ctx context.Context, i int) (Picture, error)
	// Info describes the whole set.
	Info() Info
	// Close releases the source's files and memory. Later reads are errors.
	Close() error
}

// Entry is what is known of a sample before its picture is read.
type Entry struct {
	Key      string   `json:"key"`                // the sample's name in messages: a path, shard.tar/member, an emoji
	Captions []string `json:"captions,omitempty"` // several describe the same picture; empty only in sets of classes
	// Weights say how often training takes each caption; nil: equally often.
	Weights []float32 `json:"weights,omitempty"`
	Label   int       `json:"label"`            // class number into Info.Classes; -1 without one
	Labels  []int     `json:"labels,omitempty"` // class numbers of a sample that may have several, rising; nil: it has at most one
	// Groups are the groups of a sample with one class, such as a region and a year, as WILDS numbers them; nil without any.
	Groups  []int     `json:"groups,omitempty"`
	Size    int64     `json:"size,omitempty"` // bytes of the picture's file; 0 if there is none
	ModTime time.Time `json:"mod_time,omitzero"`
	Offset  int64     `json:"offset,omitempty"` // of the sample in its shard (bytes) or table (line); 0 in folders
	File    string    `json:"file,omitempty"`   // the file that holds it; empty in built-in sets
	List    string    `json:"list,omitempty"`   // the table that names the sample; empty elsewhere
	// Metadata are the sample's values in the columns that Options.Metadata names, in their order; nil: the source is no table.
	Metadata []Cell `json:"metadata,omitempty"`
	// Bad says why the sample can't be used, such as a table row without a caption or a sample of a shard without a picture. It is empty
	// if the sample can be used.
	Bad string `json:"bad,omitempty"`
}

// Cell is a value of a table as it is written.
type Cell struct {
	Text   string `json:"text"`             // empty: the row has none
	Absent bool   `json:"absent,omitempty"` // the table has no such column
}

// Picture is a picture as a source holds it: the bytes of an image file, or pixels.
type Picture struct {
	File          []byte
	RGB           []uint8 // [Height, Width, 3]; used if File is nil
	Width, Height int
}

// Info describes a source.
type Info struct {
	Name      string   `json:"name"`                // as the user wrote it
	Kind      string   `json:"kind"`                // builtin, folder, classes, table, shards, several
	Type      string   `json:"type,omitempty"`      // of shards: RetrievalType, MultiLabelType, or what else dataset_type.txt says
	Classes   []string `json:"classes,omitempty"`   // names by class number; nil without classes
	Templates []string `json:"templates,omitempty"` // prompts that fit the classes; nil: the caller's default
	// Fingerprint changes when the samples, their order or their captions change. A source that would have to read all captions for it may
	// use what changes with them, such as the sizes and ETags of its files.
	Fingerprint string   `json:"fingerprint"`
	Notes       []string `json:"notes,omitempty"`   // guesses and repairs that the user should know about, a line each
	Ignored     Ignored  `json:"ignored,omitempty"` // files and folders that were passed over
	Unread      []Skip   `json:"unread,omitempty"`  // folders that can't be read; what is in them is unknown
	Parts       []Part   `json:"parts,omitempty"`   // of a mixture, in the order of their samples; nil: it is one source

	Columns []string `json:"columns,omitempty"` // of a table, all that it has; nil: it isn't one whose columns Options.Metadata names

	Filter *Filtered `json:"filter,omitempty"` // what Options.Filter left out; nil without one
}

// The types of sets that CLIP_benchmark tells apart. Other sets have none.
const (
	RetrievalType      = "retrieval"
	MultiLabelType     = "multilabel"
	ClassificationType = "classification"
)

// Part is one of the sources of a mixture. Its samples follow those of the parts before it.
type Part struct {
	Name    string `json:"name"` // different from those of the other parts
	Kind    string `json:"kind"`
	Samples int    `json:"samples"`
}

// Lines are the notes and what was passed over, a line each.
func (i Info) Lines() []string {
	lines := slices.Clone(i.Notes)
	if ignored := i.Ignored.String(); ignored != "" {
		lines = append(lines, ignored)
	}
	return lines
}

// DataError says why data is refused as a whole: an empty folder, a missing column, too many unusable samples.
type DataError struct{ Source, Reason string }

func (e *DataError) Error() string { return e.Source + ": " + e.Reason }

// Fault is the error's kind.
func (e *DataError) Fault() fault.Kind { return fault.Data }

// UsageError says why a name doesn't name data that can be opened: an unknown built-in set, a parameter that it doesn't have.
type UsageError struct{ Source, Reason string }

func (e *UsageError) Error() string { return e.Source + ": " + e.Reason }

// Fault is the error's kind.
func (e *UsageError) Fault() fault.Kind { return fault.Usage }
