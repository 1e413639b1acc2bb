package main

import (
	"fmt"
	"os"
	"runtime"

	"github.com/spf13/cobra"

	"clipgo/internal/cli"
	"clipgo/model"
)

func newRoot(s streams) *cobra.Command {
	a := &app{streams: s, output: output{logFormat: "text"}}
	root := &cobra.Command{
		Use:   "clipgo",
		Short: "Train CLIP models, classify images without labels, search images by text",
		Long: `clipgo trains CLIP models, classifies images into categories the model was never trained on (zero-shot), and
searches folders of pictures by text or by example.`,
		Example: `  clipgo embed --model hf-hub:laion/CLIP-ViT-B-32-laion2B-s34B-b79K ~/Pictures --index pictures.index
  clipgo search --index pictures.index "a dog on the beach"
  clipgo zeroshot --model hf-hub:laion/CLIP-ViT-B-32-laion2B-s34B-b79K photo.jpg --classes "a cat,a dog,a house"
  clipgo train --train-data builtin:shapes --out runs/shapes`,
		Version:       fmt.Sprintf("%s (%s)", version, runtime.Version()),
		SilenceErrors: true,
		SilenceUsage:  true,
		PersistentPreRunE: func(c *cobra.Command, _ []string) (err error) {
			if a.console, err = newConsole(a.streams, a.output); err != nil {
				return err
			}
			return inOneProcess(c, os.Getenv)
		},
	}
	root.SetVersionTemplate("clipgo {{.Version}}\n")
	root.SetOut(s.out)
	root.SetErr(s.err)
	flags := root.PersistentFlags()
	flags.BoolVar(&a.output.json, "json", false, "print one JSON object (or one a line) on stdout and nothing else there")
	flags.BoolVar(&a.output.quiet, "quiet", false, "print results, warnings and errors only")
	flags.StringVar(&a.output.logFormat, "log-format", "text", "`text` or json, for what goes to stderr")
	root.AddCommand(newTrain(a), newZeroshot(a), newEval(a), newEmbed(a), newSearch(a), newServe(a), newIndex(a), newCaption(a),
		newDedup(a), newOutliers(a), newCluster(a), newMap(a), newCurate(a), newAlign(a), newCheck(a), newConvert(a), newMerge(a),
		newInfo(a), newPack(a), newBench(a), newDoctor(a), newMan(a), newVersion(a))
	cli.Prepare(root, model.Configs)
	return root
}

func newAlign(a *app) *cobra.Command {
	c := &cobra.Command{
		Use:   "align",
		Short: "Train reward models and fine-tune captioners with preferences",
		Example: `  clipgo align preference --model runs/shapes --train-data builtin:shapes-preferences --out runs/reward
  clipgo align ppo --model runs/captioner --reward preference --reward-model runs/reward --train-data builtin:shapes \
    --out runs/ppo`,
	}
	c.AddCommand(newAlignPreference(a), newAlignPPO(a))
	return c
}

func newEval(a *app) *cobra.Command {
	c := &cobra.Command{
		Use:   "eval",
		Short: "Measure a model",
		Example: `  clipgo eval retrieval --model runs/shapes "builtin:shapes?split=val"
  clipgo eval benchmark --models runs/a,runs/b --data wds_cifar10,wds_flickr8k --out results`,
	}
	c.AddCommand(newEvalRetrieval(a), newEvalAnatomy(a), newEvalAgreement(a), newEvalCaption(a), newEvalBenchmark(a), newEvalCompare(a))
	c.AddCommand(append(newEvalTasks(a), newEvalRobustness(a))...)
	return c
}
