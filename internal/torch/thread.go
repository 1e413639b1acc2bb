package torch

import (
	"context"
	"fmt"
	"runtime"
	"sync"

	"github.com/sugarme/gotch/libtch"
	"golang.org/x/sys/unix"
)

// libtorch keeps its last error and its gradient mode for each OS thread, and each calling thread gets an OpenMP team
// of its own. So one goroutine, locked to one thread, makes every call of the process, but for what it hands to lanes
// while it waits for them.
type thread struct {
	id    int // the OS thread's
	jobs  chan func()
	lanes []*lane
}

var worker = sync.OnceValue(start)

// start begins a goroutine that is locked to its thread and does what it is handed.
func start() *thread {
	t := &thread{jobs: make(chan func())}
	ready := make(chan struct{})
	go func() {
		runtime.LockOSThread()
		t.id = unix.Gettid()
		close(ready)
		for job := range t.jobs {
			job()
		}
	}()
	<-ready
	return t
}

// Do runs f on libtorch's thread without recording gradients, and frees what f created. It returns f's error, or the
// *Error that an operation inside f panicked with. Waiting for the thread obeys ctx; once begun, f runs to its end. A
// Do inside a Do panics.
func Do(ctx context.Context, f func(s *Scope) error) error { return do(ctx, false, &Scope{}, f) }

// DoRows is Do for inference whose results must not depend on the batch: on CPUs, in float32 and bfloat16, each row of what a
// model's layers compute has the same bits whatever rows are beside it, at any place among them, on any number of threads, but
// where RowsExact says otherwise. A row is a vector along the last dimension; of attention, a sequence. ops_rows.go has the operations.
func DoRows(ctx context.Context, f func(s *Scope) error) error {
	return do(ctx, false, &Scope{rows: true}, f)
}

// DoGrad is Do with gradients recorded, for a training step.
func DoGrad(ctx context.Context, f func(s *Scope) error) error { return do(ctx, true, &Scope{}, f) }

func do(ctx context.Context, grad bool, s *Scope, f func(s *Scope) error) (err error) {
	if err := Load(); err != nil {
		return err
	}
	t := worker()
	if unix.Gettid() == t.id {
		panic("torch: Do inside Do")
	}
	done := make(chan struct{})
	var crash any
	job := func() {
		defer close(done)
		defer func() { crash, err = recovered(err, recover()) }()
		record(grad)
		defer s.Free()
		err = f(s)
	}
	select {
	case t.jobs <- job:
	case <-ctx.Done():
		return ctx.Err()
	}
	<-done
	if crash != nil {
		panic(crash)
	}
	return err
}

// record says whether this thread's operations are recorded for a backward pass, and returns what held before. The
// binding reads a C int as eight bytes: the upper four are whatever lies beside it.
func record(on bool) (before bool) { return int32(libtch.AtGradSetEnabled(flag(on))) != 0 }

func flag(on bool) int {
	if on {
		return 1
	}
	return 0
}

// recovered turns an operation's panic into an error and hands any other panic on.
func recovered(err error, r any) (crash any, _ error) {
	switch r := caught(r).(type) {
	case nil:
		return nil, err
	case *Error:
		return nil, r
	default:
		return r, nil
	}
}

// caught is what a goroutine recovered, to be raised in another: a mistake in the program with its stack.
func caught(r any) any {
	if _, ok := r.(*Error); ok || r == nil {
		return r
	}
	stack := make([]byte, 16<<10)
	return fmt.Sprintf("%v\n\n%s", r, stack[:runtime.Stack(stack, false)])
}

// onThread runs f on libtorch's thread, also when it is already there.
func onThread(f func()) error {
	t := worker() // first: the thread asking now may become the worker's
	if unix.Gettid() == t.id {
		f()
		return nil
	}
	return Do(context.Background(), func(*Scope) error {
		f()
		return nil
	})
}
