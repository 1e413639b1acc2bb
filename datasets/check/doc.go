// Package check finds out what a training would meet in a data source, before anything is trained.
//
// [Run] reads every entry with its captions, the headers of pictures, and decodes a random sample of them, or all. The [Result] counts what
// can't be used and why, and estimates the share of all samples from the sample. It describes captions and pictures, and says whether a
// training would end because too many samples are unusable. [Result.WriteHTML] makes a page of it. [Quick] looks at a few samples, for
// the start of a training.
package check
