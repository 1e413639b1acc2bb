package datasets

import (
	"context"
	"strings"

	"clipgo/internal/fault"
)

// Form says what the two sides of a preference share.
type Form int

// The forms of preferences.
const (
	TwoCaptions Form = iota // of one picture
	TwoPictures             // for one caption
)

func (f Form) String() string { return [...]string{"two captions", "two pictures"}[f] }

// pictures and captions are the numbers of each in a pair.
func (f Form) pictures() int { return 1 + int(f) }
func (f Form) captions() int { return 2 - int(f) }

// Preferences is a source of judged pairs. Each sample is a picture with two captions, which are the Captions of its Entry, or a caption
// with two pictures, of which Picture reads the first.
type Preferences interface {
	Source
	// Form is the same for all samples.
	Form() Form
	// Preferred is the share of the judgement for the first side: 1 if it is the better one, 0 if the second is, 0.5 for a tie.
	Preferred(i int) float64
	// Second reads the second picture of sample i. Pairs of captions have none.
	Second(ctx context.Context, i int) (Picture, error)
}

// OpenPreferences opens builtin:shapes-preferences or a table of preferences (.jsonl, .json, .csv, .tsv), whose picture paths
// are relative to its folder. Errors are those of Open.
func OpenPreferences(ctx context.Context, src string, o Options) (Preferences, error) {
	if o.Filter != "" {
		return nil, fault.Setting("filter", "judged pairs can't be filtered; it is for pictures with captions or classes")
	}
	if strings.HasPrefix(src, "builtin:") {
		s, err := openBuiltin(src)
		if err != nil {
			return nil, err
		}
		if p, ok := s.(Preferences); ok {
			return p, nil
		}
		return nil, &UsageError{Source: src, Reason: "it holds captions, not preferences; builtin:shapes-preferences does"}
	}
	return openPreferenceTable(ctx, src, o)
}

// SamplePreferences is a view of at most n samples, spread evenly over the source. Closing it doesn't close the source.
func SamplePreferences(p Preferences, n int) Preferences {
	return &somePreferences{Sample(p, n).(*subset), p}
}

type somePreferences struct {
	*subset
	of Preferences
}

func (s *somePreferences) Form() Form              { return s.of.Form() }
func (s *somePreferences) Preferred(i int) float64 { return s.of.Preferred(s.indices[i]) }

func (s *somePreferences) Second(ctx context.Context, i int) (Picture, error) {
	return s.of.Second(ctx, s.indices[i])
}
