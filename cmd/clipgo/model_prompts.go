package main

import (
	"encoding/json"
	"io"
	"os"
	"path/filepath"
	"slices"

	"clipgo/internal/durable"
	"clipgo/weights"
)

// promptsFile keeps the prompts of a training in a folder that convert or merge made of its model.
const promptsFile = "prompts.json"

// prompts are what run.json says of prompts, and all that prompts.json says.
type prompts struct {
	Templates []string `json:"templates"`
}

// readRun takes the prompts of a folder; one with a run.json is a checkpoint.
func (src *modelSource) readRun(dir string) {
	for _, name := range []string{runFile, promptsFile} {
		data, err := os.ReadFile(filepath.Join(dir, name))
		var p prompts
		if err != nil || json.Unmarshal(data, &p) != nil {
			continue
		}
		src.Templates = p.Templates
		if name == runFile {
			src.Checkpoint = dir
		}
		return
	}
}

// files are what a folder keeps of the prompts.
func (p prompts) files() map[string]weights.FileWriter {
	if len(p.Templates) == 0 {
		return nil
	}
	return map[string]weights.FileWriter{promptsFile: func(w io.Writer) error { return durable.EncodeJSON(w, p) }}
}

// agree tells whether models were trained with the same prompts.
func agree(sources []modelSource) bool {
	for _, src := range sources[1:] {
		if !slices.Equal(src.Templates, sources[0].Templates) {
			return false
		}
	}
	return true
}
