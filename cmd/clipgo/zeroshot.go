package main

import (
	"context"
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"clipgo/datasets"
	"clipgo/eval"
	"clipgo/internal/bounded"
	"clipgo/internal/config"
	"clipgo/pretrained"
)

type zeroshotOptions struct {
	pretrained.Settings
	Classes   string `json:"classes" flag:"classes" arg:"a,b,c|file" help:"class names, or a file with one a line"`
	Templates string `json:"templates" flag:"templates" arg:"file" help:"prompt templates, one a line, {} for the name"`
	Top       int    `json:"top" min:"1" flag:"top" arg:"N" help:"labels shown for each picture (default 5)"`
}

func newZeroshot(a *app) *cobra.Command {
	o := zeroshotOptions{Settings: pretrained.DefaultSettings(), Top: 5}
	c := &cobra.Command{
		Use:   "zeroshot --model M DATA...",
		Short: "Classify images into categories the model was never trained on (zero-shot)",
		Long: `zeroshot classifies pictures by comparing each with the classes' names, put into prompt templates.

DATA that knows its labels (a folder with a subfolder for each class, a built-in set, shards with .cls members) gives
an accuracy. If shards have class numbers but no classnames.txt, --classes gives the names in their order. Pictures, or
a folder of pictures together with --classes, give ranked labels.

Templates, when none are given: those that the model was trained with, else those of the data, else OpenAI's 80.`,
		Example: `  clipgo zeroshot --model runs/emoji 'builtin:emoji?split=val'
  clipgo zeroshot --model runs/emoji cat.png dog.png --classes "a cat,a dog,a house"`,
		Args: cobra.MinimumNArgs(1),
	}
	b := bind(c, &o)
	c.RunE = func(c *cobra.Command, args []string) error {
		said, err := b.apply()
		if err != nil {
			return err
		}
		return o.run(c.Context(), a, said, args)
	}
	return c
}

func (o *zeroshotOptions) run(ctx context.Context, a *app, said config.Layer, data []string) error {
	asked, err := readClasses(o.Classes)
	if err != nil {
		return err
	}
	src, err := datasets.OpenAll(ctx, data, o.Data)
	if err != nil {
		return err
	}
	defer src.Close()
	info := src.Info()
	tellNotes(a.console, info)
	classes, number := chooseClasses(info.Classes, asked)
	if len(info.Classes) == 0 {
		if number, err = nameNumbers(ctx, src, asked); err != nil {
			return err
		}
	}
	if len(classes) == 0 {
		return usagef(`%s has no class names; give them: --classes "a cat,a dog", or --classes file.txt with one name per line`,
			info.Name)
	}
	m, err := openModel(ctx, a, &o.Settings, said)
	if err != nil {
		return err
	}
	defer m.Free()
	templates, err := templates(m, o.Templates, info)
	if err != nil {
		return err
	}
	classifier, err := m.Classifier(ctx, classes, templates)
	if err != nil {
		return err
	}
	if number != nil {
		return o.measure(ctx, a, m, labelled{src, number}, classifier)
	}
	return o.rank(ctx, a, m, src, classifier)
}

// chooseClasses are the names asked for, or the data's. number maps the data's class numbers to places among them; nil
// where the data has no classes, or one that was not asked for.
func chooseClasses(data, asked []string) (classes []string, number []int) {
	for i, name := range data {
		at := i // of the data's own names, two may be the same
		if asked != nil {
			at = slices.Index(asked, name)
		}
		if at < 0 {
			return asked, nil
		}
		number = append(number, at)
	}
	if asked == nil {
		return data, number
	}
	return asked, number
}

// nameNumbers gives the names asked for to class numbers without names, in order: shards with .cls members and no
// classnames.txt. nil where there are no class numbers either.
func nameNumbers(ctx context.Context, src datasets.Source, asked []string) ([]int, error) {
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
	case asked == nil:
		return nil, usagef("%s has class numbers without names: give the names in the order of the numbers, with --classes or as "+
			"classnames.txt beside the shards", name)
	case highest >= len(asked):
		return nil, usagef("--classes: %d names, but %s has class number %d", len(asked), name, highest)
	}
	number := make([]int, len(asked))
	for i := range number {
		number[i] = i
	}
	return number, nil
}

// labelled is a source with its class numbers among the names asked for.
type labelled struct {
	datasets.Source
	number []int
}

// Entry marks a sample without a class as unusable.
func (l labelled) Entry(ctx context.Context, i int) (datasets.Entry, error) {
	e, err := l.Source.Entry(ctx, i)
	if err == nil && e.Bad == "" && e.Label < 0 {
		e.Bad = "no label"
	}
	return e, err
}

// measure prints what share of the labelled pictures the classifier gets right.
func (o *zeroshotOptions) measure(ctx context.Context, a *app, m *pretrained.Embedder, src labelled, classifier *eval.Classifier) error {
	count := eval.NewAccuracy(len(classifier.Classes))
	bar := a.console.progress("classify", int64(src.Len()))
	err := m.EachBatch(ctx, src, func(b *datasets.Batch, features []float32) error {
		logits, err := classifier.Logits(features)
		if err != nil {
			return err
		}
		labels := make([]int, b.N)
		for i, e := range b.Entries {
			labels[i] = src.number[e.Label]
		}
		bar.set(b.Next)
		return count.Add(logits, labels)
	}, a.console.tellSkip)
	bar.done()
	if err != nil {
		return err
	}
	r := count.Result()
	if a.console.json {
		return a.console.result(r)
	}
	a.console.print("%s: %d pictures, %d classes", src.Info().Name, r.N, r.Classes)
	a.console.print("  top-1                 %6.2f %%   (chance %.2f %%)", 100*r.Top1, 100*r.Chance)
	if r.Top5 != nil {
		a.console.print("  top-5                 %6.2f %%   (chance %.2f %%)", 100**r.Top5, 100*min(1, 5*r.Chance))
	}
	a.console.print("  mean per-class recall %6.2f %%", 100*r.MeanPerClassRecall)
	return nil
}

// rankedImage is a line of the output for pictures without labels.
type rankedImage struct {
	Image  string       `json:"image"`
	Labels []eval.Label `json:"labels"`
}

// rank prints the best labels of each picture.
func (o *zeroshotOptions) rank(ctx context.Context, a *app, m *pretrained.Embedder, src datasets.Source,
	classifier *eval.Classifier) error {
	dim := m.Dim()
	var failed int
	err := m.EachBatch(ctx, src, func(b *datasets.Batch, features []float32) error {
		for i, e := range b.Entries {
			labels, err := classifier.Rank(features[i*dim:(i+1)*dim], o.Top)
			if err != nil {
				return err
			}
			if err := o.show(a, rankedImage{e.Key, labels}); err != nil {
				return err
			}
		}
		return nil
	}, func(s datasets.Skip) { failed++; a.console.tellSkip(s) })
	if err == nil && failed > 0 && failed == src.Len() {
		return &datasets.DataError{Source: src.Info().Name, Reason: "none of the pictures could be read"}
	}
	return err
}

func (o *zeroshotOptions) show(a *app, r rankedImage) error {
	if a.console.json {
		return a.console.result(r)
	}
	a.console.print("%s", r.Image)
	for _, l := range r.Labels {
		a.console.print("  %6.2f %%  %s", 100*l.Score, l.Label)
	}
	return nil
}

// readClasses reads --classes: a file with a name a line, or names between commas.
func readClasses(arg string) ([]string, error) {
	if arg == "" {
		return nil, nil
	}
	list := strings.Split(arg, ",")
	data, err := bounded.ReadFile(arg, bounded.List)
	switch {
	case err == nil:
		list = strings.Split(strings.TrimRight(string(data), " \t\r\n"), "\n")
	case isAny[*bounded.Error](err) && !isDir(arg): // a folder's name may be that of a class, too
		return nil, fmt.Errorf("--classes: %w", err)
	case len(list) == 1 && (strings.ContainsRune(arg, filepath.Separator) || filepath.Ext(arg) == ".txt"):
		return nil, fmt.Errorf("--classes: %w", err)
	}
	seen := map[string]int{}
	for i, name := range list {
		name = strings.TrimSpace(name)
		before, again := seen[name]
		switch {
		case name == "" && len(list) == 1:
			return nil, usagef("--classes: there are no names in %q", arg)
		case name == "":
			return nil, usagef("--classes: name %d of %d is empty", i+1, len(list))
		case again:
			return nil, usagef("--classes: %q occurs twice, as names %d and %d", name, before, i+1)
		}
		list[i], seen[name] = name, i+1
	}
	return list, nil
}
