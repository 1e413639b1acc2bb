package check

import (
	"clipgo/datasets"
)

// Result is what a check found. Its JSON keys are described in docs/data.md.
type Result struct {
	Data     Data      `json:"data"`
	Complete bool      `json:"complete"` // false if the check was interrupted: the numbers are of what was read until then
	Samples  Samples   `json:"samples"`
	Unusable []Problem `json:"unusable"`
	Verdict  Verdict   `json:"verdict"`
	Captions Captions  `json:"captions"`
	Pictures Pictures  `json:"pictures"`
	Doubles  Doubles   `json:"duplicate_pictures"`
	Speed    Speed     `json:"speed"`
	Findings []Finding `json:"findings"`
	Shown    []Shown   `json:"shown"`
	Settings Settings  `json:"settings"`

	model string
	size  int // of its pictures
}

// Data describes the source.
type Data struct {
	Name        string           `json:"name"`
	Kind        string           `json:"kind"`
	Classes     int              `json:"classes,omitempty"`
	Files       int              `json:"files,omitempty"` // archives or tables that hold the pictures
	Bytes       int64            `json:"bytes,omitempty"` // of the pictures' files, as far as the source knows
	Fingerprint string           `json:"fingerprint"`
	Notes       []string         `json:"notes,omitempty"`
	Ignored     datasets.Ignored `json:"ignored,omitempty"`
	Unread      []datasets.Skip  `json:"unread,omitempty"`
}

// Samples counts the samples. Present = Usable + Unusable. Usable are those of which nothing else is known: exactly, if Exact is true.
type Samples struct {
	Present  int  `json:"present"`
	Usable   int  `json:"usable"`
	Unusable int  `json:"unusable"` // known to be
	Exact    bool `json:"exact"`    // every picture was decoded
	Entries  int  `json:"entries_read"`
	Headers  int  `json:"headers_read"`
	Decoded  int  `json:"decoded"` // pictures read and decoded, or found to be impossible to decode
	// Share is the estimated share of unusable samples among all, with its 95 % interval. If Exact is true, all three are the same.
	Share Estimate `json:"unusable_share"`
}

// Estimate is a share with its 95 % interval.
type Estimate struct {
	Value float64 `json:"value"`
	Low   float64 `json:"low"`
	High  float64 `json:"high"`
}

// Problem is a reason for which samples can't be used.
type Problem struct {
	Kind     Kind      `json:"kind"`
	Reason   string    `json:"reason"` // of several samples what their reasons have in common; numbers are N
	Count    int       `json:"count"`
	Examples []Example `json:"examples"`
}

// Kind says what can't be used.
type Kind string

// The kinds, in the order in which a sample is looked at. It counts with the first.
const (
	BadEntry   Kind = "entry"   // a row or a sample of a shard that names no picture, or has no caption
	Unreadable Kind = "read"    // the picture's file is missing, or can't be read
	TooLarge   Kind = "size"    // the picture exceeds the limits
	BadPicture Kind = "picture" // the file is not a picture, damaged, or of a kind that isn't read
)

// Example is a sample that can't be used.
type Example struct {
	Key    string `json:"key"`
	Offset int64  `json:"offset,omitempty"`
	Reason string `json:"reason"`

	at int // its number
}

// Verdict says whether a training on the data would end because too many samples can't be used.
type Verdict struct {
	Ends    Ending  `json:"ends"`
	MaxSkip float64 `json:"max_skip"`
	Reason  string  `json:"reason"`
}

// Ending is whether a training ends early.
type Ending string

// The endings. Maybe: the limit is within the interval of the estimate.
const (
	EndsNot    Ending = "no"
	EndsMaybe  Ending = "maybe"
	EndsSurely Ending = "yes"
)

// Count is a number of things of one kind.
type Count struct {
	Name  string  `json:"name"`
	Count int     `json:"count"`
	Share float64 `json:"share"`
}

// Speed is how fast this machine reads and decodes the data, without training.
type Speed struct {
	PicturesPerSecond float64 `json:"pictures_per_second,omitzero"`
	Workers           int     `json:"workers"`
	// EpochHours and Hours are those of one pass over the data, and of the recipe: the data side alone. The model's steps take their own
	// time, at the same time.
	EpochHours float64 `json:"epoch_hours,omitzero"`
	Hours      float64 `json:"hours,omitzero"`
	Steps      int64   `json:"steps,omitzero"` // of the recipe
}

// Shown is a sample as the loader gives it.
type Shown struct {
	Key     string `json:"key"`
	Caption string `json:"caption"`
	Text    string `json:"text,omitempty"` // what the tokens say
	Tokens  int    `json:"tokens"`
	Cut     bool   `json:"cut"`

	picture []byte // JPEG
	rank    int
}
