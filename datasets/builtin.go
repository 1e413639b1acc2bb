package datasets

import (
	"context"
	"fmt"
	"maps"
	"math"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"clipgo/datasets/emoji"
	"clipgo/datasets/shapes"
)

// builtins are the sets that need no files, by name, with the parameters that they know.
var builtins = map[string]struct {
	open       func(q query) (Source, error)
	parameters []string
}{
	"emoji":  {openEmoji, []string{"names", "split"}},
	"shapes": {openShapes, []string{"label-noise", "n", "seed", "split", "uncounted"}},

	"shapes-preferences": {openShapesPreferences, []string{"n", "seed", "split"}},
}

// openBuiltin opens builtin:NAME?k=v&k2=v2; an unknown name or parameter, or an invalid value, is a *UsageError.
func openBuiltin(src string) (Source, error) {
	name, rawQuery, _ := strings.Cut(strings.TrimPrefix(src, "builtin:"), "?")
	known, ok := builtins[name]
	if !ok {
		names := strings.Join(slices.Sorted(maps.Keys(builtins)), ", ")
		return nil, &UsageError{Source: src, Reason: fmt.Sprintf("there is no built-in set %q; known: %s", name, names)}
	}
	values, err := url.ParseQuery(rawQuery)
	if err != nil {
		return nil, &UsageError{Source: src, Reason: "parameters are not k=v&k2=v2: " + err.Error()}
	}
	for _, k := range slices.Sorted(maps.Keys(values)) {
		if !slices.Contains(known.parameters, k) {
			list := strings.Join(known.parameters, ", ")
			return nil, &UsageError{Source: src, Reason: fmt.Sprintf("%s has no parameter %q; known: %s", name, k, list)}
		}
		if n := len(values[k]); n > 1 {
			return nil, &UsageError{Source: src, Reason: fmt.Sprintf("parameter %s is given %d times", k, n)}
		}
	}
	return known.open(query{src: src, values: values})
}

// query reads a built-in set's parameters. err is the error of the first invalid value.
type query struct {
	src    string
	values url.Values
	err    error
}

func (q *query) refuse(parameter, want string) {
	if q.err == nil {
		reason := fmt.Sprintf("%s=%s is not %s", parameter, q.values.Get(parameter), want)
		q.err = &UsageError{Source: q.src, Reason: reason}
	}
}

// choice is the index of the parameter's value among the allowed ones. The first is the default.
func (q *query) choice(parameter string, allowed ...string) int {
	if !q.values.Has(parameter) {
		return 0
	}
	i := slices.Index(allowed, q.values.Get(parameter))
	if i < 0 {
		q.refuse(parameter, "one of "+strings.Join(allowed, ", "))
	}
	return max(i, 0)
}

// whole is a whole number from least to 2^bits-1.
func (q *query) whole(parameter string, fallback, least uint64, bits int) uint64 {
	if !q.values.Has(parameter) {
		return fallback
	}
	v, err := strconv.ParseUint(q.values.Get(parameter), 10, bits)
	if err != nil || v < least {
		q.refuse(parameter, fmt.Sprintf("a whole number from %d to %d", least, uint64(math.MaxUint64)>>(64-bits)))
	}
	return v
}

// share is a number from 0 to 1, 0 by default.
func (q *query) share(parameter string) float64 {
	if !q.values.Has(parameter) {
		return 0
	}
	v, err := strconv.ParseFloat(q.values.Get(parameter), 64)
	if err != nil || !(v >= 0 && v <= 1) {
		q.refuse(parameter, "a number from 0 to 1")
	}
	return v
}

// emojiTemplates make the captions of an emoji from its name, and the prompts for it.
var emojiTemplates = []string{"{}", "an emoji of {}", "a picture of {}", "{} emoji"}

// emojiSource is the emoji of a split. Its classes are all emoji, or those of the split.
type emojiSource struct {
	all    []emoji.Emoji
	chosen []int // positions in all
	labels []int // of those chosen
	info   Info
}

func openEmoji(q query) (Source, error) {
	splits := []string{"all", "train", "val"}
	split := splits[q.choice("split", splits...)]
	own := q.choice("names", "all", "split") == 1 // only the classes of this split
	if q.err != nil {
		return nil, q.err
	}
	all, err := emoji.All()
	if err != nil {
		return nil, fmt.Errorf("%s: %w", q.src, err)
	}
	s := &emojiSource{all: all, info: Info{Name: q.src, Kind: "builtin", Templates: slices.Clone(emojiTemplates)}}
	for i, e := range all {
		chosen := split == "all" || e.HeldOut() == (split == "val")
		if chosen {
			s.chosen, s.labels = append(s.chosen, i), append(s.labels, len(s.info.Classes))
		}
		if chosen || !own {
			s.info.Classes = append(s.info.Classes, e.Name)
		}
	}
	s.info.Fingerprint = fmt.Sprintf("builtin:emoji split=%s n=%d font=%08x", split, len(s.chosen), emoji.Checksum())
	return s, nil
}

func (s *emojiSource) Len() int     { return len(s.chosen) }
func (s *emojiSource) Info() Info   { return s.info }
func (s *emojiSource) Close() error { return nil }

func (s *emojiSource) Entry(_ context.Context, i int) (Entry, error) {
	e := s.all[s.chosen[i]]
	captions := make([]string, len(emojiTemplates))
	for j, t := range emojiTemplates {
		captions[j] = strings.ReplaceAll(t, "{}", e.Name)
	}
	return Entry{Key: fmt.Sprintf("%U %s", e.Rune, e.Name), Captions: captions, Label: s.labels[i]}, nil
}

func (s *emojiSource) Picture(ctx context.Context, i int) (Picture, error) {
	if err := ctx.Err(); err != nil {
		return Picture{}, err
	}
	pix, err := s.all[s.chosen[i]].RGB()
	return Picture{RGB: pix, Width: emoji.Width, Height: emoji.Height}, err
}

// shapesSource is a set of drawn scenes; its classes are all combinations.
type shapesSource struct {
	*shapes.Set
	info Info
}

// scenes reads the configuration of the scenes. It has default numbers of scenes for the train split and for the others.
func (q *query) scenes(train, others uint64) shapes.Config {
	split := shapes.Split(q.choice("split", shapes.Train.String(), shapes.Val.String(), shapes.Novel.String()))
	length := others
	if split == shapes.Train {
		length = train
	}
	return shapes.Config{N: int(q.whole("n", length, 1, 31)), Seed: q.whole("seed", 0, 0, 64), Split: split}
}

func openShapes(q query) (Source, error) {
	c := q.scenes(100_000, 1000)
	c.LabelNoise, c.Uncounted = q.share("label-noise"), q.share("uncounted")
	if q.err != nil {
		return nil, q.err
	}
	return &shapesSource{shapes.New(c), Info{
		Name: q.src, Kind: "builtin", Classes: shapes.Classes(), Templates: shapes.Templates(),
		Fingerprint: fmt.Sprintf("builtin:shapes/%d split=%s n=%d seed=%d label-noise=%g uncounted=%g",
			shapes.Version, c.Split, c.N, c.Seed, c.LabelNoise, c.Uncounted),
	}}, nil
}

func (s *shapesSource) Info() Info   { return s.info }
func (s *shapesSource) Close() error { return nil }

func (s *shapesSource) Entry(_ context.Context, i int) (Entry, error) {
	return Entry{Key: s.Key(i), Captions: s.Captions(i), Label: int(s.Combination(i))}, nil
}

func (s *shapesSource) Picture(ctx context.Context, i int) (Picture, error) {
	if err := ctx.Err(); err != nil {
		return Picture{}, err
	}
	return Picture{RGB: s.Draw(i), Width: shapes.Side, Height: shapes.Side}, nil
}
