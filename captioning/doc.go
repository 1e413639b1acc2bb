// Package captioning trains models with a decoder (CoCa; Yu et al., 2022) to write captions, and writes captions with them: by beam
// search, greedily, or by sampling.
package captioning
