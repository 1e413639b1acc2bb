package pretrained

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"

	"clipgo/datasets"
	"clipgo/eval"
	"clipgo/internal/bounded"
	"clipgo/internal/durable"
	"clipgo/internal/fault"
	"clipgo/weights"
)

// PromptsFile keeps the prompts of a training in a folder that convert or merge made of its model.
const PromptsFile = "prompts.json"

// Prompts are what run.json says of prompts, and all that prompts.json says.
type Prompts struct {
	Templates []string `json:"templates"`
}

// readRun takes the prompts of a folder; one with a run.json is a checkpoint. A file that is there and can't be used is an error: other
// prompts would give other answers.
func (src *Source) readRun(dir string) error {
	for _, f := range []struct {
		name string
		kind bounded.Kind
	}{{RunFile, bounded.Record}, {PromptsFile, bounded.ModelConfig}} {
		path := filepath.Join(dir, f.name)
		data, err := bounded.ReadFile(path, f.kind)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return err
		}
		var p Prompts
		if err := json.Unmarshal(data, &p); err != nil {
			return fault.Modelf(path, "%v", fault.JSON(err))
		}
		if err := p.check(f.name); err != nil {
			return fault.Modelf(path, "%v", err)
		}
		src.Templates = p.Templates
		if f.name == RunFile {
			src.Checkpoint = dir
		}
		return nil
	}
	return nil
}

// check looks for templates that would make the same prompt of every name. prompts.json has at least one; a run may have none.
func (p Prompts) check(name string) error {
	if name == PromptsFile && len(p.Templates) == 0 {
		return errors.New("it has no templates")
	}
	if len(p.Templates) == 0 {
		return nil
	}
	for i, t := range p.Templates {
		if strings.ContainsAny(t, "\r\n") { // in the list below it would be several
			return fmt.Errorf("templates: number %d has more than one line", i+1)
		}
	}
	_, err := eval.ReadTemplates(strings.NewReader(strings.Join(p.Templates, "\n")))
	if err != nil {
		return fmt.Errorf("templates: %w", err)
	}
	return nil
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

// TemplatesIn reads prompt templates from a file, or takes the built-in ones of a data set, builtin:NAME. Of an empty path they are
// Templates.
func (m *Embedder) TemplatesIn(path string, data datasets.Info) ([]string, error) {
	if path == "" {
		return m.Templates(data), nil
	}
	if set, ok, err := builtinNames("templates", path); ok || err != nil {
		return set.Templates, err
	}
	f, err := bounded.Open(path, bounded.List)
	if err != nil {
		return nil, fault.Setting("templates", "%w", err)
	}
	defer f.Close()
	out, err := eval.ReadTemplates(f)
	if err != nil {
		return nil, fault.Setting("templates", "%s: %v", path, err)
	}
	return out, nil
}
