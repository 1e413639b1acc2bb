// Package datasets reads image-caption pairs: built-in sets, folders, tables, WebDataset shards. A Loader turns them
// into batches whose content depends on (seed, epoch, index) alone.
//
// It knows neither tower: pixels and token ids are filled in by two functions that its owner hands over.
package datasets

import (
	"clipgo/internal/fault"
	"context"
	"time"
)

// Source is a set of samples with random access. Its order is its own and does not change while it is open; every
// method may be called from several goroutines.
type Source interface {
	// Len is the number of samples present, those included that will turn out to be unusable.
	Len() int
	// Entry describes a sample without reading its picture.
	Entry(i int) Entry
	// Picture reads a sample's picture. An error says why it can't; the loader then skips the sample.
	Picture(ctx context.Context, i int) (Picture, error)
	// Info describes the whole set.
	Info() Info
	Close() error
}

// Entry is what is known of a sample before its picture is read.
type Entry struct {
	Key      string    `json:"key"`                // names the sample to a person: a path, shard.tar/member, an emoji
	Captions []string  `json:"captions,omitempty"` // several describe the same picture; empty only in sets of classes
	Label    int       `json:"label"`              // class number into Info.Classes; -1 without one
	Size     int64     `json:"size,omitempty"`     // bytes of the picture's file, 0 where there is none
	ModTime  time.Time `json:"mod_time,omitzero"`
	Offset   int64     `json:"offset,omitempty"` // where in a shard or table the sample stands (byte or line); 0 in folders
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
	Name        string   `json:"name"`                // as the user wrote it
	Kind        string   `json:"kind"`                // builtin, folder, classes, table, shards, several
	Classes     []string `json:"classes,omitempty"`   // names by class number; nil without classes
	Templates   []string `json:"templates,omitempty"` // prompts that fit the classes; nil: the caller's default
	Fingerprint string   `json:"fingerprint"`         // changes when samples, their order, or their captions do
	Notes       []string `json:"notes,omitempty"`     // guesses and repairs that the user should know of, a line each
}

// DataError is data that is refused as a whole: an empty folder, a missing column, too many unusable samples. Commands
// end with 3 on it.
type DataError struct{ Source, Reason string }

func (e *DataError) Error() string { return e.Source + ": " + e.Reason }

// Fault is the error's kind.
func (e *DataError) Fault() fault.Kind { return fault.Data }

// UsageError is a way of naming data that can't be meant: an unknown built-in, a parameter that it does not have.
// Commands end with 2 on it.
type UsageError struct{ Source, Reason string }

func (e *UsageError) Error() string { return e.Source + ": " + e.Reason }

// Fault is the error's kind.
func (e *UsageError) Fault() fault.Kind { return fault.Usage }
