package model

import (
	"embed"
	"fmt"
	"slices"
	"strings"

	"clipgo/internal/config"
	"clipgo/internal/fault"
)

// Model configs, open_clip's format to the letter. Those that open_clip has too are equal to its own.
//
//go:embed configs/*.json
var configFiles embed.FS

// Configs lists the names of the embedded model configs, sorted.
func Configs() []string {
	entries, _ := configFiles.ReadDir("configs") // embedded: it can't fail
	var names []string
	for _, e := range entries {
		names = append(names, strings.TrimSuffix(e.Name(), ".json"))
	}
	slices.Sort(names)
	return names
}

// NamedConfig is the embedded config of a name.
func NamedConfig(name string) (Config, error) {
	data, err := configFiles.ReadFile("configs/" + name + ".json")
	if err != nil {
		return Config{}, &UnknownModelError{Name: name, Nearest: config.Nearest(name, Configs())}
	}
	c, err := ParseConfig(data)
	if err != nil {
		return c, fmt.Errorf("model %s: %w", name, err)
	}
	return c, nil
}

// UnknownModelError is a name that no embedded config has. Nearest is the one that was probably meant, or empty.
type UnknownModelError struct{ Name, Nearest string }

func (e *UnknownModelError) Error() string {
	text := fmt.Sprintf("no model or path is called %q", e.Name)
	if e.Nearest != "" {
		text += "; did you mean " + e.Nearest + "?"
	}
	return text
}

// Fault is the error's kind.
func (e *UnknownModelError) Fault() fault.Kind { return fault.Usage }
