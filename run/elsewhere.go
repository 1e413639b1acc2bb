package run

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"syscall"

	"clipgo/internal/fault"
)

// StoppedError ends a run that a signal to one of its processes stops before its first step.
type StoppedError struct {
	Rank   int
	Signal syscall.Signal // 0: no signal
}

func (e *StoppedError) Error() string {
	return fmt.Sprintf("process %d was asked to stop: %v", e.Rank, e.Signal)
}

// Signaled is the signal.
func (e *StoppedError) Signaled() syscall.Signal { return e.Signal }

// Unwrap is that of an interrupt.
func (e *StoppedError) Unwrap() error { return context.Canceled }

// ElsewhereError is the error of another process, of which this one ends, too.
type ElsewhereError struct {
	Rank   int
	Reason string
	Kind   fault.Kind
}

func (e *ElsewhereError) Error() string {
	return fmt.Sprintf("process %d has failed: %s", e.Rank, e.Reason)
}

// Fault is the kind of the other process's error.
func (e *ElsewhereError) Fault() fault.Kind { return e.Kind }

// toldError is an error on its way to another process.
type toldError struct {
	Reason string     `json:"reason"`
	Kind   fault.Kind `json:"kind"`
	Of     *int       `json:"of,omitempty"` // the process whose error it is; nil: the one that tells it
}

// tellError exchanges the errors of all processes. It returns that of the first process which has one.
func (v *voices) tellError(own error) (told *ElsewhereError, err error) {
	var message []byte
	if own != nil {
		tell := toldError{own.Error(), fault.Of(own), nil}
		if first, ok := errors.AsType[*ElsewhereError](own); ok { // of a share of work, that has ended the work here
			tell = toldError{first.Reason, first.Kind, &first.Rank}
		}
		if message, err = json.Marshal(tell); err != nil {
			return nil, err
		}
	}
	all, err := v.group.Tell(message)
	if err != nil {
		return nil, err
	}
	for rank, data := range all {
		if len(data) == 0 {
			continue
		}
		var t toldError
		if err := json.Unmarshal(data, &t); err != nil {
			return nil, err
		}
		if t.Of != nil {
			rank = *t.Of
		}
		return &ElsewhereError{Rank: rank, Reason: t.Reason, Kind: t.Kind}, nil
	}
	return nil, errors.New("another process has failed")
}
