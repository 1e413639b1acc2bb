package eval

import (
	"encoding/json"
	"fmt"
	"math"
	"path/filepath"
	"strings"
	"testing"

	"clipgo/internal/golden"
)

// benchmark reads a section of the numbers that clip_benchmark and scikit-learn have for the fixtures.
func benchmark[T any](t *testing.T, section string) (dir string, out map[string]T) {
	t.Helper()
	dir = golden.Dir(t, "benchmark")
	var all map[string]json.RawMessage
	if err := json.Unmarshal(golden.Read(t, filepath.Join(dir, "figures.json")), &all); err != nil {
		t.Fatal(err)
	}
	var parts map[string]json.RawMessage
	if err := json.Unmarshal(all[section], &parts); err != nil {
		t.Fatal(err)
	}
	out = map[string]T{}
	for name, raw := range parts {
		var v T
		if json.Unmarshal(raw, &v) == nil {
			out[name] = v
		}
	}
	return dir, out
}

func number(t *testing.T, what string, got, want, tolerance float64) {
	t.Helper()
	if !(math.Abs(got-want) <= tolerance) {
		t.Errorf("%s: %v, want %v", what, got, want)
	}
}

// sameOr compares a value that may be missing.
func sameOr(t *testing.T, what string, got, want *float64) {
	t.Helper()
	if (got == nil) != (want == nil) || got != nil && math.Abs(*got-*want) > 1e-12 {
		t.Errorf("%s: %v, want %v", what, show(got), show(want))
	}
}

func show(v *float64) string {
	if v == nil {
		return "none"
	}
	return fmt.Sprint(*v)
}

type reliabilityFigures struct {
	ECE, MCE, ACE, Brier, NLL, Confidence, Accuracy float64
}

type zeroShotFigures struct {
	N, Classes int
	TopK       map[int]float64 `json:"topk"`
	Recall     float64         `json:"mean_per_class_recall"`
	Recalls    []*float64      `json:"per_class_recall"`
	Precisions []*float64      `json:"per_class_precision"`
	F1s        []*float64      `json:"per_class_f1"`
	MacroF1    float64         `json:"macro_f1_present"`
	Confusion  [][]int
	At100      reliabilityFigures `json:"calibration"`
	Learned    reliabilityFigures `json:"calibration_learned_scale"`
}

func TestGoldenBenchmarkClassification(t *testing.T) {
	dir, all := benchmark[zeroShotFigures](t, "zeroshot")
	_, scale := benchmarkScale(t)
	sets := 0
	for name, want := range all {
		if want.N == 0 {
			continue
		}
		sets++
		tensors := golden.Tensors(t, filepath.Join(dir, "details", "zs-"+strings.ReplaceAll(name, "/", "-")+".safetensors"))
		logits, labels := tensors["logits"].F32, make([]int, want.N)
		for i, v := range tensors["labels"].I64 {
			labels[i] = int(v)
		}
		got := NewAccuracy(want.Classes)
		if err := got.Add(logits, labels); err != nil {
			t.Fatal(err)
		}
		for k, v := range want.TopK {
			sameOr(t, fmt.Sprintf("%s top %d", name, k), got.Top(k), &v)
		}
		number(t, name+" mean recall", got.Result().MeanPerClassRecall, want.Recall, 1e-12)
		number(t, name+" macro F1", got.MacroF1(), want.MacroF1, 1e-12)
		for c, p := range got.ByClass(make([]string, want.Classes)) {
			sameOr(t, fmt.Sprintf("%s recall of class %d", name, c), p.Recall, want.Recalls[c])
			sameOr(t, fmt.Sprintf("%s precision of class %d", name, c), p.Precision, want.Precisions[c])
			sameOr(t, fmt.Sprintf("%s F1 of class %d", name, c), p.F1, want.F1s[c])
		}
		if fmt.Sprint(got.Confusion()) != fmt.Sprint(want.Confusion) {
			t.Errorf("%s: confusion %v, want %v", name, got.Confusion(), want.Confusion)
		}
		reliable(t, name, logits, labels, want.Classes, 1, want.At100)
		reliable(t, name+" at the learned scale", logits, labels, want.Classes, scale/100, want.Learned)
	}
	if sets == 0 {
		t.Fatal("no sets")
	}
}

// benchmarkScale is the logit scale of the fixtures' model.
func benchmarkScale(t *testing.T) (dir string, scale float64) {
	t.Helper()
	dir = golden.Dir(t, "benchmark")
	var figures struct {
		Scale float64 `json:"logit_scale"`
	}
	if err := json.Unmarshal(golden.Read(t, filepath.Join(dir, "figures.json")), &figures); err != nil {
		t.Fatal(err)
	}
	return dir, figures.Scale
}

// reliable compares calibration. The tolerance is that of the fixtures: the softmax of float32 logits.
func reliable(t *testing.T, name string, logits []float32, labels []int, classes int, scale float64, want reliabilityFigures) {
	t.Helper()
	r, err := Reliable(logits, labels, classes, scale)
	if err != nil {
		t.Fatal(err)
	}
	const tolerance = 1e-4
	number(t, name+" ECE", r.ECE, want.ECE, tolerance)
	number(t, name+" MCE", r.MCE, want.MCE, tolerance)
	number(t, name+" ACE", r.ACE, want.ACE, tolerance)
	number(t, name+" Brier", r.Brier, want.Brier, tolerance)
	number(t, name+" NLL", r.NLL, want.NLL, tolerance)
	number(t, name+" confidence", r.Confidence, want.Confidence, tolerance)
	number(t, name+" accuracy", r.Accuracy, want.Accuracy, 1e-12)
}

// The scale with the highest likelihood beats its neighbours.
func TestGoldenBenchmarkScaleIsTheBest(t *testing.T) {
	dir := golden.Dir(t, "benchmark")
	tensors := golden.Tensors(t, filepath.Join(dir, "details", "zs-digits-val.safetensors"))
	labels := make([]int, len(tensors["labels"].I64))
	for i, v := range tensors["labels"].I64 {
		labels[i] = int(v)
	}
	classes := tensors["logits"].Shape[1]
	scale, err := FitScale(tensors["logits"].F32, labels, classes)
	if err != nil {
		t.Fatal(err)
	}
	at := func(scale float64) float64 {
		r, err := Reliable(tensors["logits"].F32, labels, classes, scale)
		if err != nil {
			t.Fatal(err)
		}
		return r.NLL
	}
	if best := at(scale); best > at(scale*0.99) || best > at(scale*1.01) || best > at(1) {
		t.Errorf("scale %v: %v; %v and %v beside it", scale, best, at(scale*0.99), at(scale*1.01))
	}
}

func TestGoldenBenchmarkMultiLabel(t *testing.T) {
	dir := golden.Dir(t, "benchmark")
	var figures struct {
		MultiLabel struct {
			Positives        []int
			Mean             float64   `json:"mean_average_precision"`
			AveragePrecision []float64 `json:"average_precision"`
			Present          float64   `json:"macro_over_classes_with_positives"`
			Sklearn          struct{ Micro float64 }
		}
	}
	if err := json.Unmarshal(golden.Read(t, filepath.Join(dir, "figures.json")), &figures); err != nil {
		t.Fatal(err)
	}
	want := figures.MultiLabel
	tensors := golden.Tensors(t, filepath.Join(dir, "details", "zs-scenes_multilabel.safetensors"))
	targets := make([]bool, len(tensors["targets"].I64))
	for i, v := range tensors["targets"].I64 {
		targets[i] = v != 0
	}
	got, err := RankLabels(tensors["logits"].F32, targets, tensors["targets"].Shape[1])
	if err != nil {
		t.Fatal(err)
	}
	const tolerance = 1e-6
	number(t, "mAP", got.MeanAveragePrecision, want.Mean, tolerance)
	number(t, "mAP of classes with positives", got.Present, want.Present, tolerance)
	number(t, "micro", got.Micro, want.Sklearn.Micro, tolerance)
	if fmt.Sprint(got.Positives) != fmt.Sprint(want.Positives) {
		t.Errorf("positives %v, want %v", got.Positives, want.Positives)
	}
	for c, v := range want.AveragePrecision {
		number(t, fmt.Sprintf("class %d", c), got.AveragePrecision[c], v, tolerance)
	}
}

func TestGoldenBenchmarkChoice(t *testing.T) {
	dir, all := benchmark[struct {
		N    int
		Text float64 `json:"text_acc"`
		Img  float64 `json:"image_acc"`
		Both float64 `json:"acc"`
	}](t, "choice")
	tensors := golden.Tensors(t, filepath.Join(dir, "details", "choice.safetensors"))
	for name, scores := range tensors {
		want := all[strings.ReplaceAll(name, ".", "/")]
		images, captions := scores.Shape[1], scores.Shape[2]
		var chosen []Chosen
		for i := range scores.Shape[0] {
			c, err := Choose(scores.F32[i*images*captions:(i+1)*images*captions], images, captions)
			if err != nil {
				t.Fatal(err)
			}
			chosen = append(chosen, c)
		}
		got := Choices(chosen)
		if got.N != want.N || want.N == 0 {
			t.Errorf("%s: %d samples, want %d", name, got.N, want.N)
		}
		number(t, name+" text", got.Text, want.Text, 1e-6) // float32 means there
		number(t, name+" image", got.Image, want.Img, 1e-6)
		number(t, name+" both", got.Both, want.Both, 1e-6)
	}
}

func TestGoldenBenchmarkRanking(t *testing.T) {
	type figures map[string]float64
	dir, all := benchmark[map[string]json.RawMessage](t, "retrieval")
	if len(all) == 0 {
		t.Fatal("no sets")
	}
	for name, sides := range all {
		tensors := golden.Tensors(t, filepath.Join(dir, "details", "ret-"+strings.ReplaceAll(name, "/", "-")+".safetensors"))
		images, texts := tensors["images"], tensors["texts"]
		textImage := make([]int, texts.Shape[0])
		for text, image := range tensors["text_image"].I64 {
			textImage[text] = int(image)
		}
		byText, byImage, err := RankPairs(images.F32, texts.F32, images.Shape[1], textImage)
		if err != nil {
			t.Fatal(err)
		}
		for side, got := range map[string]*Ranking{"image_retrieval": byText, "text_retrieval": byImage} {
			var want figures
			if err := json.Unmarshal(sides[side], &want); err != nil {
				t.Fatal(err)
			}
			rankingIs(t, name+" "+side, got, want)
		}
	}
}

// rankingIs compares with the fixture. In a set with exact ties the order is free: recall lies between the two bounds there.
func rankingIs(t *testing.T, what string, got *Ranking, want map[string]float64) {
	t.Helper()
	number(t, what+" queries", float64(got.Queries), want["queries"], 0)
	number(t, what+" without answer", float64(got.WithoutAnswer), want["without_answer"], 0)
	ties := false
	for _, k := range []int{1, 5, 10} {
		recall, low, high := got.Recall(k), want[fmt.Sprintf("recall@%d_pessimistic", k)], want[fmt.Sprintf("recall@%d", k)]
		ties = ties || low != high
		if recall < low-1e-12 || recall > high+1e-12 {
			t.Errorf("%s: recall@%d is %v, not between %v and %v", what, k, recall, low, high)
		}
	}
	if ties {
		return
	}
	for _, k := range []int{1, 5, 10} {
		number(t, fmt.Sprintf("%s found@%d", what, k), got.Found(k), want[fmt.Sprintf("share_found@%d", k)], 1e-12)
	}
	number(t, what+" mean rank", got.MeanRank, want["mean_rank"], 1e-12)
	number(t, what+" median rank", got.MedianRank, want["median_rank"], 1e-12)
	number(t, what+" MAP", got.MAP, want["map"], 1e-12)
	number(t, what+" MAP@R", got.MAPAtR, want["map@r"], 1e-12)
	number(t, what+" R-precision", got.RPrecision, want["r_precision"], 1e-12)
	number(t, what+" MRR", got.MRR, want["mrr"], 1e-12)
}
