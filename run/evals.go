package run

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"clipgo/benchmark"
	"clipgo/datasets"
)

// evaluationOptions say what is measured during a training beside val_data, and what follows from it.
type evaluationOptions struct {
	Eval     []string `json:"eval,omitempty" flag:"eval" arg:"TASK=SRC" repeat:"true" help:"evaluate a task of eval benchmark on a data set, too: TASK[@500|@1epoch]=[NAME=]SRC (repeated)"`
	KeepBest string   `json:"keep_best,omitempty" flag:"keep-best" arg:"NAME" help:"keep the checkpoint with the best value of this name, such as val/acc1; NAME:min for the lowest"`
	Patience patience `json:"patience,omitzero" flag:"patience" arg:"N[:NAME]" help:"stop after N evaluations without a better value (default NAME: that of --keep-best)"`
	MinDelta float64  `json:"min_delta,omitempty" min:"0" flag:"min-delta" arg:"x" help:"smallest difference that counts as better for --patience (default 0)"`

	evals []asked // what Eval says
}

// The tasks that are evaluated by parts of the model that only some objectives have.
const (
	perplexityTask  = "perplexity"
	maskedWordsTask = "masked-words"
)

// asked is an evaluation that the user asks for.
type asked struct {
	task  string // as benchmark names it, or one of the tasks above
	every frequency
	data  string // what benchmark.Open takes
	meter *benchmark.Meter
}

// parseEval reads TASK[@N]=SRC. The frequency is in front of the first =, where no part of a path or an address can be.
func parseEval(text string) (a asked, err error) {
	head, data, ok := strings.Cut(text, "=")
	task, every, timed := strings.Cut(head, "@")
	if a = (asked{task: task, data: data, every: frequency{steps: Unset}}); !ok || data == "" {
		return a, fmt.Errorf("eval: %q is not TASK=SRC, such as zeroshot=photos or retrieval@500=val.csv", datasets.Public(text))
	}
	if name, ok := benchmark.Task(task); ok {
		a.task = name
	} else if name := strings.ReplaceAll(task, "_", "-"); name == perplexityTask || name == maskedWordsTask {
		a.task = name
	} else {
		return a, fmt.Errorf("eval: there is no task %q; tasks are %s, %s, %s", task, benchmark.TaskNames(), perplexityTask,
			maskedWordsTask)
	}
	if !timed {
		return a, nil
	}
	if json.Unmarshal([]byte(every), &a.every) != nil {
		quoted, _ := json.Marshal(every) // a string doesn't fail
		err = json.Unmarshal(quoted, &a.every)
	}
	if err != nil || a.every == (frequency{steps: Unset}) {
		return a, fmt.Errorf("eval: %s@%s: %w", task, every, errFrequency)
	}
	return a, nil
}

// validateEvaluations parses the evaluations, and returns every problem, joined.
func (o *Options) validateEvaluations() error {
	var errs []error
	o.evals = nil
	for _, text := range o.Eval {
		a, err := parseEval(text)
		switch {
		case err != nil:
			errs = append(errs, err)
			continue
		case a.task == perplexityTask && !o.Align.rewards() && (o.Align.on() || o.Objective != cocaObjective):
			err = errors.New("eval: perplexity needs a captioner that is trained: objective coca, or PPO")
		case a.task == maskedWordsTask && o.MLMWeight == 0:
			err = errors.New("eval: masked-words needs their head: mlm_weight above 0")
		case slices.ContainsFunc(o.evals, func(b asked) bool { return b.task == a.task && b.data == a.data }):
			err = fmt.Errorf("eval: %s is given twice for %s", a.task, datasets.Public(a.data))
		}
		o.evals, errs = append(o.evals, a), append(errs, err)
	}
	return errors.Join(append(errs, o.validateGoals())...)
}

// settleEvals turns the frequencies into steps. What isn't set is val_frequency.
func (o *Options) settleEvals(epoch float64) {
	for i := range o.evals {
		o.evals[i].every.settle(epoch, o.ValFrequency.steps)
	}
}

// publicEvals are evaluations without the credentials of their data.
func publicEvals(evals []string) []string {
	out := slices.Clone(evals)
	for i, text := range out {
		head, data, _ := strings.Cut(text, "=")
		out[i] = head + "=" + benchmark.Public(data)
	}
	return out
}
