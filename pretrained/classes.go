package pretrained

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"clipgo/datasets"
	"clipgo/datasets/names"
	"clipgo/eval"
	"clipgo/internal/bounded"
	"clipgo/internal/fault"
)

// ClassList are the names of classes that a user gives.
type ClassList struct {
	Names []string // nil: none are given
	File  string   // that they are from, or builtin:NAME; empty for names between commas
}

// ReadWords reads a vocabulary: a file or list as ReadClasses reads it, or the built-in one, builtin.
func ReadWords(text string) ([]string, error) {
	if text == "builtin" {
		return names.Vocabulary(), nil
	}
	c, err := ReadClasses(text)
	if wrong := (*fault.Error)(nil); errors.As(err, &wrong) && wrong.Key == "classes" {
		return nil, fault.Setting("words", "%s", wrong.Reason)
	}
	return c.Names, err
}

// ReadClasses reads a file with a name a line or a JSON list, names between commas, or the built-in names of a data set, builtin:NAME. Of
// an empty text it is the empty list.
func ReadClasses(text string) (ClassList, error) {
	if text == "" {
		return ClassList{}, nil
	}
	if set, ok, err := builtinNames("classes", text); ok || err != nil {
		return ClassList{Names: set.Classes, File: text}, err
	}
	c := ClassList{Names: strings.Split(text, ",")}
	for i := range c.Names {
		c.Names[i] = strings.TrimSpace(c.Names[i])
	}
	wrong := func(format string, args ...any) (ClassList, error) {
		return c, fault.Setting("classes", format, args...)
	}
	st, statErr := os.Stat(text)
	isDir := statErr == nil && st.IsDir()
	f, err := bounded.Open(text, bounded.List)
	_, refused := errors.AsType[*bounded.Error](err)
	switch isFile := strings.ContainsRune(text, filepath.Separator) || slices.Contains([]string{".txt", ".json"}, filepath.Ext(text)); {
	case err == nil:
		defer f.Close()
		c.File = text
		if c.Names, err = eval.ReadNames(f); err != nil {
			return wrong("%s: %v", text, err)
		}
	case refused && isDir && len(c.Names) == 1:
		return wrong("%s is a directory; give a file with one class name per line", text)
	case refused && !isDir, len(c.Names) == 1 && isFile:
		return wrong("%w", err)
	}
	switch at := slices.Index(c.Names, ""); {
	case len(c.Names) == 0 || at == 0 && len(c.Names) == 1:
		return wrong("there are no names in %q", text)
	case at >= 0:
		return wrong("name %d of %d is empty", at+1, len(c.Names))
	}
	return c, nil
}

// builtinNames are what is known of the set NAME in builtin:NAME; ok is false for other texts.
func builtinNames(setting, text string) (set names.Set, ok bool, err error) {
	name, builtin := strings.CutPrefix(text, "builtin:")
	if !builtin {
		return set, false, nil
	}
	if set, ok = names.Find(name); !ok {
		return set, false, fault.Setting(setting, "%s: there are no built-in names of it, only of %s", text,
			strings.Join(names.All(), ", "))
	}
	return set, true, nil
}

// ClassChoice are the classes that pictures are sorted into.
type ClassChoice struct {
	Classes []string
	Numbers []int // for each of the data's class numbers, its place among Classes; nil: the pictures have no class among them
	Ordered bool  // Classes name the data's class folders in their order
	Unfit   error // why the list doesn't fit the data's class folders, so that nothing can be measured; nil: it fits, or there are none
}

// Choose finds the classes for a source: those of the list, or the source's own.
func (c ClassList) Choose(ctx context.Context, src datasets.Source) (ClassChoice, error) {
	classes := src.Info().Classes
	if src.Info().Type == datasets.MultiLabelType {
		return ClassChoice{}, fault.Dataf("%s: its pictures have any number of classes each, so they have no accuracy but a mean average "+
			"precision: it is a set for the task multilabel, or for zeroshot_classification of benchmarks", src.Info().Name)
	}
	if len(classes) == 0 {
		numbers, err := c.numbered(ctx, src)
		if numbers == nil && err == nil {
			err = c.distinct()
		}
		return ClassChoice{Classes: c.Names, Numbers: numbers}, err
	}
	if c.Names == nil {
		return ClassChoice{Classes: classes, Numbers: upTo(len(classes))}, nil
	}
	if slices.Equal(classes, c.Names) { // names may occur twice, as in ImageNet
		return ClassChoice{Classes: classes, Numbers: upTo(len(classes))}, nil
	}
	if numbers := places(classes, c.Names); numbers != nil {
		return ClassChoice{Classes: c.Names, Numbers: numbers}, c.distinct()
	}
	named, err := datasets.NameClasses(classes, c.Names)
	if c.File != "" && err == nil {
		return ClassChoice{Classes: named, Numbers: upTo(len(named)), Ordered: true}, nil
	}
	if err == nil {
		err = fmt.Errorf("they are not the names of the folders; to name the folders in sorted order, put them into a file")
	}
	return ClassChoice{Classes: c.Names, Unfit: err}, c.distinct()
}

// distinct refuses a name that occurs twice, where the names are not those of numbered classes.
func (c ClassList) distinct() error {
	seen := map[string]int{}
	for i, name := range c.Names {
		if before, again := seen[name]; again {
			return fault.Setting("classes", "%q occurs twice, as names %d and %d", name, before, i+1)
		}
		seen[name] = i + 1
	}
	return nil
}

func upTo(n int) []int {
	out := make([]int, n)
	for i := range out {
		out[i] = i
	}
	return out
}

// places maps the data's class numbers to places among the names asked for; nil where the data has a class that was not asked for.
func places(data, asked []string) (out []int) {
	for _, name := range data {
		at := slices.Index(asked, name)
		if at < 0 {
			return nil
		}
		out = append(out, at)
	}
	return out
}

// numbered gives the names of the list to class numbers without names, in order: shards with .cls members and no classnames.txt. It
// is nil where there are no class numbers either.
func (c ClassList) numbered(ctx context.Context, src datasets.Source) ([]int, error) {
	highest := -1
	for i := range src.Len() {
		e, err := src.Entry(ctx, i)
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		if err == nil {
			highest = max(highest, e.Label)
		}
	}
	switch name := src.Info().Name; {
	case highest < 0:
		return nil, nil
	case c.Names == nil:
		return nil, fault.Setting("classes", "%s has class numbers without names: give the names in the order of the numbers, here or as "+
			"classnames.txt beside the shards", name)
	case highest >= len(c.Names):
		return nil, fault.Setting("classes", "%d names, but %s has class number %d", len(c.Names), name, highest)
	}
	return upTo(len(c.Names)), nil
}

var (
	idLike    = regexp.MustCompile(`^[A-Za-z]{0,5}[ _-]?\d{2,}$`)
	splitLike = regexp.MustCompile(`^(?i:train|training|val|valid|validation|test|testing|dev|eval)$`)
)

// LookLikeSplits reports whether all names of class folders look like the splits of a data set.
func LookLikeSplits(classes []string) bool { return all(classes, splitLike) }

// LookLikeIDs reports whether all names of class folders look like ids, as those of ImageNet do: prompts made of them mean nothing.
func LookLikeIDs(classes []string) bool { return all(classes, idLike) }

func all(classes []string, like *regexp.Regexp) bool {
	return !slices.ContainsFunc(classes, func(name string) bool { return !like.MatchString(name) })
}

// Labelled is a source with its class numbers replaced by their places among the classes of a choice. A sample without a class can't be
// used.
type Labelled struct {
	datasets.Source
	Numbers []int
}

// Unwrap is the source of the pictures.
func (l Labelled) Unwrap() datasets.Source { return l.Source }

// Entry replaces the number of the sample's class.
func (l Labelled) Entry(ctx context.Context, i int) (datasets.Entry, error) {
	e, err := l.Source.Entry(ctx, i)
	switch {
	case err != nil || e.Bad != "":
	case e.Label < 0:
		e.Bad = "no label"
	default:
		e.Label = l.Numbers[e.Label]
	}
	return e, err
}

// Accuracy classifies a labelled source's pictures. seen is called after each batch with the number of samples so far.
func (m *Embedder) Accuracy(ctx context.Context, src Labelled, classifier *eval.Classifier, seen func(int64),
	skipped func(datasets.Skip)) (*eval.Accuracy, error) {
	count := eval.NewAccuracy(len(classifier.Classes))
	return count, m.EachBatch(ctx, src, func(b *datasets.Batch, features []float32) error {
		logits, err := classifier.Logits(features)
		if err != nil {
			return err
		}
		labels := make([]int, b.N)
		for i, e := range b.Entries {
			labels[i] = e.Label
		}
		seen(b.Next)
		return count.Add(logits, labels)
	}, skipped)
}
