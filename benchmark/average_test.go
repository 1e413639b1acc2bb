package benchmark

import (
	"fmt"
	"math"
	"slices"
	"testing"

	"clipgo/eval/clipbenchmark"
)

func measured(model, data, task string, metrics ...clipbenchmark.Metric) Entry {
	return Entry{
		Result:  &clipbenchmark.Result{Dataset: data, Model: model, Pretrained: "x", Task: task, Metrics: metrics},
		Details: &Details{},
	}
}

// The list is DataComp's: 38 sets with different names, and the sizes of its groups.
func TestDataCompHas38Sets(t *testing.T) {
	sizes, keys := map[string]int{}, map[string]bool{}
	for _, d := range dataComp {
		sizes[d.group]++
		for _, k := range d.keys {
			if keys[k] || k != dataCompKey(k) {
				t.Errorf("%s: key %s", d.name, k)
			}
			keys[k] = true
		}
	}
	if len(dataComp) != 38 || sizes[vtabGroup] != 13 || sizes[shifts] != 6 || sizes[retrieved] != 3 || sizes["ImageNet"] != 1 {
		t.Errorf("%d sets, %v", len(dataComp), sizes)
	}
}

// Each set is represented by its own metric; what is missing is named, and a value that isn't defined is missing.
func TestAveragesSayWhatIsMissing(t *testing.T) {
	number := func(key string, v float64) clipbenchmark.Metric { return clipbenchmark.Metric{Key: key, Value: v} }
	entries := []Entry{
		measured("a", "wds/vtab/pets", ZeroShot, number("acc1", 0.9), number("mean_per_class_recall", 0.5)),
		measured("a", "wds/cifar10", ZeroShot, number("acc1", 0.7), number("mean_per_class_recall", 0.1)),
		measured("a", "clip-benchmark/wds_mscoco_captions", Retrieval, number("image_retrieval_recall@1", 0.2),
			number("text_retrieval_recall@1", 0.4)),
		measured("b", "wds/cifar10", ZeroShot, number("acc1", 0.25)),
		measured("b", "wds/vtab/pets", ZeroShot, number("acc1", math.NaN())),
	}
	f1 := measured("a", "wds/wilds/iwildcam", ZeroShot, number("acc1", 1))
	f1.Details.More = map[string]any{"macro_f1": 0.6}
	all := Averages(append(entries, f1))
	if len(all) != 2 || len(all[0].Averages) != len(all[1].Averages) {
		t.Fatalf("%+v", all)
	}
	get := func(model int, name string) Average {
		i := slices.IndexFunc(all[model].Averages, func(a Average) bool { return a.Name == name })
		if i < 0 {
			t.Fatalf("model %d has no average %s: %+v", model, name, all[model].Averages)
		}
		return all[model].Averages[i]
	}
	whole := get(0, "DataComp")
	if whole.Sets != 4 || whole.Of != 38 || len(whole.Missing) != 34 || math.Abs(*whole.Value-(0.5+0.7+0.3+0.6)/4) > 1e-12 {
		t.Errorf("%s", whole.Line())
	}
	if v := get(0, "DataComp VTAB"); v.Sets != 1 || v.Of != 13 || *v.Value != 0.5 {
		t.Errorf("%s", v.Line())
	}
	if v := get(1, "DataComp VTAB"); v.Sets != 0 || v.Value != nil {
		t.Errorf("%s", v.Line())
	}
	if v := get(0, "mean zeroshot classification"); v.Sets != 3 || v.Of != 3 {
		t.Errorf("%s", v.Line())
	}
	if v := get(1, "mean zeroshot classification"); v.Value != nil || fmt.Sprint(v.Missing) != "[wds/vtab/pets wds/wilds/iwildcam]" {
		t.Errorf("%s", v.Line())
	}
	if all := Averages(entries[3:4]); len(all[0].Averages) != 0 {
		t.Errorf("one set: %+v", all)
	}
}
