package choices

import (
	"bytes"
	"encoding/json"
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"clipgo/internal/bounded"
	"clipgo/internal/fault"
)

// WinoGAViL is the name of the set whose samples have a cue and some pictures, of which one or more belong to the cue.
const WinoGAViL = "winogavil"

// readWinoGAViL reads examples.jsonl, a sample a line with the keys of the set on the hub: cue, candidates and associations. The pictures
// are in images, with the names of the candidates.
func (s *Set) readWinoGAViL(dir string) error {
	s.Pictures = 0
	path := filepath.Join(dir, winogroundFile)
	return bounded.Lines(path, annotations, func(n int, line []byte, _ bool) error {
		if len(bytes.TrimSpace(line)) == 0 {
			return nil
		}
		var sample struct {
			Cue          string   `json:"cue"`
			Candidates   []string `json:"candidates"`
			Associations []string `json:"associations"`
		}
		if err := json.Unmarshal(line, &sample); err != nil {
			return s.wrong("line %d: %v", n, fault.JSON(err))
		}
		at := fmt.Sprint("line ", n)
		for _, a := range sample.Associations {
			if !slices.Contains(sample.Candidates, a) {
				return s.wrong("%s: %q belongs to the cue but is no candidate", at, a)
			}
		}
		if len(sample.Associations) == 0 || len(sample.Candidates) < 2 {
			return s.wrong("%s: it has %d candidates, of which %d belong to the cue", at, len(sample.Candidates), len(sample.Associations))
		}
		var pictures []string
		for _, name := range sample.Candidates {
			s.Samples, s.Right = append(s.Samples, len(s.Kinds)), append(s.Right, slices.Contains(sample.Associations, name))
			if name != "" && filepath.Ext(name) == "" {
				name += ".jpg"
			}
			pictures = append(pictures, name)
		}
		return s.add(sampleOf{
			at: at, line: int64(n), list: path, folder: filepath.Join(dir, "images"), pictures: pictures,
			captions: []string{cuePrompt(sample.Cue)},
		})
	})
}

// cuePrompt is the prompt of a cue in DataComp's evaluation. A blank cue stays blank, which add refuses.
func cuePrompt(cue string) string {
	cue = strings.ToLower(cue)
	switch {
	case strings.TrimSpace(cue) == "":
		return ""
	case strings.ContainsAny(cue[:1], "aeiou"):
		return "An " + cue
	}
	return "A " + cue
}
