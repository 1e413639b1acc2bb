package datasets

import (
	"context"
	"time"

	"clipgo/internal/fault"
)

// Source is a set of samples with random access. Samples, their order and Len don't change while it is open. Every method but
// Close may be called from several goroutines.
//
// An implementation need not hold entries in memory: it may read them from an index on disk or from a remote file when Entry
// asks for them. It owes the following:
//
//   - Entry and Picture give the same answer for the same i each time; batches depend on it.
//   - An error of Entry or Picture says in one line why this sample can't be used, and costs this sample alone. What may succeed a
//     moment later, such as a lost connection, is tried again before an error is returned, since a skip changes the batch.
//   - A *DataError says that the data as a whole can't be used any more, such as a file that changed while it is read. It ends
//     the stream of batches.
//   - Both return soon after ctx is done, with ctx's error.
//   - Errors, keys and notes hold no credentials.
type Source interface {
	// Len is the number of samples present, including those that will turn out to be unusable.
	Len() int
	// Entry describes sample i, 0 <= i < Len(), without reading its picture. The caller doesn't change it.
	Entry(ctx context.Context, i int) (Entry, error)
	// Picture reads the picture of sample i.
	Picture(ctx context.Context, i int) (Picture, error)
	// Info describes the whole set.
	Info() Info
	// Close frees what the source holds. Later reads are errors.
	Close() error
}

// Entry is what is known of a sample before its picture is read.
type Entry struct {
	Key      string    `json:"key"`                // names the sample to a person: a path, shard.tar/member, an emoji
	Captions []string  `json:"captions,omitempty"` // several describe the same picture; empty only in sets of classes
	Label    int       `json:"label"`              // class number into Info.Classes; -1 without one
	Size     int64     `json:"size,omitempty"`     // bytes of the picture's file, 0 where there is none
	ModTime  time.Time `json:"mod_time,omitzero"`
	Offset   int64     `json:"offset,omitempty"` // of the sample in its shard (bytes) or table (line); 0 in folders
	File     string    `json:"file,omitempty"`   // the file that holds it; empty in built-in sets
	List     string    `json:"list,omitempty"`   // the table that names the sample; empty elsewhere
	// Bad, where not empty, says why the sample can't be used although it is present: a table row without a caption, a
	// shard member without a picture.
	Bad string `json:"bad,omitempty"`
}

// Picture is a picture as a source holds it: the bytes of an image file, or pixels already.
type Picture struct {
	File          []byte
	RGB           []uint8 // [Height, Width, 3]; used where File is nil
	Width, Height int
}

// Info describes a source.
type Info struct {
	Name      string   `json:"name"`                // as the user wrote it
	Kind      string   `json:"kind"`                // builtin, folder, classes, table, shards, several
	Classes   []string `json:"classes,omitempty"`   // names by class number; nil without classes
	Templates []string `json:"templates,omitempty"` // prompts that fit the classes; nil: the caller's default
	// Fingerprint changes when samples, their order, or their captions do. A source that would have to read all captions for it
	// may make it from what changes with them, such as the sizes and ETags of its files.
	Fingerprint string   `json:"fingerprint"`
	Notes       []string `json:"notes,omitempty"` // guesses and repairs that the user should know of, a line each
}

// DataError is data that is refused as a whole: an empty folder, a missing column, too many unusable samples.
type DataError struct{ Source, Reason string }

func (e *DataError) Error() string { return e.Source + ": " + e.Reason }

// Fault is the error's kind.
func (e *DataError) Fault() fault.Kind { return fault.Data }

// UsageError is a name of data that has no meaning: an unknown built-in, a parameter that it does not have.
type UsageError struct{ Source, Reason string }

func (e *UsageError) Error() string { return e.Source + ": " + e.Reason }

// Fault is the error's kind.
func (e *UsageError) Fault() fault.Kind { return fault.Usage }
