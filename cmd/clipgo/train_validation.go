package main

import (
	"context"
	"encoding/json"
	"fmt"
	"math"
	"os"
	"slices"

	"clipgo/datasets"
	"clipgo/eval"
	"clipgo/eval/report"
	"clipgo/pretrained"
)

// validation measures the model during a training.
type validation struct {
	source   datasets.Source
	embedder *pretrained.Embedder
	own      bool // the data is --val-data; else it is some of the training data
	skipped  func(datasets.Skip)
	seen     func(samples int64) // told how far the embedding is
	history  []report.Evaluation
	last     valFeatures
	found    *report.Anatomy // with the last features; nil where there are none
	pairs    *agreement      // judged pairs are measured instead; nil: they aren't
	trial    *trial          // of captions that a policy writes is measured instead; nil: it isn't
	foretold *foretelling    // of captions, during an evaluation; nil: the model has no decoder that is trained
	// words measures the masked words of captions; nil: there are none.
	words func(ctx context.Context, captions []string) (float64, error)
}

// valFeatures are the features of an evaluation, kept for the report's examples.
type valFeatures struct {
	images    []float32 // [len(index), dim]
	index     []int     // each row's sample
	captions  []string
	texts     []float32 // [len(captions), dim]
	textImage []int     // row of each caption's picture
}

// want says what to measure.
type want struct{ Retrieval, Zeroshot bool }

// borrowed is how many training pairs stand in for --val-data.
const borrowed = 1000

func (s *session) openValidation() (*validation, error) {
	v := &validation{source: s.train, skipped: func(datasets.Skip) {}, seen: func(int64) {}}
	if s.ValData != "" {
		src, err := s.openOther(s.ValData)
		if err != nil {
			return nil, err
		}
		tellNotes(s.console, src.Info())
		v.source, v.own = src, true
	} else {
		v.source = s.borrow()
	}
	v.embedder = pretrained.NewEmbedder(nil, pretrained.Source{Templates: s.Templates}, nil, // zeroshot takes these prompts from the checkpoint
		pretrained.Settings{Workers: s.Workers, BatchSize: 64, MaxSkip: 1, Preprocess: s.Preprocess})
	return v, nil
}

func (v *validation) name() string {
	if v.pairs != nil && v.own {
		return fmt.Sprintf("%s, %d pairs", v.source.Info().Name, v.source.Len())
	}
	if v.own {
		return fmt.Sprintf("%s, %d pictures", v.source.Info().Name, v.source.Len())
	}
	return fmt.Sprintf("on %d training pairs, for want of --val-data", v.source.Len())
}

func (v *validation) classified() bool { return len(v.source.Info().Classes) > 0 }

// measure embeds the validation data and returns what was asked for.
func (v *validation) measure(ctx context.Context, w want) (report.Evaluation, error) {
	var out report.Evaluation
	if v.pairs != nil {
		return v.pairs.measure(ctx, v)
	}
	if v.trial != nil {
		return v.trial.measure(ctx, v)
	}
	if err := v.embed(ctx); err != nil {
		return out, err
	}
	if v.words != nil && w.Retrieval && len(v.last.captions) > 0 {
		right, err := v.words(ctx, v.last.captions)
		if err != nil {
			return out, err
		}
		if !math.IsNaN(right) { // no word was chosen
			out.Values = append(out.Values, report.Value{Name: maskedName, Value: right})
		}
	}
	out.Values = append(out.Values, v.foretold.values()...)
	if w.Retrieval && len(v.last.captions) > 0 {
		r, err := eval.Retrieve(v.last.images, v.last.texts, v.embedder.Dim(), v.last.textImage, []int{1, 5, 10})
		if err != nil {
			return out, err
		}
		for _, side := range []struct {
			name   string
			recall []eval.Recall
			among  int
		}{{"image", r.Image, r.Images}, {"text", r.Text, r.Texts}} {
			for _, k := range side.recall {
				out.Values = append(out.Values, report.Value{
					Name: fmt.Sprintf("%s_retrieval_recall@%d", side.name, k.K), Value: k.Value, Chance: min(1, float64(k.K)/float64(side.among)),
				})
			}
		}
	}
	if !w.Zeroshot || !v.classified() {
		return out, nil
	}
	found, err := v.zeroshot(ctx)
	out.Values = append(found, out.Values...)
	return out, err
}

// embed computes the features of the pictures and of all their captions.
func (v *validation) embed(ctx context.Context) error {
	f := valFeatures{}
	v.foretold.reset()
	err := v.embedder.EachPicture(ctx, v.source, func(b *datasets.Batch) error {
		features, err := v.embedder.EmbedImages(ctx, b.Pixels, b.N)
		if err != nil {
			return err
		}
		for _, index := range b.Index {
			for _, caption := range v.source.Entry(index).Captions {
				f.captions = append(f.captions, caption)
				f.textImage = append(f.textImage, len(f.index))
			}
			f.index = append(f.index, index)
		}
		f.images = append(f.images, features...)
		v.seen(b.Next)
		return v.foretold.add(ctx, v, b)
	}, v.skipped)
	if err != nil {
		return err
	}
	if len(f.index) == 0 {
		return &datasets.DataError{Source: v.source.Info().Name, Reason: "none of the samples can be used"}
	}
	f.texts, err = v.embedder.EmbedTexts(ctx, f.captions)
	v.last = f
	return err
}

func (v *validation) zeroshot(ctx context.Context) ([]report.Value, error) {
	info := v.source.Info()
	templates := v.embedder.Templates(info)
	classifier, err := v.embedder.Classifier(ctx, info.Classes, templates)
	if err != nil {
		return nil, err
	}
	logits, err := classifier.Logits(v.last.images)
	if err != nil {
		return nil, err
	}
	labels := make([]int, len(v.last.index))
	for i, index := range v.last.index {
		labels[i] = v.source.Entry(index).Label
	}
	count := eval.NewAccuracy(len(info.Classes))
	if err := count.Add(logits, labels); err != nil {
		return nil, err
	}
	r := count.Result()
	out := []report.Value{{Name: "zeroshot_top1", Value: r.Top1, Chance: r.Chance}}
	if r.Top5 != nil {
		out = append(out, report.Value{Name: "zeroshot_top5", Value: *r.Top5, Chance: 5 * r.Chance})
	}
	return out, nil
}

// add keeps an evaluation, writes its line and logs it.
func (v *validation) add(found report.Evaluation, w *os.File, c *console) error {
	for i := range found.Values {
		found.Values[i].Group = groupOf(found.Values[i].Name)
	}
	v.history = append(v.history, found)
	line := map[string]any{"step": found.Step}
	var log []any
	for _, value := range found.Values {
		line[value.Name] = value.Value
		log = append(log, value.Name, round4(value.Value))
	}
	c.log.Info("evaluation", append([]any{"step", found.Step}, log...)...)
	data, err := json.Marshal(line)
	if err != nil {
		return err
	}
	_, err = w.Write(append(data, '\n'))
	return err
}

// examples asks for a few captions of the validation data and shows what came first.
func (v *validation) examples(captions, hits int) []report.Example {
	var out []report.Example
	dim := v.embedder.Dim()
	seen := map[string]bool{}
	step := max(1, len(v.last.captions)/max(captions, 1))
	for t := 0; t < len(v.last.captions) && len(out) < captions; t += step {
		caption := v.last.captions[t]
		if seen[caption] {
			continue
		}
		seen[caption] = true
		example := report.Example{Caption: caption}
		for _, n := range nearest(v.last.texts[t*dim:(t+1)*dim], v.last.images, hits) {
			hit := v.hit(caption, v.last.index[n.row])
			hit.Score = n.score
			example.Hits = append(example.Hits, hit)
		}
		out = append(out, example)
	}
	return out
}

func (v *validation) hit(caption string, index int) report.Hit {
	entry := v.source.Entry(index)
	h := report.Hit{Verdict: report.Wrong}
	if len(entry.Captions) > 0 {
		h.Label = entry.Captions[0]
	}
	if slices.Contains(entry.Captions, caption) {
		h.Verdict = report.Right
	}
	// A picture that has gone since, or can't be read any more, has no thumbnail; the training goes on.
	h.Thumbnail, _ = v.embedder.Thumbnail(v.source, index)
	return h
}
