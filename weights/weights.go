// Package weights opens a file or folder of a CLIP model's weights in any of the usual layouts (open_clip, OpenAI, transformers). It shows
// the tensors under open_clip's names, with the model and preprocessing configs.
//
// Each layout is a file with one table of names (hf_clip.go); the table is read in both directions.
package weights

import (
	"encoding/json"
	"fmt"

	"clipgo/internal/fault"
	"clipgo/internal/safetensors"
)

// Set is a collection of tensors by name. Their data is read-only. A Set is safe for concurrent use.
type Set interface {
	Names() []string
	Tensor(name string) (safetensors.Tensor, bool)
}

// Layout is the naming and file structure of weights.
type Layout string

// The layouts that clipgo reads.
const (
	OpenCLIP Layout = "open_clip"
	OpenAI   Layout = "openai"    // open_clip's names in a TorchScript archive, OpenAI's own
	HFCLIP   Layout = "hf-clip"   // transformers' CLIPModel
	HFSigLIP Layout = "hf-siglip" // its SiglipModel
)

// Checkpoint is an open file or folder of weights. The tensors' data is the memory-mapped file where the format allows it, and is invalid
// after Close.
type Checkpoint struct {
	Set                          // under open_clip's names
	Layout     Layout            //
	Model      json.RawMessage   // open_clip's model_cfg; nil for a bare file that doesn't determine it
	Preprocess json.RawMessage   // open_clip's preprocess_cfg; nil if there is none
	Dir        string            // the folder, which also has the tokenizer's files; empty for a bare file
	File       string            // the file of weights, or the index of several
	Info       map[string]string // metadata of a training checkpoint: epoch, name
	Notes      []string          // what was inferred instead of read, one line each
	Buffers    []string          // names of tensors that are not weights and were ignored

	close func() error
}

// Close unmaps the files.
func (c *Checkpoint) Close() error { return c.close() }

func (c *Checkpoint) note(format string, args ...any) {
	c.Notes = append(c.Notes, fmt.Sprintf(format, args...))
}

// Error reports a file or folder of weights that can't be used.
type Error struct {
	Path string
	Err  error
}

func (e *Error) Error() string { return e.Path + ": " + e.Err.Error() }

// Fault is the error's kind.
func (e *Error) Fault() fault.Kind { return fault.Model }

func (e *Error) Unwrap() error { return e.Err }

func refuse(path, format string, args ...any) error {
	return &Error{Path: path, Err: fmt.Errorf(format, args...)}
}
