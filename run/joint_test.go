package run

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"clipgo/internal/fault"
)

// divide has three processes do work that process 0 asks for, while process 1 waits for a batch and process 2 has ended its steps. It
// returns what process 0 has learned, and the errors of all processes.
func divide(t *testing.T, user func(v *voices), work func(ctx context.Context, v *voices, request []byte) ([]byte, error)) (
	answers [][]byte, failed error, ends []error) {
	t.Helper()
	began := make(chan struct{})
	ends = each(t.Context(), 3, func(v *voices, _ *hall) error {
		user(v)
		v.help = func(ctx context.Context, request []byte) ([]byte, error) { return work(ctx, v, request) }
		var err error
		switch v.group.Rank() {
		case 0:
			err = v.whileBusy(func(ctx context.Context) error {
				request := []byte("a request")
				answers, failed = v.divided(request, func(ctx context.Context) ([]byte, error) { return work(ctx, v, request) })
				close(began)
				if errors.Is(failed, context.Canceled) && ctx.Err() == nil {
					return errors.New("the context doesn't say that the work was ended")
				}
				return nil
			})
		case 1:
			err = v.whileBusy(func(context.Context) error { <-began; return nil })
		}
		if err != nil {
			return err
		}
		return (&hooks{session: &session{voices: v}}).part(nil)
	})
	return answers, failed, ends
}

// All processes do a share, wherever they are, and the rounds go on meanwhile and afterwards.
func TestWorkIsDivided(t *testing.T) {
	answers, failed, ends := divide(t, func(*voices) {}, func(_ context.Context, v *voices, request []byte) ([]byte, error) {
		return fmt.Appendf(nil, "%s to %d", request, v.group.Rank()), nil
	})
	if got := string(bytes.Join(answers, []byte(", "))); got != "a request to 0, a request to 1, a request to 2" || failed != nil {
		t.Errorf("%q, %v", got, failed)
	}
	if err := errors.Join(ends...); err != nil {
		t.Error(err)
	}
}

// An error in one process ends the work of the others, and the process that asked has it, with its kind. The run goes on.
func TestAnErrorEndsDividedWork(t *testing.T) {
	for bad := range 3 {
		_, failed, ends := divide(t, func(*voices) {}, func(ctx context.Context, v *voices, _ []byte) ([]byte, error) {
			if v.group.Rank() == bad {
				return nil, fault.Dataf("a.tar is broken")
			}
			<-ctx.Done() // it would be busy for ever
			return nil, ctx.Err()
		})
		if fault.Of(failed) != fault.Data || !strings.Contains(fmt.Sprint(failed), "a.tar is broken") ||
			strings.Contains(fmt.Sprint(failed), fmt.Sprintf("process %d has failed", bad)) != (bad != 0) {
			t.Errorf("process %d: %v", bad, failed)
		}
		if err := errors.Join(ends...); err != nil {
			t.Error(err)
		}
	}
}

// A mistake of the program costs the evaluation, not the process.
func TestAPanicEndsDividedWork(t *testing.T) {
	_, failed, ends := divide(t, func(*voices) {}, func(_ context.Context, v *voices, _ []byte) ([]byte, error) {
		if v.group.Rank() == 1 {
			panic("out of range")
		}
		return nil, nil
	})
	if failed == nil || !strings.Contains(failed.Error(), "process 1 has failed: a mistake in clipgo itself: out of range") {
		t.Error(failed)
	}
	if err := errors.Join(ends...); err != nil {
		t.Error(err)
	}
}

// A signal to one process ends the work in all, and is no error of an evaluation.
func TestASignalEndsDividedWork(t *testing.T) {
	for asked := range 3 {
		user, cancel := context.WithCancelCause(t.Context())
		_, failed, ends := divide(t, func(v *voices) {
			if v.group.Rank() == asked {
				v.user = user
			}
		}, func(ctx context.Context, v *voices, _ []byte) ([]byte, error) {
			if v.group.Rank() == asked {
				cancel(terminated{})
			}
			<-ctx.Done()
			return nil, ctx.Err()
		})
		if !errors.Is(failed, context.Canceled) {
			t.Errorf("process %d: %v", asked, failed)
		}
		for _, err := range ends {
			if stopped, ok := errors.AsType[*StoppedError](err); err != nil && (!ok || stopped.Rank != asked) {
				t.Error(err)
			}
		}
	}
}

// A process that is gone ends the work of the others.
func TestAGoneProcessEndsDividedWork(t *testing.T) {
	for rank, err := range each(t.Context(), 3, func(v *voices, h *hall) error {
		work := func(ctx context.Context) ([]byte, error) {
			if v.group.Rank() == 2 {
				close(h.gone)
			}
			<-ctx.Done()
			return nil, ctx.Err()
		}
		v.help = func(ctx context.Context, _ []byte) ([]byte, error) { return work(ctx) }
		if !v.leads() {
			_, err := v.meet(going)
			return err
		}
		return v.whileBusy(func(ctx context.Context) error {
			_, err := v.divided([]byte("a request"), work)
			if ctx.Err() == nil {
				return errors.New("the context goes on")
			}
			return err
		})
	}) {
		if !errors.Is(err, errGone) {
			t.Errorf("process %d: %v", rank, err)
		}
	}
}
