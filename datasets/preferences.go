package datasets

import (
	"context"
	"strings"
)

// Form says what the two sides of a preference share.
type Form int

// The forms of preferences.
const (
	TwoCaptions Form = iota // of one picture
	TwoPictures             // for one caption
)

func (f Form) String() string { return [...]string{"two captions", "two pictures"}[f] }

// pictures and captions are how many of each a pair has.
func (f Form) pictures() int { return 1 + int(f) }
func (f Form) captions() int { return 2 - int(f) }

// Preferences is a source of judgements: each sample is a picture with two captions, of which Entry names both, or a
// caption with two pictures. Picture reads the first one.
type Preferences interface {
	Source
	// Form is the same for all samples.
	Form() Form
	// Preferred is 1 where the first side is the better one, 0 where the second is, and 0.5 for a tie.
	Preferred(i int) float64
	// Second reads the second picture of sample i, where there are two.
	Second(ctx context.Context, i int) (Picture, error)
}

// OpenPreferences opens builtin:shapes-preferences or a table of preferences (.jsonl, .json, .csv, .tsv), whose picture paths
// are relative to its folder. Errors are those of Open.
func OpenPreferences(ctx context.Context, src string, o Options) (Preferences, error) {
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

// SamplePreferences is a view of at most n of the samples, spread evenly. Closing it leaves the source open.
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
