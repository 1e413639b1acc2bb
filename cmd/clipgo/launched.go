package main

import (
	"strings"

	"github.com/spf13/cobra"

	"clipgo/run"
)

// What a command does in several processes that a launcher has started. A command that isn't listed runs in one process.
var inProcesses = map[string]string{
	"train": divides, "embed": divides, "zeroshot": divides, "eval retrieval": divides, "eval zeroshot": divides,
	"eval multilabel": divides, "eval linear-probe": divides, "eval knn": divides, "eval choice": divides, "eval caption": divides,
	"eval anatomy": divides, "eval benchmark": divides, "eval calibration": divides, "eval robustness": divides,
	"help": speaks, "version": speaks, "doctor": speaks, "man": speaks, "completion": speaks, "__complete": speaks,
	"__completeNoDesc": speaks,
}

const (
	divides = "divides its work"
	speaks  = "speaks of the installation alone" // in each process
)

// inOneProcess refuses a command that would do its whole work in each of the processes that a launcher has started: they would print and
// write the same at once.
func inOneProcess(c *cobra.Command, get func(string) string) error {
	name := nameOf(c)
	for path := name; path != ""; path = path[:max(0, strings.LastIndex(path, " "))] { // completion bash
		if inProcesses[path] != "" {
			return nil
		}
	}
	world, variable := run.Started(get)
	if world == 1 || c.HasSubCommands() { // which prints its help
		return nil
	}
	return usagef("%s runs in one process, and the launcher started %d (%s says so): start it without the launcher, or unset %s where "+
		"each process has work of its own", name, world, variable, variable)
}

// nameOf is the name of a command without that of the program.
func nameOf(c *cobra.Command) string {
	_, name, _ := strings.Cut(c.CommandPath(), " ")
	return name
}
