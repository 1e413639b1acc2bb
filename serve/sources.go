package serve

import (
	"bytes"
	"encoding/json"
	"path/filepath"
	"strings"

	"clipgo/internal/bounded"
	"clipgo/internal/fault"
	"clipgo/internal/paths"
)

// Place is where an index is, as [NAME=]DIR, and the columns of it that clip-retrieval's endpoints answer with; nil: the usual ones.
type Place struct {
	Index    string
	Returned []string
}

// Sources replaces each file of clip-retrieval's that lists indexes (indices_paths.json) by what it lists, in its order. Such a file is an
// object with a folder for each name, or an object whose indice_folder is one and which may have columns_to_return; its other settings are
// about how clip-retrieval reads an index, and have no effect here.
func Sources(args []string) (out []Place, err error) {
	for _, arg := range args {
		if strings.ToLower(filepath.Ext(arg)) != ".json" || !paths.Exists(arg) || paths.Exists(filepath.Join(arg, "meta.json")) {
			out = append(out, Place{Index: arg})
			continue
		}
		data, err := bounded.ReadFile(arg, bounded.Table)
		if err != nil {
			return nil, err
		}
		listed, err := readSources(data)
		if err != nil {
			return nil, fault.Dataf("%s: %v; it should have the folder of each index by its name", arg, err)
		}
		out = append(out, listed...)
	}
	return out, nil
}

// readSources reads an object in its order, which a map would lose.
func readSources(data []byte) (out []Place, err error) {
	var all map[string]json.RawMessage
	if err := json.Unmarshal(data, &all); err != nil {
		return nil, err
	}
	d := json.NewDecoder(bytes.NewReader(data))
	if _, err := d.Token(); err != nil {
		return nil, err
	}
	for d.More() {
		name, err := d.Token()
		if err != nil {
			return nil, err
		}
		var raw json.RawMessage
		if err := d.Decode(&raw); err != nil {
			return nil, err
		}
		var of struct {
			Folder   string   `json:"indice_folder"`
			Returned []string `json:"columns_to_return"`
		}
		if json.Unmarshal(raw, &of.Folder) != nil {
			if err := json.Unmarshal(raw, &of); err != nil {
				return nil, err
			}
		}
		key, _ := name.(string)
		if key == "" || of.Folder == "" {
			return nil, fault.Dataf("%q has no name or no folder", key)
		}
		out = append(out, Place{key + "=" + of.Folder, of.Returned})
	}
	if len(out) == 0 {
		return nil, fault.Dataf("it has no indexes")
	}
	return out, nil
}
