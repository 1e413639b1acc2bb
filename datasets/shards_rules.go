package datasets

import (
	"fmt"
	"slices"
	"strings"
)

// shardRules are what the samples of an archive depend on beside its bytes.
type shardRules struct {
	captionLines bool // of retrieval sets: txt has one caption a line
	evaluation   bool // as CLIP_benchmark reads them
	// severalClasses are those of sets that say so: npy has the classes of samples with cls, too
	severalClasses bool
	keys           captionKeys
}

// settings are the rules as a text.
func (r shardRules) settings() string {
	settings := ""
	if r.captionLines {
		settings = "caption lines"
	}
	if r.evaluation {
		settings += " evaluation"
	}
	if r.severalClasses {
		settings += " several classes"
	}
	if r.keys.asked {
		settings += fmt.Sprintf(" caption keys %q %v", r.keys.names, r.keys.weights)
	}
	return settings
}

// trainingPictures are the extensions of members that hold a picture, in open_clip's order with others behind them. The first that is
// present is used.
var trainingPictures = preferred("jpg", "png", "jpeg", "webp")

// evaluationPictures are the same in CLIP_benchmark's order.
var evaluationPictures = preferred("webp", "png", "jpg", "jpeg")

func preferred(first ...string) []string {
	for _, field := range pictureFields {
		if !slices.Contains(first, field) {
			first = append(first, field)
		}
	}
	return first
}

// pictures are the extensions of pictures in the order of preference.
func (r shardRules) pictures() []string {
	if r.evaluation {
		return evaluationPictures
	}
	return trainingPictures
}

// captionsOf are the captions of a text with one a line. In evaluations a line ends as in Python's str.splitlines, and a blank line is a
// caption, since each line is a query and an answer.
func (s *sampler) captionsOf(text string) []string {
	if !s.evaluation {
		return s.trimmed(strings.Split(text, "\n"))
	}
	out := pythonLines(strings.TrimPrefix(text, byteOrderMark))
	for i := range out {
		out[i] = s.repairs.clean(out[i])
	}
	return out
}

// pythonLines splits a text as Python's str.splitlines does.
func pythonLines(text string) (out []string) {
	from := 0
	for i, r := range text {
		switch r {
		case '\n':
			if i > 0 && text[i-1] == '\r' {
				from = i + 1
				continue
			}
		case '\r', '\v', '\f', '\x1c', '\x1d', '\x1e', '\u0085', '\u2028', '\u2029':
		default:
			continue
		}
		out = append(out, text[from:i])
		from = i + len(string(r))
	}
	if from < len(text) {
		out = append(out, text[from:])
	}
	return out
}
