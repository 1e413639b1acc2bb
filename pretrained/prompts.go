package pretrained

import (
	"encoding/json"
	"io"
	"os"
	"path/filepath"
	"slices"

	"clipgo/internal/durable"
	"clipgo/weights"
)

// PromptsFile keeps the prompts of a training in a folder that convert or merge made of its model.
const PromptsFile = "prompts.json"

// Prompts are what run.json says of prompts, and all that prompts.json says.
type Prompts struct {
	Templates []string `json:"templates"`
}

// readRun takes the prompts of a folder; one with a run.json is a checkpoint.
func (src *Source) readRun(dir string) {
	for _, name := range []string{RunFile, PromptsFile} {
		data, err := os.ReadFile(filepath.Join(dir, name))
		var p Prompts
		if err != nil || json.Unmarshal(data, &p) != nil {
			continue
		}
		src.Templates = p.Templates
		if name == RunFile {
			src.Checkpoint = dir
		}
		return
	}
}

// Files are what a folder keeps of the prompts.
func (p Prompts) Files() map[string]weights.FileWriter {
	if len(p.Templates) == 0 {
		return nil
	}
	return map[string]weights.FileWriter{PromptsFile: func(w io.Writer) error { return durable.EncodeJSON(w, p) }}
}

// SamePrompts tells whether models were trained with the same prompts.
func SamePrompts(sources []Source) bool {
	for _, src := range sources[1:] {
		if !slices.Equal(src.Templates, sources[0].Templates) {
			return false
		}
	}
	return true
}
