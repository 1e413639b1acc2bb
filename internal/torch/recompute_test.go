package torch_test

import (
	"bytes"
	"errors"
	"math/rand/v2"
	"strings"
	"testing"

	"clipgo/internal/torch"
	"clipgo/internal/torch/torchtest"
)

// stack makes two layers of two operands, of which the second is read by both, and returns the loss and all gradients.
func stack(t *testing.T, layer func(f func(in ...*torch.Tensor) *torch.Tensor, in ...*torch.Tensor) *torch.Tensor,
	constant bool) (bits []byte, calls int) {
	torchtest.RunGrad(t, func(s *torch.Scope) {
		rng := rand.New(rand.NewPCG(11, 12))
		matrix := func() *torch.Tensor { return torch.From(s, normals(rng, 36), 6, 6) }
		x, y := matrix(), matrix().Trainable()
		leaves := []*torch.Tensor{y}
		if !constant {
			leaves = append(leaves, x.Trainable())
		}
		for range 2 {
			w := matrix().Trainable()
			leaves = append(leaves, w)
			x = layer(func(in ...*torch.Tensor) *torch.Tensor {
				calls++
				return in[0].Add(in[0].Linear(w, nil).GELU().Mul(in[1].Exp()))
			}, x, y)
		}
		loss := x.Mul(x).Mean()
		loss.Backward()
		bits = loss.Bytes()
		for _, leaf := range leaves {
			bits = append(bits, leaf.Gradient(s).Bytes()...)
		}
	})
	return bits, calls
}

func TestRecomputedGivesTheSameGradients(t *testing.T) {
	plain := func(f func(in ...*torch.Tensor) *torch.Tensor, in ...*torch.Tensor) *torch.Tensor { return f(in...) }
	for _, constant := range []bool{false, true} {
		want, _ := stack(t, plain, constant)
		got, calls := stack(t, torch.Recomputed, constant)
		if !bytes.Equal(got, want) {
			t.Errorf("constant operand %v: another loss or gradient", constant)
		}
		if calls != 4 {
			t.Errorf("two layers were computed %d times", calls)
		}
	}
}

func TestWhatIsNotRecordedIsNotComputedAgain(t *testing.T) {
	torchtest.Run(t, func(s *torch.Scope) {
		w := torch.From(s, []float32{2}, 1).Trainable()
		if torch.Recomputed(func(in ...*torch.Tensor) *torch.Tensor { return in[0].Mul(w) }, torch.From(s, []float32{3}, 1)).Recorded() {
			t.Error("recorded where gradients are off")
		}
	})
}

// An operation that libtorch refuses the second time fails the backward pass in one line; nothing stays behind.
func TestAFailureOnTheWayBackIsTheCallers(t *testing.T) {
	torchtest.Need(t)
	before := torch.Live()
	err := torch.DoGrad(t.Context(), func(s *torch.Scope) error {
		again := false
		torch.Recomputed(func(in ...*torch.Tensor) *torch.Tensor {
			if again {
				return in[0].Matmul(torch.From(in[0].Scope(), make([]float32, 3), 3, 1))
			}
			again = true
			return in[0].Exp()
		}, torch.From(s, make([]float32, 4), 2, 2).Trainable()).Sum().Backward()
		return nil
	})
	var refused *torch.Error
	if !errors.As(err, &refused) || !strings.Contains(err.Error(), "Matmul") {
		t.Errorf("got %v", err)
	}
	if torch.Live() != before {
		t.Errorf("%d handles stayed behind", torch.Live()-before)
	}
}
