package choices

import (
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"clipgo/internal/bounded"
	"clipgo/internal/fault"
)

// Place is a set of a folder.
type Place struct {
	Name string // as in CLIP_benchmark's results: sugar_crepe/add_att, winoground
	Path string // for Open
}

// annotations is a file that describes a set.
var annotations = bounded.Kind{Name: "a file of captions", Limit: 256 << 20, Line: 4 << 20, Fault: fault.Data}

// The files of Winoground, which WinoGAViL has too, and ARO.
const (
	winogroundFile  = "examples.jsonl"
	winogroundMark  = `"caption_0"`
	aroRelations    = "visual_genome_relation.json"
	aroAttributions = "visual_genome_attribution.json"
)

// aroNames are the names of ARO's sets by their files.
var aroNames = map[string]string{aroRelations: "aro/vg_relation", aroAttributions: "aro/vg_attribution"}

// Find lists the sets of a place: one of a file, several of a folder that has several. It is nil if the place is none of the layouts.
func Find(place string) []Place {
	st, err := os.Stat(place)
	switch {
	case err != nil:
		return nil
	case !st.IsDir():
		if p, ok := fileAt(place); ok {
			return []Place{p}
		}
		return nil
	}
	if p, ok := fileAt(filepath.Join(place, winogroundFile)); ok {
		return []Place{p}
	}
	files, err := filepath.Glob(filepath.Join(escaped(place), "*.json"))
	if err != nil {
		return nil
	}
	slices.Sort(files)
	var out []Place
	for _, f := range files {
		if p, ok := fileAt(f); ok {
			out = append(out, p)
		}
	}
	return out
}

// escaped is a path for filepath.Glob.
func escaped(path string) string {
	return strings.NewReplacer(`\`, `\\`, "*", `\*`, "?", `\?`, "[", `\[`).Replace(path)
}

// fileAt recognizes a set by its file.
func fileAt(path string) (Place, bool) {
	base := filepath.Base(path)
	kind, isJSON := strings.CutSuffix(base, ".json")
	switch {
	case base == winogroundFile && start(path, winogroundMark):
		return Place{"winoground", filepath.Dir(path)}, true
	case base == winogroundFile && start(path, `"associations"`):
		return Place{WinoGAViL, filepath.Dir(path)}, true
	case isJSON && start(path, `"negative_caption"`):
		return Place{"sugar_crepe/" + kind, path}, true
	case aroNames[base] != "" && start(path, `"false_caption"`):
		return Place{aroNames[base], path}, true
	}
	return Place{}, false
}

// start reports whether a file has a text in its first 16 kB.
func start(path, text string) bool {
	f, err := bounded.Open(path, annotations)
	if err != nil {
		return false
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, 16<<10))
	return err == nil && strings.Contains(string(data), text)
}
