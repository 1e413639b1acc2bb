package run

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

// Validation measures the model during a training.
type Validation struct {
	Source   datasets.Source
	Embedder *pretrained.Embedder
	own      bool // the data is --val-data; else it is some of the training data
	Skipped  func(datasets.Skip)
	Seen     func(samples int64) // told how far the embedding is
	history  []report.Evaluation
	Last     Features
	found    *report.Anatomy // with the last features; nil where there are none
	pairs    *Agreement      // judged pairs are measured instead; nil: they aren't
	trial    *trial          // of captions that a policy writes is measured instead; nil: it isn't
	foretold *foretelling    // of captions, during an evaluation; nil: the model has no decoder that is trained
	// words measures the masked words of captions; nil: there are none.
	words func(ctx context.Context, captions []string) (float64, error)
}

// Features are the features of an evaluation, kept for the report's examples.
type Features struct {
	Images    []float32 // [len(index), dim]
	Index     []int     // each row's sample
	Entries   []datasets.Entry
	Captions  []string
	Texts     []float32 // [len(captions), dim]
	TextImage []int     // row of each caption's picture
}

// Want says what to measure.
type Want struct{ Retrieval, Zeroshot bool }

// borrowed is how many training pairs stand in for --val-data.
const borrowed = 1000

func (s *session) openValidation(ctx context.Context) (*Validation, error) {
	v := &Validation{Source: s.train, Skipped: func(datasets.Skip) {}, Seen: func(int64) {}}
	if s.ValData != "" {
		src, err := s.openOther(ctx, s.ValData)
		if err != nil {
			return nil, err
		}
		s.console.notes(src.Info())
		v.Source, v.own = src, true
	} else {
		v.Source = s.borrow()
	}
	v.Embedder = pretrained.NewEmbedder(nil, pretrained.Source{Templates: s.Templates}, nil, // zeroshot takes these prompts from the checkpoint
		pretrained.Settings{Workers: s.Workers, BatchSize: 64, MaxSkip: 1, Preprocess: s.Preprocess})
	return v, nil
}

func (v *Validation) name() string {
	if v.pairs != nil && v.own {
		return fmt.Sprintf("%s, %d pairs", v.Source.Info().Name, v.Source.Len())
	}
	if v.own {
		return fmt.Sprintf("%s, %d pictures", v.Source.Info().Name, v.Source.Len())
	}
	return fmt.Sprintf("on %d training pairs, for want of --val-data", v.Source.Len())
}

func (v *Validation) classified() bool { return len(v.Source.Info().Classes) > 0 }

// measure embeds the validation data and returns what was asked for.
func (v *Validation) Measure(ctx context.Context, w Want) (report.Evaluation, error) {
	var out report.Evaluation
	if v.pairs != nil {
		return v.pairs.Measure(ctx, v)
	}
	if v.trial != nil {
		return v.trial.measure(ctx, v)
	}
	if err := v.Embed(ctx); err != nil {
		return out, err
	}
	if v.words != nil && w.Retrieval && len(v.Last.Captions) > 0 {
		right, err := v.words(ctx, v.Last.Captions)
		if err != nil {
			return out, err
		}
		if !math.IsNaN(right) { // no word was chosen
			out.Values = append(out.Values, eval.Value{Name: maskedName, Value: right})
		}
	}
	out.Values = append(out.Values, v.foretold.values()...)
	if w.Retrieval && len(v.Last.Captions) > 0 {
		r, err := eval.Retrieve(v.Last.Images, v.Last.Texts, v.Embedder.Dim(), v.Last.TextImage, []int{1, 5, 10})
		if err != nil {
			return out, err
		}
		for _, side := range []struct {
			name   string
			recall []eval.Recall
			among  int
		}{{"image", r.Image, r.Images}, {"text", r.Text, r.Texts}} {
			for _, k := range side.recall {
				out.Values = append(out.Values, eval.Value{
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
func (v *Validation) Embed(ctx context.Context) error {
	f := Features{}
	v.foretold.reset()
	err := v.Embedder.EachPicture(ctx, v.Source, func(b *datasets.Batch) error {
		features, err := v.Embedder.EmbedImages(ctx, b.Pixels, b.N)
		if err != nil {
			return err
		}
		for i, e := range b.Entries {
			for _, caption := range e.Captions {
				f.Captions = append(f.Captions, caption)
				f.TextImage = append(f.TextImage, len(f.Index))
			}
			f.Index, f.Entries = append(f.Index, b.Index[i]), append(f.Entries, e)
		}
		f.Images = append(f.Images, features...)
		v.Seen(b.Next)
		return v.foretold.add(ctx, v, b)
	}, v.Skipped)
	if err != nil {
		return err
	}
	if len(f.Index) == 0 {
		return &datasets.DataError{Source: v.Source.Info().Name, Reason: "none of the samples can be used"}
	}
	f.Texts, err = v.Embedder.EmbedTexts(ctx, f.Captions)
	v.Last = f
	return err
}

func (v *Validation) zeroshot(ctx context.Context) ([]eval.Value, error) {
	info := v.Source.Info()
	templates := v.Embedder.Templates(info)
	classifier, err := v.Embedder.Classifier(ctx, info.Classes, templates)
	if err != nil {
		return nil, err
	}
	logits, err := classifier.Logits(v.Last.Images)
	if err != nil {
		return nil, err
	}
	labels := make([]int, len(v.Last.Entries))
	for i, e := range v.Last.Entries {
		labels[i] = e.Label
	}
	count := eval.NewAccuracy(len(info.Classes))
	if err := count.Add(logits, labels); err != nil {
		return nil, err
	}
	r := count.Result()
	out := []eval.Value{{Name: "zeroshot_top1", Value: r.Top1, Chance: r.Chance}}
	if r.Top5 != nil {
		out = append(out, eval.Value{Name: "zeroshot_top5", Value: *r.Top5, Chance: 5 * r.Chance})
	}
	return out, nil
}

// add keeps an evaluation, writes its line and logs it.
func (v *Validation) add(found report.Evaluation, w *os.File, c *Console) error {
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
	c.Log.Info("evaluation", append([]any{"step", found.Step}, log...)...)
	data, err := json.Marshal(line)
	if err != nil {
		return err
	}
	_, err = w.Write(append(data, '\n'))
	return err
}

// examples asks for a few captions of the validation data and shows what came first.
func (v *Validation) examples(captions, hits int) []report.Example {
	var out []report.Example
	dim := v.Embedder.Dim()
	seen := map[string]bool{}
	step := max(1, len(v.Last.Captions)/max(captions, 1))
	for t := 0; t < len(v.Last.Captions) && len(out) < captions; t += step {
		caption := v.Last.Captions[t]
		if seen[caption] {
			continue
		}
		seen[caption] = true
		example := report.Example{Caption: caption}
		for _, n := range nearest(v.Last.Texts[t*dim:(t+1)*dim], v.Last.Images, hits) {
			hit := v.hit(caption, n.row)
			hit.Score = n.score
			example.Hits = append(example.Hits, hit)
		}
		out = append(out, example)
	}
	return out
}

// hit shows a row of the last features.
func (v *Validation) hit(caption string, row int) report.Hit {
	entry := v.Last.Entries[row]
	h := report.Hit{Verdict: report.Wrong}
	if len(entry.Captions) > 0 {
		h.Label = entry.Captions[0]
	}
	if slices.Contains(entry.Captions, caption) {
		h.Verdict = report.Right
	}
	// A picture that has gone since, or can't be read any more, has no thumbnail; the training goes on.
	h.Thumbnail, _ = v.Embedder.Thumbnail(v.Source, v.Last.Index[row])
	return h
}
