// Package contrastive is the contrastive training of CLIP: InfoNCE and the sigmoid loss, the objective that joins a model with
// one of them, and a masked language model that can be trained beside it.
package contrastive
