// Command clipgo trains CLIP models, classifies pictures with them, and searches pictures by words.
package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"clipgo/internal/cli"
	"clipgo/internal/visible"
	"clipgo/run"
)

func main() {
	ctx, stop := interruptible(context.Background())
	defer stop()
	os.Exit(dispatch(ctx, os.Args[1:], streams{out: os.Stdout, err: os.Stderr}))
}

// dispatch executes one command line and returns the exit code of the contract.
func dispatch(ctx context.Context, args []string, s streams) int {
	out := &outcome{to: s.out}
	err := execute(ctx, args, streams{out: out, err: s.err})
	if err == nil && out.err != nil {
		err = fmt.Errorf("write the result: %w", out.err)
	}
	code := exitCode(ctx, err)
	switch {
	case err == nil:
	case code >= 128:
		fmt.Fprintln(s.err, "clipgo:", visible.Text(stopNote(ctx, err)))
	default:
		fmt.Fprintln(s.err, "clipgo:", visible.Text(cli.Message(err, oneLine(err), newRoot(s), args)))
	}
	return code
}

// stopNote is the line of an interrupted command: what was saved if the error says so, else the signal.
func stopNote(ctx context.Context, err error) string {
	if isAny[*run.InterruptedError](err) || context.Cause(ctx) == nil {
		return oneLine(err)
	}
	return context.Cause(ctx).Error()
}

// execute turns a mistake of the program, too, into one line.
func execute(ctx context.Context, args []string, s streams) (err error) {
	defer func() {
		if r := recover(); r != nil && os.Getenv("CLIPGO_STACK") == "" {
			first, _, _ := strings.Cut(fmt.Sprint(r), "\n")
			err = fmt.Errorf("a mistake in clipgo itself: %s (CLIPGO_STACK=1 shows where)", first)
		} else if r != nil {
			panic(r)
		}
	}()
	root := newRoot(s)
	root.SetArgs(args)
	return root.ExecuteContext(ctx)
}

// outcome remembers the first failure to write the result.
type outcome struct {
	to  io.Writer
	err error
}

func (o *outcome) Write(p []byte) (int, error) {
	n, err := o.to.Write(p)
	if err != nil && o.err == nil {
		o.err = err
	}
	return n, err
}

// interruptible ends the context at the first SIGINT or SIGTERM, so that work can be saved, and the process at the
// second. A terminal that goes away (SIGHUP) is a SIGTERM, unless the process was started to outlive it, as by nohup.
func interruptible(parent context.Context) (context.Context, func()) {
	ctx, cancel := context.WithCancelCause(parent)
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, syscall.SIGINT, syscall.SIGTERM)
	if !signal.Ignored(syscall.SIGHUP) {
		signal.Notify(signals, syscall.SIGHUP)
	}
	go func() {
		first, ok := (<-signals).(syscall.Signal)
		if !ok {
			return
		}
		cancel(&interrupt{ending(first)})
		if second, ok := (<-signals).(syscall.Signal); ok {
			os.Exit(128 + int(ending(second)))
		}
	}()
	return ctx, func() {
		signal.Stop(signals)
		cancel(nil)
	}
}

// ending is the signal whose exit code tells that a process was stopped.
func ending(s syscall.Signal) syscall.Signal {
	if s == syscall.SIGHUP {
		return syscall.SIGTERM
	}
	return s
}
