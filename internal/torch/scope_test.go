package torch_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"clipgo/internal/torch"
	"clipgo/internal/torch/torchtest"
)

func TestScopesFreeWhatTheyOwn(t *testing.T) {
	torchtest.Run(t, func(s *torch.Scope) {
		x := torch.From(s, []float32{1, 2, 3, 4}, 2, 2)
		base := torch.Live()
		y := torch.Tidy(x, func(x *torch.Tensor) *torch.Tensor { return x.Add(x).Mul(x).Exp() })
		if got := torch.Live() - base; got != 1 {
			t.Errorf("Tidy left %d handles, want its result alone", got)
		}
		if got := y.Scope(); got != x.Scope() {
			t.Error("the result of Tidy belongs to another scope than its operand")
		}
	})
}

func TestFailuresAreErrorsWithOperationAndShapes(t *testing.T) {
	torchtest.Need(t)
	before := torch.Live()
	err := torch.Do(context.Background(), func(s *torch.Scope) error {
		a := torch.From(s, make([]float32, 6), 2, 3)
		a.Matmul(a)
		return nil
	})
	var e *torch.Error
	if !errors.As(err, &e) || e.Op != "Matmul" || len(e.Shapes) != 2 {
		t.Fatalf("got %v, want a *torch.Error of Matmul with two shapes", err)
	}
	if torch.Live() != before {
		t.Error("a failed Do left handles behind")
	}
}

func TestParametersAloneMakeNothing(t *testing.T) {
	torchtest.Run(t, func(s *torch.Scope) {
		params := torch.NewScope()
		defer params.Free()
		w := torch.From(params, []float32{1, 2}, 2)
		params.Seal()
		mustPanic(t, "bind one with In", func() { w.Exp() })
		if got := w.In(s).Exp().Scope(); got != s {
			t.Error("a bound parameter's result is not in the scope it was bound to")
		}
		if got := torch.From(s, []float32{1, 1}, 2).Add(w).Scope(); got != s {
			t.Error("the result of an operation with a parameter is not in the other operand's scope")
		}
	})
}

func TestFreedTensorsPanicWithTheOperation(t *testing.T) {
	torchtest.Need(t)
	var kept *torch.Tensor
	err := torch.Do(t.Context(), func(s *torch.Scope) error {
		kept = torch.From(s, []float32{1}, 1)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	torchtest.Run(t, func(*torch.Scope) { mustPanic(t, "Exp: the tensor has been freed", func() { kept.Exp() }) })
}

func TestNestedDoPanics(t *testing.T) {
	torchtest.Run(t, func(*torch.Scope) {
		mustPanic(t, "Do inside Do", func() {
			_ = torch.Do(context.Background(), func(*torch.Scope) error { return nil })
		})
	})
}

func TestWaitingObeysTheContext(t *testing.T) {
	torchtest.Need(t)
	inside, leave := make(chan struct{}), make(chan struct{})
	go func() {
		_ = torch.Do(context.Background(), func(*torch.Scope) error {
			close(inside)
			<-leave
			return nil
		})
	}()
	<-inside
	defer close(leave)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := torch.Do(ctx, func(*torch.Scope) error { return nil }); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want the context's error", err)
	}
}

func TestGradientsAreRecordedOnlyInDoGrad(t *testing.T) {
	torchtest.Need(t)
	gradient := func(do func(context.Context, func(*torch.Scope) error) error) (got bool) {
		_ = do(t.Context(), func(s *torch.Scope) error {
			w := torch.From(s, []float32{3}, 1).Trainable()
			y := w.Mul(w).Sum()
			y.Backward()
			got = w.Gradient(s) != nil
			return nil
		})
		return got
	}
	if !gradient(torch.DoGrad) {
		t.Error("no gradient in DoGrad")
	}
	if gradient(torch.Do) {
		t.Error("a gradient in Do")
	}
}

func mustPanic(t *testing.T, want string, f func()) {
	t.Helper()
	defer func() {
		t.Helper()
		text, _ := recover().(string)
		if !strings.Contains(text, want) {
			t.Errorf("panicked with %q, want %q", text, want)
		}
	}()
	f()
}
