package benchmark

import (
	"context"
	"fmt"
	"math"
	"strings"

	"clipgo/datasets"
	"clipgo/eval"
	"clipgo/internal/fault"
	"clipgo/pretrained"
	"clipgo/probe"
)

// Meter measures tasks on a data set with a model that changes between the measurements, as it does in a training. The tasks are those of a
// Suite. Each split is embedded once between two calls of Reset, whatever the number of tasks that need it.
type Meter struct {
	Model   *pretrained.Embedder
	Data    *Data
	Recalls []int
	Probe   probe.Protocol
	Viewers []pretrained.Viewer // see each batch of the pass that embeds the captions of the test split

	shared  *shared
	skipped int
}

// Task returns the name of a task: - and _ are the same, and zeroshot and retrieval are short for two of them.
func Task(name string) (string, bool) {
	name = strings.ReplaceAll(name, "-", "_")
	switch name {
	case "zeroshot":
		name = ZeroShot
	case "retrieval":
		name = Retrieval
	}
	_, ok := tasks[name]
	return name, ok
}

// Reset forgets all features: the model has changed.
func (m *Meter) Reset() { m.shared = nil }

// Skipped is the number of samples of the test split that the last measurement couldn't use.
func (m *Meter) Skipped() int { return m.skipped }

// Check opens all splits that a task needs and closes them again. A data set without them, or without classes or captions, is an error of
// kind fault.Data.
func (m *Meter) Check(ctx context.Context, task string) error {
	for _, split := range tasks[task].splits {
		info, err := m.Data.info(ctx, split, tasks[task].need)
		if err != nil {
			return err
		}
		if tasks[task].need == datasets.NeedLabels && len(info.Classes) < 2 {
			return fault.Dataf("%s: it has %d classes; %s needs two or more", info.Name, len(info.Classes), task)
		}
	}
	return nil
}

// CheckCaptions is Check for what is measured on the captions of the test split.
func (m *Meter) CheckCaptions(ctx context.Context) error {
	_, err := m.Data.info(ctx, TestSplit, datasets.NeedCaptions)
	return err
}

// Fingerprint is that of the data, as the first task that was checked reads it.
func (m *Meter) Fingerprint() string {
	for _, need := range []datasets.Need{datasets.NeedLabels, datasets.NeedCaptions} {
		if info, ok := m.Data.infos[described{TestSplit, need}]; ok {
			return info.Fingerprint
		}
	}
	return ""
}

// Info describes the test split as a task reads it. Check was called for the task.
func (m *Meter) Info(task string) datasets.Info {
	return m.Data.infos[described{TestSplit, tasks[task].need}]
}

// Features are those of the test split, with captions. Meter is an eval.FeatureSource.
func (m *Meter) Features(ctx context.Context) (*eval.Features, error) {
	shared := m.of(datasets.NeedCaptions)
	f, _, err := shared.of(ctx, TestSplit)
	if err != nil {
		return nil, err
	}
	m.skipped = shared.skipped[TestSplit]
	return &f.Features, nil
}

// Pass opens a split as a pass of a measurement in another process reads it, to make a share of that pass. Its caller closes the Source.
func (m *Meter) Pass(ctx context.Context, split string, need datasets.Need) (*pretrained.Pass, error) {
	src, err := m.Data.Source(ctx, split, need)
	if err != nil {
		return nil, err
	}
	return m.of(need).pass(src, split, &unusable{}), nil
}

// of is what the tasks with the same need share. Tasks with another need have the same features where they read the same samples.
func (m *Meter) of(need datasets.Need) *features {
	if m.shared == nil {
		m.shared = &shared{data: m.Data}
	}
	f := m.shared.view(m.Model, need)
	f.begin(&Suite{}, Cell{})
	if need == datasets.NeedCaptions {
		f.viewers = m.Viewers
	}
	return f
}

// Evaluator measures one task. Its values are named PREFIX/KEY, with the keys of CLIP_benchmark.
func (m *Meter) Evaluator(task, prefix string) *TaskEvaluator {
	return &TaskEvaluator{meter: m, task: task, prefix: prefix}
}

// TaskEvaluator measures one task of a Meter. It is an eval.Describer.
type TaskEvaluator struct {
	meter        *Meter
	task, prefix string
}

// Name is the data set and the task.
func (e *TaskEvaluator) Name() string { return e.prefix + ", " + e.task }

// Evaluate runs the task. A value that isn't a number, such as a top-5 accuracy without enough classes, is left out unless it is the
// main one.
func (e *TaskEvaluator) Evaluate(ctx context.Context) ([]eval.Value, error) {
	m, t := e.meter, tasks[e.task]
	if len(m.Viewers) > 0 { // they need a pass of their own, which serves the others as well
		if _, err := m.Features(ctx); err != nil {
			return nil, err
		}
	}
	f := m.of(t.need)
	o, err := t.run(ctx, &Suite{Settings: m.Model.Settings, Recalls: m.Recalls, Probe: m.Probe}, f)
	if err != nil {
		return nil, err
	}
	m.skipped = o.skipped(f)
	metrics := map[string]float64{}
	for _, one := range o.metrics {
		if v, ok := one.Value.(float64); ok {
			metrics[one.Key] = v
		}
	}
	var out []eval.Value
	for _, one := range e.keys() {
		v, ok := metrics[one.key]
		if !ok || one.key != t.main && (math.IsNaN(v) || math.IsInf(v, 0)) {
			continue
		}
		value := e.value(one)
		value.Value = v
		if e.task == Retrieval {
			value.Chance = e.retrievalChance(f, one)
		}
		out = append(out, value)
	}
	return out, nil
}

// Describe names the values.
func (e *TaskEvaluator) Describe() eval.Description {
	d := eval.Description{About: map[string]string{}}
	for _, one := range e.keys() {
		v := e.value(one)
		d.Values, d.About[v.Group] = append(d.Values, v), e.about()
	}
	return d
}

func (e *TaskEvaluator) about() string {
	info := e.meter.Info(e.task)
	if tasks[e.task].need == datasets.NeedLabels {
		return fmt.Sprintf("%s of %s, %d classes.", e.task, info.Name, len(info.Classes))
	}
	return fmt.Sprintf("%s of %s.", e.task, info.Name)
}

// measure is a value of a task. Top is how many answers count, out of all classes or pictures; 0: the level of guessing is unknown.
type measure struct {
	key string
	top int
}

// side is the direction of a retrieval.
func (one measure) side() string {
	if strings.HasPrefix(one.key, "image") {
		return "pictures by captions"
	}
	return "captions by pictures"
}

// keys are the values of the task on this data, the main one first.
func (e *TaskEvaluator) keys() (out []measure) {
	classes := len(e.meter.Info(e.task).Classes)
	switch e.task {
	case ZeroShot:
		if e.meter.Info(e.task).Type == datasets.MultiLabelType {
			return []measure{{multiLabelMain, 0}}
		}
		out = []measure{{"acc1", 1}, {"acc5", 5}, {"mean_per_class_recall", 1}}
	case LinearProbe:
		out = []measure{{"lp_acc1", 1}, {"lp_acc5", 5}, {"lp_mean_per_class_recall", 1}}
	case Neighbours:
		return []measure{{"knn_acc1", 1}}
	case Retrieval:
		for _, side := range []func(int) string{eval.ImageRecallName, eval.TextRecallName} {
			for _, k := range e.meter.Recalls {
				out = append(out, measure{side(k), k})
			}
		}
		return out
	case Selection:
		if e.meter.Data.hasCues() {
			return []measure{{jaccardMain, 0}, {"jaccard_score_10-12", 0}}
		}
		return []measure{{"acc", 0}, {"image_acc", 0}, {"text_acc", 0}}
	case Captioning:
		return []measure{{"CIDEr", 0}, {"Bleu_4", 0}, {"ROUGE_L", 0}}
	default:
		return []measure{{tasks[e.task].main, 0}}
	}
	if classes < 5 {
		out = append(out[:1], out[2:]...)
	}
	return out
}

// value is a measure as a value without its number.
func (e *TaskEvaluator) value(one measure) eval.Value {
	v := eval.Value{Name: e.prefix + "/" + one.key, Group: e.Name(), Lower: e.task == Calibration}
	if e.task == Retrieval {
		v.Group = e.prefix + ", " + one.side()
	} else if classes := len(e.meter.Info(e.task).Classes); classes > 0 {
		v.Chance = min(1, float64(one.top)/float64(classes))
	}
	return v
}

// retrievalChance is the recall of a random order.
func (e *TaskEvaluator) retrievalChance(f *features, one measure) float64 {
	test := f.splits[TestSplit]
	image, text := eval.RecallChance(len(test.Index), test.TextImage, one.top)
	if strings.HasPrefix(one.key, "image") {
		return image
	}
	return text
}
