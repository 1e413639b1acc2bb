package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"clipgo/bench"
	"clipgo/internal/cli"
	"clipgo/internal/config"
	"clipgo/internal/durable"
	"clipgo/pretrained"
	"clipgo/pretrained/convert"
	"clipgo/pretrained/merge"
	"clipgo/run"
)

// typed are the layers of train's flags.
func typed(t *testing.T, args ...string) []config.Layer {
	t.Helper()
	options := run.Default()
	c := &cobra.Command{}
	b := cli.Bind(c, &options, "align")
	if err := c.ParseFlags(args); err != nil {
		t.Fatal(err)
	}
	layers, err := b.Layers()
	if err != nil {
		t.Fatal(err)
	}
	return layers
}

// everyOptions makes the options of each command anew, with the settings that have no flag there.
var everyOptions = map[string]struct {
	make    func() any
	without []string
}{
	"train":    {make: func() any { o := run.Default(); return &o }},
	"embed":    {make: func() any { return &embedOptions{Settings: pretrained.DefaultSettings()} }},
	"search":   {make: func() any { return &searchOptions{Settings: pretrained.DefaultSettings()} }, without: []string{"data"}},
	"zeroshot": {make: func() any { return &zeroshotOptions{Settings: pretrained.DefaultSettings()} }},
	"eval":     {make: func() any { return &retrievalOptions{Settings: pretrained.DefaultSettings()} }},
	"anatomy":  {make: func() any { o := defaultAnatomy(); return &o }},
	"caption":  {make: func() any { o := defaultCaption(); return &o }},
	"merge": {make: func() any { return &merge.Options{Settings: pretrained.DefaultSettings()} },
		without: []string{"model", "pretrained", "seed"}},
	"index":   {make: func() any { return &indexOptions{} }},
	"convert": {make: func() any { return &convert.Options{} }},
	"info":    {make: func() any { return &infoOptions{} }},
	"bench":   {make: func() any { return &bench.Options{Machine: pretrained.DefaultMachine()} }},
}

// other is a text for a field that its default is not, and the JSON that it makes.
func other(t *testing.T, f config.Field) (text, value string) {
	switch f.Type.Kind() {
	case reflect.Struct: // a frequency
		return "71", "71"
	case reflect.Bool:
		return "", "true"
	case reflect.Float64:
		return "0.75", "0.75"
	case reflect.Int, reflect.Int64, reflect.Uint64:
		return "71", "71"
	case reflect.String:
		return "some word", `"some word"`
	case reflect.Slice:
		if f.Tag.Get("repeat") == "true" {
			return "[a*,b", `["[a*,b"]`
		}
		if f.Type.Elem().Kind() == reflect.String {
			return "a*,b", `["a*","b"]`
		}
		return "3,4", "[3,4]"
	}
	t.Errorf("%s: the test knows no value of a %s", f.Key, f.Type)
	return "", ""
}

// Each flag sets the field whose tag names it, and the setting comes from the flag.
func TestEachFlagSetsItsField(t *testing.T) {
	for command, every := range everyOptions {
		for _, f := range config.Fields(every.make()) {
			name, has := f.Tag.Lookup("flag")
			left := func(key string) bool { return f.Key == key || strings.HasPrefix(f.Key, key+".") }
			if !has || f.Nested || slices.ContainsFunc(every.without, left) {
				continue
			}
			text, value := other(t, f)
			options := every.make()
			before := config.Of(config.Default, options)
			c := &cobra.Command{Use: command}
			b := cli.Bind(c, options, every.without...)
			args := []string{"--" + name, text}
			if f.Type.Kind() == reflect.Bool {
				args = args[:1]
			}
			if err := c.ParseFlags(args); err != nil {
				t.Fatal(err)
			}
			said, err := b.Apply()
			if err != nil || len(said) != 1 || said[f.Key] != (config.Value{JSON: value, Origin: config.Flag, Where: "--" + name}) {
				t.Errorf("%s --%s %s: %v, %v", command, name, text, said, err)
				continue
			}
			for key, v := range config.Of(config.Default, options) {
				want := before[key].JSON
				if key == f.Key {
					want = value
				}
				if v.JSON != want {
					t.Errorf("%s --%s %s: %s is %s, want %s", command, name, text, key, v.JSON, want)
				}
			}
		}
	}
}

// The settings of each command are what encoding/json writes of its options, so that a run.json has every key of --set.
func TestSettingsAreThoseOfJSON(t *testing.T) {
	for command, every := range everyOptions {
		data, err := json.Marshal(every.make())
		if err != nil {
			t.Fatal(err)
		}
		var written map[string]json.RawMessage
		if err := json.Unmarshal(data, &written); err != nil {
			t.Fatal(err)
		}
		known := map[string]bool{}
		for _, f := range config.Fields(every.make()) {
			if known[f.Key] {
				t.Errorf("%s: two fields are called %s", command, f.Key)
			}
			known[f.Key] = true
		}
		for key := range written {
			if !known[key] {
				t.Errorf("%s: %s is written, and can't be set", command, key)
			}
		}
	}
}

func TestAListOfAssignmentsIsAFlag(t *testing.T) {
	var o run.Options
	config.Merge(typed(t, "--aug-cfg", "scale=0.5,1", "--aug-cfg", "hflip=0.25", "--seed", "1", "--seed", "2")...).Decode(&o)
	if o.Augment.Scale != [2]float64{0.5, 1} || o.Augment.HFlip != 0.25 || o.Seed != 2 {
		t.Errorf("%+v, seed %d", o.Augment, o.Seed)
	}
}

// All that is wrong is reported, each with its place.
func TestMistakesComeTogether(t *testing.T) {
	path := write(t, filepath.Join(t.TempDir(), "c.yaml"), "epochs: many\nlr: 1\n")
	r := clipgo(t, "train", "--config", path, "--workers", "0", "--lr", "fast", "--set", "keep=0", "--set", "x")
	for _, want := range []string{
		path + `:1: epochs = "many": want a number; `, path + `:2: unknown key "lr"; did you mean "optim.lr"?; `,
		"--workers: workers = 0: want at least 1; ",
		"--lr: optim.lr = fast: want a number; ", "--set: keep = 0: want at least 1; ", `--set: want key=value, not "x"`,
	} {
		if r.code != exitUsage || !strings.Contains(r.err, want) {
			t.Errorf("exit %d: %q is not in %s", r.code, want, r.err)
		}
	}
}

// Every flag of every command is either of the options or of all commands.
func TestEveryFlagIsAField(t *testing.T) {
	general := []string{"config", "set", "help", "help-all", "version"}
	var each func(c *cobra.Command)
	each = func(c *cobra.Command) {
		c.LocalNonPersistentFlags().VisitAll(func(f *pflag.Flag) {
			if _, bound := f.Value.(*cli.BoundFlag); !bound && !slices.Contains(general, f.Name) &&
				c.HasParent() && c.Parent().Name() != "completion" {
				t.Errorf("%s --%s is no field's", c.CommandPath(), f.Name)
			}
		})
		for _, sub := range c.Commands() {
			each(sub)
		}
	}
	each(newRoot(streams{out: os.Stdout, err: os.Stderr}))
}

// What the resolved settings know: origins by strength, each value's own place.
func TestSettingsOfARunKnowTheirOrigin(t *testing.T) {
	dir := t.TempDir()
	path := write(t, filepath.Join(dir, "c.json"), `{"seed": 4, "workers": 2, "optim": {"wd": 0.3, "lr": 0.5}}`)
	args := []string{"--train-data", "builtin:shapes", "--out", dir, "--config", path, "--workers", "3", "--lr", "0.25", "--set",
		"optim.lr=0.125"}
	o, settings, err := run.Resolve(t.Context(), pretrained.Hub{}.Find, typed(t, args...)...)
	if err != nil {
		t.Fatal(err)
	}
	for key, want := range map[string]string{
		"keep": "default 3 ", "batch_size": fmt.Sprintf("recipe %d ", o.BatchSize), "epochs": fmt.Sprintf("recipe %g ", o.Epochs),
		"model": fmt.Sprintf("recipe %q ", o.Model), "model_cfg.vision_cfg.image_size": "recipe 64 ",
		"seed": "config file 4 " + path + ":1", "optim.wd": "config file 0.3 " + path + ":1",
		"workers": "flag 3 --workers", "train_data": `flag "builtin:shapes" --train-data`, "optim.lr": "assignment 0.125 --set",
	} {
		if v := settings[key]; fmt.Sprint(v.Origin, " ", v.JSON, " ", v.Where) != want {
			t.Errorf("%s: %v %s %s, want %s", key, v.Origin, v.JSON, v.Where, want)
		}
	}
	if o.Optim.LR != 0.125 || o.Optim.WD != 0.3 || o.Workers != 3 || o.Seed != 4 || o.Steps != unset {
		t.Errorf("%+v", o)
	}
}

// A recipe that prefers Muon has a rate and a batch for it, and its others for AdamW: where the user says so, and on GPUs.
func TestMuonIsTheDefaultWhereTheRecipePrefersIt(t *testing.T) {
	model := write(t, filepath.Join(t.TempDir(), "own.json"), `{"embed_dim": 8, "vision_cfg": {"image_size": 32, "layers": 1, "width": 64,
		"patch_size": 16}, "text_cfg": {"context_length": 16, "vocab_size": 49408, "width": 64, "heads": 1, "layers": 1}}`)
	for args, want := range map[string]string{
		"--train-data builtin:shapes --device cpu":                       `"muon" 0.003 128`,
		"--train-data builtin:shapes?n=500 --device cpu":                 `"muon" 0.003 128`,
		"--train-data builtin:shapes --device cpu --siglip":              `"muon" 0.003 128`,
		"--train-data builtin:shapes --device cpu --lr 0.01":             `"muon" 0.01 128`,
		"--train-data builtin:shapes --device cpu --batch-size 64":       `"muon" 0.003 64`,
		"--train-data builtin:shapes --device cuda:0":                    `"" 0.0008 64`,
		"--train-data builtin:shapes --device cpu --opt adamw":           `"adamw" 0.0008 64`,
		"--train-data builtin:shapes --device cpu --objective coca":      `"" 0.001 64`,
		"--train-data builtin:shapes --device cpu --opt muon --wd 0.2":   `"muon" 0.003 128`,
		"--train-data builtin:shapes --device cpu --model " + model:      `"" 0.0005 64`,
		"--train-data photos.csv --device cpu --model ViT-Nano-16-64":    `"" 0.0005 128`,
		"--train-data photos.csv --model ViT-Nano-16-64 --opt muon":      `"muon" 0.0005 128`,
		"--train-data builtin:shapes --set optim.opt=adamw --device cpu": `"adamw" 0.0008 64`,
	} {
		o, _, err := run.Resolve(t.Context(), pretrained.Hub{}.Find, typed(t, append(strings.Fields(args), "--out", t.TempDir())...)...)
		if err != nil {
			t.Fatalf("%s: %v", args, err)
		}
		if got := fmt.Sprintf("%q %g %v", o.Optim.Opt, o.Optim.LR, o.BatchSize); got != want {
			t.Errorf("%s: %s, want %s", args, got, want)
		}
	}
}

// Two settings that exclude each other: the stronger one counts, and on one command line they are refused.
func TestTheStrongerOfTwoCounts(t *testing.T) {
	dir := t.TempDir()
	both := write(t, filepath.Join(dir, "both.json"), `{"steps": 7, "epochs": 2}`)
	sigmoid := write(t, filepath.Join(dir, "siglip.yaml"), "siglip: true\n")
	named := write(t, filepath.Join(dir, "named.yaml"), "objective: clip\n")
	for _, c := range []struct {
		args  string
		want  string // steps epochs objective scale
		error string
	}{
		{args: "", want: "-1 3.2 clip false"},
		{args: "--steps 5", want: "5 -1 clip false"},
		{args: "--epochs 3", want: "-1 3 clip false"},
		{args: "--config " + both, want: "7 2 clip false"},
		{args: "--config " + both + " --steps 9", want: "9 -1 clip false"},
		{args: "--config " + both + " --set epochs=1", want: "-1 1 clip false"},
		{args: "--steps 9 --set epochs=1", error: "steps: excludes epochs"},
		{args: "--siglip", want: "-1 3.2 siglip true"},
		{args: "--siglip=false", want: "-1 3.2 clip false"},
		{args: "--config " + sigmoid, want: "-1 3.2 siglip true"},
		{args: "--config " + sigmoid + " --objective clip", want: "-1 3.2 clip false"},
		{args: "--config " + named + " --siglip", want: "-1 3.2 siglip true"},
		{args: "--siglip --objective siglip", want: "-1 3.2 siglip true"},
		{args: "--siglip --objective clip", error: "siglip: means objective siglip, but objective is clip"},
		{args: "--siglip --set objective=clip", error: "siglip: means objective siglip"},
		{args: "--siglip --set model_cfg.init_logit_scale=2.659260036932778", want: "-1 3.2 siglip false"},
	} {
		args := append([]string{"--train-data", "builtin:shapes", "--out", dir}, strings.Fields(c.args)...)
		o, _, err := run.Resolve(t.Context(), pretrained.Hub{}.Find, typed(t, args...)...)
		if err != nil {
			if c.error == "" || !strings.Contains(err.Error(), c.error) {
				t.Errorf("%s: %v", c.args, err)
			}
			continue
		}
		scale := o.ModelCfg.InitLogitScale
		got := fmt.Sprintf("%d %g %s %v", o.Steps, o.Epochs, o.Objective, scale != nil && *scale > 2.3 && *scale < 2.31)
		if got != c.want || o.SigLIP {
			t.Errorf("%s: %s, want %s", c.args, got, c.want)
		}
	}
}

// A resumed run has its run.json's settings, what is chosen by itself too, and reports what the user changes.
func TestAResumedRunHasItsSettings(t *testing.T) {
	dir := t.TempDir()
	first, _, err := run.Resolve(t.Context(), pretrained.Hub{}.Find, typed(t, "--train-data", "builtin:shapes", "--out", dir, "--lock-text",
		"--keep", "4")...)
	if err != nil {
		t.Fatal(err)
	}
	first.Precision, first.Device, first.Steps, first.StopAfter = "bf16", "cuda:7", 12, 3
	if err := durable.WriteJSON(filepath.Join(dir, pretrained.RunFile), first); err != nil {
		t.Fatal(err)
	}
	resume := func(args ...string) (*run.Options, config.Layer, error) {
		return run.Resolve(t.Context(), pretrained.Hub{}.Find,
			typed(t, append([]string{"--out", dir, "--resume", "latest"}, args...)...)...)
	}
	o, settings, err := resume("--precision", "auto", "--device", "auto", "--batch-size", "auto", "--lock-text", "--lr", "0.125", "--tf32")
	if err != nil {
		t.Fatal(err)
	}
	if o.Precision != "bf16" || o.Device != "cuda:7" || o.BatchSize != first.BatchSize || o.Keep != 4 || o.Steps != 12 ||
		o.Epochs != first.Epochs || o.StopAfter != 0 {
		t.Errorf("%+v", o)
	}
	if settings.Origin("precision") != config.Stored || settings.Origin("keep") != config.Stored ||
		settings.Origin("optim.lr") != config.Flag {
		t.Errorf("precision %v, keep %v, lr %v", settings.Origin("precision"), settings.Origin("keep"), settings.Origin("optim.lr"))
	}
	want := []string{fmt.Sprintf("optim.lr %g -> 0.125", first.Optim.LR), "tf32 false -> true"}
	if !slices.Equal(o.Changes, want) {
		t.Errorf("changes %q, want %q", o.Changes, want)
	}
	if _, _, err := resume("--lock-text=false"); err == nil ||
		!strings.Contains(err.Error(), "lock_text: this run began with true; false needs a new run") {
		t.Errorf("another lock: %v", err)
	}
	if o, _, err := resume("--steps", "20"); err != nil || o.Steps != 20 || o.Epochs != unset {
		t.Errorf("another length: %v, %+v", err, o)
	}
}
