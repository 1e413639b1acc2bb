package eval

import (
	"context"
	"encoding/json"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"clipgo/internal/golden"
)

// metrics is one section of the fixtures' expected numbers.
func metrics(t *testing.T, dir, section string) map[string]float64 {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(dir, "metrics.json"))
	if err != nil {
		t.Fatal(err)
	}
	var all map[string]json.RawMessage
	if err := json.Unmarshal(data, &all); err != nil {
		t.Fatal(err)
	}
	if all[section] == nil {
		t.Skip("not in this set")
	}
	var out map[string]float64
	if err := json.Unmarshal(all[section], &out); err != nil {
		t.Fatal(err)
	}
	return out
}

// sameNumbers compares by the JSON keys; 1e-7 is how far the fixtures' float32 shares are rounded.
func sameNumbers(t *testing.T, got any, want map[string]float64) {
	t.Helper()
	data, err := json.Marshal(got)
	if err != nil {
		t.Fatal(err)
	}
	var have map[string]float64
	if err := json.Unmarshal(data, &have); err != nil {
		t.Fatal(err)
	}
	for key, w := range want {
		if h, ok := have[key]; !ok || math.Abs(h-w) > 1e-7 {
			t.Errorf("%s: got %v, want %v", key, h, w)
		}
	}
}

func TestGoldenEval(t *testing.T) {
	dir := golden.Dir(t, "eval")
	load := func(t *testing.T, name string) map[string]golden.Tensor {
		path := filepath.Join(dir, name+".safetensors")
		if _, err := os.Stat(path); err != nil {
			t.Skip("not in this set")
		}
		return golden.Tensors(t, path)
	}
	t.Run("zeroshot", func(t *testing.T) { goldenZeroShot(t, load(t, "zeroshot"), metrics(t, dir, "zeroshot")) })
	t.Run("retrieval", func(t *testing.T) {
		in := load(t, "retrieval")
		want := metrics(t, dir, "retrieval")
		var ks []int
		for k := range 100 {
			if _, ok := want["image_retrieval_recall@"+jsonInt(k)]; ok {
				ks = append(ks, k)
			}
		}
		got, err := Retrieve(in["images"].F32, in["texts"].F32, in["images"].Shape[1], ints(in["text_image"].I64), ks)
		if err != nil {
			t.Fatal(err)
		}
		sameNumbers(t, got, want)
	})
	t.Run("clip_metrics", func(t *testing.T) {
		in := load(t, "clip_metrics")
		want, same := metrics(t, dir, "clip_metrics"), make([]int, in["images"].Shape[0])
		for i := range same {
			same[i] = i
		}
		got, err := Retrieve(in["images"].F32, in["texts"].F32, in["images"].Shape[1], same, []int{1, 5, 10})
		if err != nil {
			t.Fatal(err)
		}
		for i, k := range []string{"1", "5", "10"} {
			if got.Image[i].Value != want["text_to_image_R@"+k] || got.Text[i].Value != want["image_to_text_R@"+k] {
				t.Errorf("recall at %s: %+v, %+v", k, got.Image[i], got.Text[i])
			}
		}
	})
	t.Run("multilabel", func(t *testing.T) {
		in := load(t, "multilabel")
		targets := make([]bool, len(in["targets"].I64))
		for i, v := range in["targets"].I64 {
			targets[i] = v != 0
		}
		got, err := RankLabels(in["scores"].F32, targets, in["scores"].Shape[1])
		if err != nil {
			t.Fatal(err)
		}
		golden.Close(t, "average_precision", float32s(got.AveragePrecision), in["average_precision"].F32, golden.Tol{Abs: 1e-6})
		sameNumbers(t, map[string]float64{"mean_average_precision": got.MeanAveragePrecision}, metrics(t, dir, "multilabel"))
	})
}

func goldenZeroShot(t *testing.T, in map[string]golden.Tensor, want map[string]float64) {
	prompts, labels := in["prompts"], ints(in["labels"].I64)
	classes, templates, dim := prompts.Shape[0], prompts.Shape[1], prompts.Shape[2]
	names := make([]string, classes)
	for i := range names {
		names[i] = "class " + jsonInt(i)
	}
	fixed := &fixedText{rows: prompts.F32, dim: dim}
	c, err := NewClassifier(t.Context(), fixed, Prompts{
		Classes: names, Templates: strings.Split(strings.Repeat("a {} \n", templates-1)+"a {}", "\n"),
		Fill: func([]int32, string) int { return 1 }, ContextLength: 1, BatchSize: 7,
	})
	if err != nil {
		t.Fatal(err)
	}
	golden.Close(t, "classifier", c.Weights, transpose(in["classifier"]), golden.Tol{Abs: 1e-6})
	logits, err := c.Logits(in["images"].F32)
	if err != nil {
		t.Fatal(err)
	}
	golden.Close(t, "logits", logits, in["logits"].F32, golden.Tol{Abs: 1e-4})
	acc := NewAccuracy(classes)
	half := len(labels) / 2
	if err := acc.Add(logits[:half*classes], labels[:half]); err != nil {
		t.Fatal(err)
	}
	if err := acc.Add(logits[half*classes:], labels[half:]); err != nil {
		t.Fatal(err)
	}
	r := acc.Result()
	sameNumbers(t, map[string]float64{"acc1": r.Top1, "acc5": *r.Top5, "mean_per_class_recall": r.MeanPerClassRecall}, want)
}

// fixedText hands out rows in order, whatever is asked.
type fixedText struct {
	rows []float32
	dim  int
}

func (f *fixedText) Dim() int { return f.dim }
func (f *fixedText) EmbedImages(context.Context, []uint8, int) ([]float32, error) {
	return nil, nil
}
func (f *fixedText) EmbedTokens(_ context.Context, _ []int32, n int) ([]float32, error) {
	out := f.rows[:n*f.dim]
	f.rows = f.rows[n*f.dim:]
	return out, nil
}

func jsonInt(k int) string {
	b, _ := json.Marshal(k)
	return string(b)
}

func ints(x []int64) []int {
	out := make([]int, len(x))
	for i, v := range x {
		out[i] = int(v)
	}
	return out
}

func float32s(x []float64) []float32 {
	out := make([]float32, len(x))
	for i, v := range x {
		out[i] = float32(v)
	}
	return out
}

func transpose(x golden.Tensor) []float32 {
	out := make([]float32, len(x.F32))
	for i := range x.Shape[0] {
		for j := range x.Shape[1] {
			out[j*x.Shape[0]+i] = x.F32[i*x.Shape[1]+j]
		}
	}
	return out
}
