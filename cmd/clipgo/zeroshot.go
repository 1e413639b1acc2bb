package main

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"clipgo/datasets"
	"clipgo/eval"
	"clipgo/internal/cli"
	"clipgo/internal/config"
	"clipgo/internal/paths"
	"clipgo/pretrained"
)

type zeroshotOptions struct {
	pretrained.Settings
	Classes   string `json:"classes" flag:"classes" arg:"a,b,c|file" help:"class names, a file with one a line (or a JSON list), or builtin:NAME"`
	Templates string `json:"templates" flag:"templates" arg:"file" help:"prompt templates, one a line (or a JSON list), {} for the name; or builtin:NAME"`
	Top       int    `json:"top" min:"1" flag:"top" arg:"N" help:"labels shown for each picture (default 5)"`
	PerClass  bool   `json:"per_class" flag:"per-class" help:"add the accuracy of each class and what it is taken for"`
}

func newZeroshot(a *app) *cobra.Command {
	o := zeroshotOptions{Settings: pretrained.DefaultSettings(), Top: 5}
	c := &cobra.Command{
		Use:   "zeroshot --model M DATA...",
		Short: "Classify images into categories the model was never trained on (zero-shot)",
		Long: `zeroshot classifies pictures by comparing each with the classes' names, put into prompt templates.

DATA that knows its labels (a folder with a subfolder for each class, a built-in set, shards with .cls members) gives
an accuracy. Pictures, or a folder of pictures together with --classes, give ranked labels.

If class folders have ids as names, --classes FILE or a classnames.txt in the folder gives the names: one for each folder in
sorted order, or lines such as "n01440764 tench". If shards have class numbers but no classnames.txt, --classes gives the
names in their order. WordNet ids have ImageNet's names, and shards in a folder such as wds_cifar10 those of CIFAR-10, without
being asked for; --classes builtin:imagenet1k and --templates builtin:imagenet1k ask for them.

A picture that can't be read costs its own answer. If more than --max-skip of them can't be read, the exit code is 3.

Templates, when none are given: those that the model was trained with, else those of the data, else OpenAI's 80.

Processes that a launcher starts (torchrun, srun, mpirun) divide the pictures, and the first one prints the result.`,
		Example: `  clipgo zeroshot --model runs/emoji 'builtin:emoji?split=val'
  clipgo zeroshot --model hf-hub:laion/CLIP-ViT-B-32-laion2B-s34B-b79K cat.jpg dog.jpg --classes "a cat,a dog,a house"
  clipgo zeroshot --model hf-hub:laion/CLIP-ViT-B-32-laion2B-s34B-b79K imagenet/val --classes names.txt --per-class`,
		Args: cobra.MinimumNArgs(1),
	}
	b := cli.Bind(c, &o)
	c.RunE = b.Runs(func(ctx context.Context, said config.Layer, args []string) error {
		h := &sourceHelper{
			openModel: func(ctx context.Context) (*pretrained.Embedder, error) { return openModel(ctx, a, &o.Settings, said) },
			openSource: func(ctx context.Context) (datasets.Source, error) {
				data, err := o.open(ctx, args)
				return data.Source, err
			},
		}
		return embeds(ctx, a, command{c, args, o, &o.Settings}, h, func(ctx context.Context) error { return o.run(ctx, a, said, args) })
	})
	return c
}

// zeroshotData is the pictures to classify and their classes.
type zeroshotData struct {
	datasets.Source // pretrained.Labelled where the labels are those of the classes
	info            datasets.Info
	chosen          pretrained.ClassChoice
	given           bool // the user gave the classes
}

// open opens the pictures.
func (o *zeroshotOptions) open(ctx context.Context, data []string) (z zeroshotData, err error) {
	asked, err := pretrained.ReadClasses(o.Classes)
	if err != nil {
		return z, err
	}
	z.given, o.Data.Evaluation, o.Data.OwnNames = asked.Names != nil, true, asked.Names != nil
	if z.Source, err = datasets.OpenAll(ctx, data, o.Data); err != nil {
		return z, err
	}
	z.info = z.Info()
	if z.chosen, err = asked.Choose(ctx, z.Source); err != nil {
		return zeroshotData{}, errors.Join(err, z.Close())
	}
	if z.chosen.Numbers != nil {
		z.Source = pretrained.Labelled{Source: z.Source, Numbers: z.chosen.Numbers}
	}
	return z, nil
}

func (o *zeroshotOptions) run(ctx context.Context, a *app, said config.Layer, data []string) error {
	src, err := o.open(ctx, data)
	if err != nil {
		return err
	}
	defer src.Close()
	tellNotes(a.console, src.info)
	tellClasses(a.console, src.info, src.given, src.chosen)
	if len(src.chosen.Classes) == 0 {
		return usagef(`%s has no class names; give them: --classes "a cat,a dog", or --classes file.txt with one name per line`,
			src.info.Name)
	}
	m, err := openModel(ctx, a, &o.Settings, said)
	if err != nil {
		return err
	}
	defer m.Free()
	if err := divide(a, o.Model, m); err != nil {
		return err
	}
	templates, err := m.TemplatesIn(o.Templates, src.info)
	if err != nil {
		return err
	}
	classifier, err := m.Classifier(ctx, src.chosen.Classes, templates)
	if err != nil {
		return err
	}
	if labelled, ok := src.Source.(pretrained.Labelled); ok {
		return o.measure(ctx, a, m, labelled, classifier)
	}
	return o.rank(ctx, a, m, src.Source, classifier)
}

// tellClasses says how the classes fit the data, and when the names of class folders are hardly names of classes: the accuracy would
// mean nothing.
func tellClasses(c *console, info datasets.Info, given bool, chosen pretrained.ClassChoice) {
	last := len(info.Classes) - 1
	switch {
	case chosen.Ordered:
		c.log.Info("classes are named in the order of the folders", "first", info.Classes[0]+" = "+chosen.Classes[0],
			"last", info.Classes[last]+" = "+chosen.Classes[last])
	case chosen.Unfit != nil:
		c.log.Warn("no accuracy, because --classes doesn't fit the class folders: "+chosen.Unfit.Error(), "data", info.Name)
	case given || info.Kind != "classes":
	case pretrained.LookLikeSplits(info.Classes):
		c.log.Warn("the folders look like the splits of a data set, not like classes; give one of them: "+
			filepath.Join(info.Name, info.Classes[0]), "folders", strings.Join(info.Classes, ", "))
	case pretrained.LookLikeIDs(info.Classes):
		c.log.Warn("the class folders look like ids, so the accuracy is near chance; give the names in the order of the folders with "+
			"--classes FILE, or as classnames.txt in the folder", "first", info.Classes[0])
	}
}

// zeroshotResult is the JSON of an accuracy.
type zeroshotResult struct {
	eval.ZeroShot
	Skipped  int                `json:"skipped"`
	PerClass []eval.ClassResult `json:"per_class,omitempty"`
}

// measure prints what share of the labelled pictures the classifier gets right.
func (o *zeroshotOptions) measure(ctx context.Context, a *app, m *pretrained.Embedder, src pretrained.Labelled,
	classifier *eval.Classifier) error {
	skipped := skipping(a.console, m, nil)
	bar := a.console.progress("classify", int64(src.Len()))
	count, err := m.Accuracy(ctx, src, classifier, bar.set, skipped.tell)
	bar.done()
	if err != nil {
		return err
	}
	r := zeroshotResult{ZeroShot: count.Result(), Skipped: skipped.n}
	if o.PerClass {
		r.PerClass = count.ByClass(classifier.Classes)
	}
	if err := showMeasured(a.console, m, src.Info().Name, r); err != nil {
		return err
	}
	return skipped.verdict(src.Info().Name, src.Len())
}

// Lines are the accuracy for people.
func (r zeroshotResult) Lines(data string) (out []string) {
	put := func(format string, args ...any) { out = append(out, fmt.Sprintf(format, args...)) }
	put("%s: %d pictures, %d classes", data, r.N, r.Classes)
	if r.Skipped > 0 {
		put("  skipped               %6d pictures that can't be used", r.Skipped)
	}
	put("  top-1                 %6.2f %%   (chance %.2f %%)", 100*r.Top1, 100*r.Chance)
	if r.Top5 != nil {
		put("  top-5                 %6.2f %%   (chance %.2f %%)", 100**r.Top5, 100*min(1, 5*r.Chance))
	}
	put("  mean per-class recall %6.2f %%", 100*r.MeanPerClassRecall)
	return append(out, eval.ClassLines(r.PerClass)...)
}

// rankedImage is a line of the output for pictures without labels.
type rankedImage struct {
	Image  string       `json:"image"`
	Labels []eval.Label `json:"labels"`
	Error  string       `json:"error,omitempty"` // why there are no labels
}

// rank prints the best labels of each picture.
func (o *zeroshotOptions) rank(ctx context.Context, a *app, m *pretrained.Embedder, src datasets.Source,
	classifier *eval.Classifier) error {
	if len(classifier.Classes) == 1 {
		a.console.log.Warn("there is one class: its share is always 1 and no probability; the cosine is what can be compared")
	}
	dim := m.Dim()
	skipped := skipping(a.console, m, func(image, reason string) any { return rankedImage{image, []eval.Label{}, reason} })
	err := m.EachBatch(ctx, src, func(b *datasets.Batch, features []float32) error {
		for i, e := range b.Entries {
			labels, err := classifier.Rank(features[i*dim:(i+1)*dim], o.Top)
			if err != nil {
				return err
			}
			if err := o.show(a, rankedImage{Image: e.Key, Labels: labels}, len(classifier.Classes)); err != nil {
				return err
			}
		}
		return nil
	}, skipped.tell)
	if err != nil {
		return err
	}
	return skipped.verdict(src.Info().Name, src.Len())
}

func (o *zeroshotOptions) show(a *app, r rankedImage, classes int) error {
	if a.console.json {
		r.Image = paths.Text(r.Image)
		return a.console.result(r)
	}
	a.console.print("%s", r.Image)
	for _, l := range r.Labels {
		if classes == 1 {
			a.console.print("  cosine %7.4f  %s", l.Cosine, l.Label)
		} else {
			a.console.print("  %6.2f %%  %s", 100*l.Score, l.Label)
		}
	}
	return nil
}
