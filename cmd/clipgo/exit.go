package main

import (
	"context"
	"errors"
	"strings"
	"syscall"

	"clipgo/internal/fault"
	"clipgo/model"
	"clipgo/search"
)

// The exit codes that scripts may rely on.
const (
	exitFailed = 1
	exitUsage  = 2
	exitData   = 3
	exitModel  = 4
	exitInUse  = 75
)

// usagef is an error about the command line or a config, with the flag in its words.
func usagef(format string, args ...any) error { return fault.Usagef(format, args...) }

// exitCode maps an error to the contract.
func exitCode(ctx context.Context, err error) int {
	var stopped *interrupt
	switch {
	case err == nil:
		return 0
	case errors.Is(err, context.Canceled) && errors.As(context.Cause(ctx), &stopped):
		return 128 + int(stopped.signal)
	case signalElsewhere(err) != 0:
		return 128 + int(signalElsewhere(err))
	}
	codes := map[fault.Kind]int{fault.Usage: exitUsage, fault.Data: exitData, fault.Model: exitModel, fault.InUse: exitInUse,
		fault.Failed: exitFailed}
	return codes[fault.Of(err)]
}

// signalElsewhere is the signal to another process of a training that has ended this one, too; 0: none.
func signalElsewhere(err error) syscall.Signal {
	var stopped interface{ Signaled() syscall.Signal }
	if !errors.As(err, &stopped) {
		return 0
	}
	return stopped.Signaled()
}

func isAny[T error](err error) bool {
	var target T
	return errors.As(err, &target)
}

// oneLine makes an error one readable line; joined errors become a list. A setting that a library names by its key is shown
// as the flag that the user knows; one with a dot in it is set by --set alone.
func oneLine(err error) string {
	text := err.Error()
	if f, ok := errors.AsType[*fault.Error](err); ok && f.Key != "" && !strings.Contains(f.Key, ".") {
		flag := "--" + strings.ReplaceAll(f.Key, "_", "-") + ": " + f.Reason
		text = strings.Replace(text, f.Error(), flag, 1)
	}
	if unknown, ok := errors.AsType[*model.UnknownModelError](err); ok && unknown.Nearest == "" {
		text += "; clipgo info --list shows the known configs"
	}
	if damaged, ok := errors.AsType[*search.CorruptError](err); ok {
		text += indexAdvice(damaged)
	}
	return strings.Join(strings.FieldsFunc(text, func(r rune) bool { return r == '\n' }), "; ")
}

// indexAdvice says what helps a damaged index.
func indexAdvice(e *search.CorruptError) string {
	switch dir, part := e.Index(); {
	case dir == "":
		return ""
	case part:
		return "; clipgo embed --repair --model M SRC... --index " + dir + " embeds what is damaged again"
	default:
		return "; move the directory away, and embed makes a new one"
	}
}

// interrupt is the cause of a context that a signal ended.
type interrupt struct{ signal syscall.Signal }

// Signaled is the signal.
func (i *interrupt) Signaled() syscall.Signal { return i.signal }

func (i *interrupt) Error() string {
	if i.signal == syscall.SIGINT {
		return "interrupted"
	}
	return "stopped by a signal: " + i.signal.String()
}
