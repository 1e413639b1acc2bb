package main

import (
	"context"
	"errors"
	"os"

	"github.com/spf13/cobra"

	"clipgo/benchmark"
	"clipgo/internal/cli"
	"clipgo/internal/config"
	"clipgo/internal/share"
	"clipgo/pretrained"
)

type benchmarkOptions struct {
	pretrained.Settings
	Models  string `json:"models" flag:"models" arg:"A,B|file" help:"models, or a .txt file with one a line; MODEL@TAG adds --pretrained TAG"`
	Sets    string `json:"sets" flag:"data" arg:"A,B|file" help:"data sets, or a .txt file with one a line; NAME=PLACE gives a name"`
	Tasks   string `json:"tasks" flag:"tasks" arg:"a,b" help:"names of tasks, see above (default auto)"`
	Out     string `json:"out" flag:"out" arg:"dir" help:"folder of the results"`
	Split   string `json:"split" flag:"split" arg:"name" help:"split to measure (default test)"`
	Names   string `json:"custom_classname_file" flag:"custom-classname-file" arg:"file" help:"class names: a list, or JSON with a list for each data set"`
	Prompts string `json:"custom_template_file" flag:"custom-template-file" arg:"file" help:"templates: a list, or JSON by data set, or prompts by class (CuPL)"`
	DumpN   bool   `json:"dump_classnames" flag:"dump-classnames" help:"write the class names into the results"`
	DumpT   bool   `json:"dump_templates" flag:"dump-templates" help:"write the templates into the results"`
	SaveClf string `json:"save_clf" flag:"save-clf" arg:"file" help:"write the zero-shot classifier [dim, classes] as .npy"`
	LoadClf string `json:"load_clfs" flag:"load-clfs" arg:"A,B" help:"use the mean of such classifiers in place of names and templates"`
	Lang    string `json:"language" flag:"language" arg:"code" help:"the results' key language, nothing else (default en)"`
	Part    string `json:"part" flag:"part" arg:"i/n" help:"compute the i-th of n shares of the models and data sets; auto: what the launcher's variables say"`
	Recalls []int  `json:"recall_k" flag:"recall-k" arg:"K,K" help:"the K of recall at K (default 1,5,10)"`
	probeOptions
}

func benchmarkDefaults() benchmarkOptions {
	return benchmarkOptions{Settings: pretrained.DefaultSettings(), Tasks: "auto", Recalls: []int{1, 5, 10},
		probeOptions: defaultProbeOptions()}
}

func newEvalBenchmark(a *app) *cobra.Command {
	o := benchmarkDefaults()
	c := &cobra.Command{
		Use:   "benchmark --models A,B --data A,B --out DIR",
		Short: "Many models on many data sets, with CLIP_benchmark's files and a page",
		Long: `benchmark measures each model on each data set and writes into DIR what CLIP_benchmark writes: a JSON file for each
result and benchmark.csv. index.html is a page to sort, filter and compare them, with 95 % intervals of differences.

What is in DIR already, for the same model, data and settings, is not computed again. The same command continues a
benchmark that was interrupted. A model or data set that can't be read costs its own results only. Processes that a
launcher starts (torchrun, srun, mpirun) divide the pictures.

A data set is a folder in CLIP_benchmark's layout (test, train and val with shards, classnames.txt) here, on a web server
or on the hub (hf-hub:datasets/clip-benchmark/wds_cifar10), or whatever zeroshot and eval retrieval take. Without --tasks,
sets with classes are classified, with several classes a picture too, sets with captions retrieved, and captions chosen
for SugarCrepe, Winoground and ARO.

Tasks are ` + benchmark.TaskNames() + ".",
		Example: `  clipgo eval benchmark --models runs/a,runs/b --data wds_cifar10,wds_flickr8k --out results
  clipgo eval benchmark --models models.txt --data sets.txt --tasks zeroshot_classification,linear_probe --out results`,
		Args: cobra.NoArgs,
	}
	b := cli.Bind(c, &o, "model", "pretrained")
	c.RunE = b.Runs(func(ctx context.Context, said config.Layer, _ []string) error {
		s, err := o.suite(a, said)
		if err != nil {
			return err
		}
		if o.Part != "" { // each process does cells of its own
			return o.run(ctx, a, s)
		}
		s.Ready = func(name string, m *pretrained.Embedder) error { return divide(a, name, m) }
		helped := *s
		helped.Ready = nil
		return evaluations(ctx, a, command{c, nil, o, &o.Settings}, benchmark.NewHelper(&helped, nil), func(ctx context.Context) error {
			return o.run(ctx, a, s)
		})
	})
	return c
}

// run measures what is missing and prints all.
func (o *benchmarkOptions) run(ctx context.Context, a *app, s *benchmark.Suite) error {
	failed := runSuite(ctx, a.console, s)
	if ctx.Err() != nil {
		a.console.say("the complete results are kept; the same command goes on from there")
		return failed
	}
	results, err := benchmark.WriteTable(o.Out)
	if err != nil {
		return err
	}
	return errors.Join(showBenchmark(a.console, results), failed)
}

// runSuite computes what is missing, and says what it does.
func runSuite(ctx context.Context, c *console, s *benchmark.Suite) error {
	bar := c.laterProgress("embed")
	defer bar.done()
	s.Progress = func(_ benchmark.Cell, _ string, done, all int64) { bar.set(done, all) }
	s.Report = func(e benchmark.Event) {
		bar.done()
		c.say("%s", e.Line())
		for _, note := range e.Notes {
			c.log.Info(note, "data", e.Data)
		}
	}
	return s.Run(ctx)
}

// showBenchmark prints a line for each result and failure; for people, one for each average too.
func showBenchmark(c *console, o *benchmark.Outcome) error {
	if !c.json {
		return c.show(nil, o.Lines)
	}
	var errs []error
	for _, e := range o.Entries {
		errs = append(errs, c.result(e))
	}
	for _, f := range o.Failures {
		errs = append(errs, c.result(f))
	}
	return errors.Join(errs...)
}

// suite is what the options ask for.
func (o *benchmarkOptions) suite(a *app, said config.Layer) (*benchmark.Suite, error) {
	for flag, value := range map[string]string{"--models": o.Models, "--data": o.Sets, "--out": o.Out} {
		if value == "" {
			return nil, usagef("%s is missing", flag)
		}
	}
	useConsole(a, &o.Settings, said)
	s := &benchmark.Suite{Out: o.Out, Settings: o.Settings, Recalls: o.Recalls, Split: o.Split}
	s.Prompts = benchmark.Prompting{
		NamesFile: o.Names, TemplatesFile: o.Prompts, DumpNames: o.DumpN, DumpTemplates: o.DumpT, Language: o.Lang,
		SaveClassifier: o.SaveClf,
	}
	if o.LoadClf != "" {
		var err error
		if s.Prompts.LoadClassifiers, err = benchmark.Expand(o.LoadClf); err != nil {
			return nil, err
		}
	}
	if err := o.probeOptions.set(s, o.Seed, said); err != nil {
		return nil, err
	}
	var err error
	if s.Share, err = share.Parse(o.Part, os.LookupEnv); err != nil {
		return nil, err
	}
	return s, s.Parse(o.Models, o.Sets, o.Tasks)
}
