// Package model is CLIP as one object: the image tower, the text tower, an optional caption decoder, and the scale of their
// similarities.
//
// It holds what is done to a model whatever it is trained for: its configuration (open_clip's format), reading and writing
// weights, embedding pictures and captions, locking, resizing, exponential averages of the weights, and the cut of a batch
// into micro-batches. Losses and objectives are in other packages and import this one.
package model
