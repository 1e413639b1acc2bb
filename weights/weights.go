// Package weights opens what the field publishes: a file or a folder of CLIP's weights in any of the usual layouts, under
// open_clip's names, with the model and preprocessing configs that go with them.
//
// Each layout is a file with one table of names (hf_clip.go); the table is read in both directions.
package weights

import (
	"encoding/json"
	"fmt"

	"clipgo/internal/fault"
	"clipgo/internal/safetensors"
)

// Set is tensors by name. Their data is read only; several goroutines may ask at once.
type Set interface {
	Names() []string
	Tensor(name string) (safetensors.Tensor, bool)
}

// Layout names how weights are laid out in a file or folder.
type Layout string

// The layouts that clipgo reads.
const (
	OpenCLIP Layout = "open_clip"
	OpenAI   Layout = "openai"    // open_clip's names in a TorchScript archive, OpenAI's own
	HFCLIP   Layout = "hf-clip"   // transformers' CLIPModel
	HFSigLIP Layout = "hf-siglip" // its SiglipModel
)

// Checkpoint is open weights. The tensors' data is the mapped file where the format allows, and gone after Close.
type Checkpoint struct {
	Set                          // under open_clip's names
	Layout     Layout            //
	Model      json.RawMessage   // open_clip's model_cfg; nil for a bare file that leaves it open
	Preprocess json.RawMessage   // open_clip's preprocess_cfg; nil where nothing is said
	Dir        string            // the folder, in which the tokenizer's files are too; empty for a bare file
	File       string            // the file of weights, or the index of several
	Info       map[string]string // what a training checkpoint says of itself: epoch, name
	Notes      []string          // what was inferred rather than read, a line each
	Buffers    []string          // what the file holds that is not weights and was left out

	close func() error
}

// Close unmaps the files.
func (c *Checkpoint) Close() error { return c.close() }

func (c *Checkpoint) note(format string, args ...any) {
	c.Notes = append(c.Notes, fmt.Sprintf(format, args...))
}

// Error is a file or folder of weights that is refused.
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
