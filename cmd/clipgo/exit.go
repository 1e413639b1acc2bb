package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"syscall"

	"clipgo/alignment"
	"clipgo/datasets"
	"clipgo/internal/config"
	"clipgo/internal/durable"
	"clipgo/model"
	"clipgo/search"
	"clipgo/training"
	"clipgo/weights"
)

// The exit codes that scripts may rely on.
const (
	exitFailed = 1
	exitUsage  = 2
	exitData   = 3
	exitModel  = 4
	exitInUse  = 75
)

// usageError is a command line or a config that can't be meant.
type usageError struct{ reason string }

func (e *usageError) Error() string { return e.reason }

func usagef(format string, args ...any) error { return &usageError{fmt.Sprintf(format, args...)} }

// modelError is a model that is refused.
type modelError struct{ path, reason string }

func (e *modelError) Error() string { return e.path + ": " + e.reason }

// exitCode maps an error to the contract.
func exitCode(ctx context.Context, err error) int {
	var stopped *interrupt
	switch {
	case err == nil:
		return 0
	case errors.Is(err, context.Canceled) && errors.As(context.Cause(ctx), &stopped):
		return 128 + int(stopped.signal)
	case errors.Is(err, durable.ErrLocked):
		return exitInUse
	case isAny[*model.WeightsError](err), isAny[*weights.Error](err), isAny[*model.UnsupportedError](err), isAny[*modelError](err),
		isAny[*search.CorruptError](err), isAny[*search.MismatchError](err), isAny[*training.CorruptError](err):
		return exitModel
	case isAny[*datasets.DataError](err), errors.Is(err, alignment.ErrNothingToLearn):
		return exitData
	case isAny[*usageError](err), isAny[*datasets.UsageError](err), isAny[*model.UnknownModelError](err), config.IsUsage(err),
		errors.Is(err, search.ErrNoDirection), errors.Is(err, fs.ErrNotExist), errors.Is(err, syscall.ENOTDIR):
		return exitUsage
	default:
		return exitFailed
	}
}

func isAny[T error](err error) bool {
	var target T
	return errors.As(err, &target)
}

// oneLine makes an error one readable line; joined errors become a list.
func oneLine(err error) string {
	return strings.Join(strings.FieldsFunc(err.Error(), func(r rune) bool { return r == '\n' }), "; ")
}
