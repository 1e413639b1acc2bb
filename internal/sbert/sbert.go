// Package sbert reads modules.json, the list of parts in a folder of sentence-transformers.
package sbert

import (
	"encoding/json"
	"fmt"
	"path"
	"path/filepath"
	"strings"

	"clipgo/internal/fault"
)

// File is the name of the list.
const File = "modules.json"

// CLIPFolder returns the folder of the CLIP model that a list names, with slashes, relative to the list's own; "." is that itself.
func CLIPFolder(data []byte) (string, error) {
	var modules []struct {
		Path string `json:"path"`
		Type string `json:"type"`
	}
	if err := json.Unmarshal(data, &modules); err != nil {
		return "", fmt.Errorf("not a list of modules: %w", fault.JSON(err))
	}
	var types []string
	for _, m := range modules[:min(len(modules), 8)] {
		if strings.HasSuffix(m.Type, ".CLIPModel") {
			folder := path.Clean(m.Path)
			if !filepath.IsLocal(filepath.FromSlash(folder)) {
				return "", fmt.Errorf("%.200q is not a folder beside it", m.Path)
			}
			return folder, nil
		}
		types = append(types, fmt.Sprintf("%.60q", m.Type[strings.LastIndex(m.Type, ".")+1:]))
	}
	return "", fmt.Errorf("none of its modules is a CLIPModel: %s", strings.Join(types, ", "))
}
