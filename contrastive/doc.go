// Package contrastive trains CLIP models: InfoNCE and SigLIP's sigmoid loss, the objective that computes one of them over a batch in
// micro-batches, and a masked language model that can be trained beside it. Package training drives the objective.
package contrastive
