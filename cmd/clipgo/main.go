// Command clipgo trains CLIP models, classifies pictures with them, and searches pictures by words.
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"syscall"
)

// version is set by the linker.
var version = "unknown"

func main() {
	ctx, stop := interruptible(context.Background())
	defer stop()
	os.Exit(run(ctx, os.Args[1:], streams{out: os.Stdout, err: os.Stderr}))
}

// run executes one command line and returns the exit code of the contract.
func run(ctx context.Context, args []string, s streams) int {
	root := newRoot(s)
	root.SetArgs(args)
	err := root.ExecuteContext(ctx)
	if err != nil && !isQuiet(err) {
		fmt.Fprintln(s.err, "clipgo:", oneLine(err))
	}
	return exitCode(ctx, err)
}

// interrupt is the cause of a context that a signal ended.
type interrupt struct{ signal syscall.Signal }

func (i *interrupt) Error() string { return "interrupted by " + i.signal.String() }

// interruptible ends the context at the first SIGINT or SIGTERM, so that work can be saved, and the process at the
// second.
func interruptible(parent context.Context) (context.Context, func()) {
	ctx, cancel := context.WithCancelCause(parent)
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, syscall.SIGINT, syscall.SIGTERM)
	go func() {
		first, ok := (<-signals).(syscall.Signal)
		if !ok {
			return
		}
		cancel(&interrupt{first})
		if second, ok := (<-signals).(syscall.Signal); ok {
			os.Exit(128 + int(second))
		}
	}()
	return ctx, func() {
		signal.Stop(signals)
		cancel(nil)
	}
}
