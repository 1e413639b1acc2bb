package config

import (
	"maps"
	"slices"
	"testing"
)

// Each key comes from the strongest place that says it, and knows which one that is.
func TestEachKeyKnowsWhereItComesFrom(t *testing.T) {
	half := 0.5
	defaults := target{LR: 1, Steps: 10, Sizes: []int{1}, Vision: tower{Width: 8, LS: &half}}
	recipe := Layer{}
	recipe.Put(Recipe, "lr", 2.0)
	recipe.Put(Recipe, "vision_cfg", tower{Width: 9, Ratio: 4})
	recipe.Put(Recipe, "text_cfg", &tower{Width: 3})
	path := file(t, "a.yaml", "lr: 3\nsteps: 11\nvision_cfg:\n  width: 10\n")
	saved, err := Load(defaults, path)
	if err != nil {
		t.Fatal(err)
	}
	flag, err := Assign(defaults, Flag, "--lr", "lr=4")
	if err != nil {
		t.Fatal(err)
	}
	set, err := Assign(defaults, Assignment, "--set", "lr=5", "vision_cfg.pool_type=avg", "sizes=2,3")
	if err != nil {
		t.Fatal(err)
	}
	all := Merge(Of(Default, defaults), recipe, saved, flag, set)
	for key, want := range map[string]Value{
		"seed": {"0", Default, ""}, "lr": {"5", Assignment, "--set"}, "steps": {"11", File, path + ":2"},
		"vision_cfg.width": {"10", File, path + ":4"}, "vision_cfg.mlp_ratio": {"4", Recipe, ""}, "text_cfg.width": {"3", Recipe, ""},
		"vision_cfg.ls_init_value": {"null", Recipe, ""}, "vision_cfg.pool_type": {`"avg"`, Assignment, "--set"},
		"sizes": {"[2,3]", Assignment, "--set"},
	} {
		if all[key] != want || all.Origin(key) != want.Origin || all.Said(key) != (want.Origin >= File) {
			t.Errorf("%s: %+v, want %+v", key, all[key], want)
		}
	}
	if got := Merge(recipe, flag)["lr"]; got != (Value{"4", Flag, "--lr"}) {
		t.Errorf("lr of recipe and flag: %+v", got)
	}
	if n := len(Fields(target{})) - 2; len(all) != n { // vision_cfg and text_cfg are structs
		t.Errorf("%d keys, want %d: %q", len(all), n, all.Sorted())
	}
	got := target{Hidden: 7, Sizes: []int{9, 9, 9}}
	old := got.Sizes
	all.Decode(&got)
	if got.LR != 5 || got.Steps != 11 || got.Vision != (tower{Width: 10, Ratio: 4, Pool: "avg"}) || *got.Text != (tower{Width: 3}) ||
		got.Hidden != 7 {
		t.Errorf("%+v", got)
	}
	if !slices.Equal(got.Sizes, []int{2, 3}) || !slices.Equal(old, []int{9, 9, 9}) {
		t.Errorf("sizes %v, and the list that was there before became %v", got.Sizes, old)
	}
}

// A null takes away what is below a key, and a value below it takes the null away.
func TestNullAndWhatIsBelowIt(t *testing.T) {
	whole := Of(Default, target{Text: &tower{Width: 3}})
	none, err := Assign(target{}, Flag, "", "text_cfg=null")
	if err != nil {
		t.Fatal(err)
	}
	some, err := Assign(target{}, Assignment, "", "text_cfg.mlp_ratio=2")
	if err != nil {
		t.Fatal(err)
	}
	for want, layers := range map[tower][]Layer{
		{}:                   {whole, none},
		{Ratio: 2}:           {whole, none, some},
		{Width: 3, Ratio: 2}: {whole, some},
	} {
		got := target{Text: &tower{Pool: "old"}}
		Merge(layers...).Decode(&got)
		if want == (tower{}) {
			if got.Text != nil {
				t.Errorf("null: %+v", got.Text)
			}
		} else if got.Text == nil || got.Text.Ratio != want.Ratio || got.Text.Width != want.Width {
			t.Errorf("%+v, want %+v", got.Text, want)
		}
	}
}

// Of and Decode are each other's opposites, and a layer's subtree decodes into the struct that it is of.
func TestALayerIsTheStruct(t *testing.T) {
	half := 0.25
	want := target{common: common{3}, LR: 1e-7, Names: []string{"a,b"}, Shade: 1, Table: map[string]int{"x": 1}}
	want.Vision, want.Tower = tower{LS: &half, Pool: "tok"}, []tower{{Width: 1}}
	var got target
	Of(Default, &want).Decode(&got)
	if a, b := Of(Default, got), Of(Default, want); !maps.Equal(a, b) {
		t.Errorf("%v, want %v", a, b)
	}
	var vision tower
	Of(Default, want).Under("vision_cfg").Decode(&vision)
	if vision.Pool != "tok" || *vision.LS != 0.25 {
		t.Errorf("%+v", vision)
	}
}

// A layer of another struct is a mistake of the program.
func TestALayerOfAnotherStructPanics(t *testing.T) {
	defer func() {
		if recover() == nil {
			t.Error("no panic")
		}
	}()
	Layer{"nothing": {JSON: "1"}}.Decode(&target{})
}
