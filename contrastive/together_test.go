package contrastive

import (
	"errors"
	"slices"
	"testing"

	"clipgo/internal/torch"
	"clipgo/losses"
	"clipgo/model/modeltest"
	"clipgo/training/dist"
)

// listener is the first of two processes. It notes the exchanges, and the other one has the same numbers.
type listener struct {
	dist.Group
	calls []string
	ill   bool // an exchange of numbers said that this process has failed
}

func (*listener) World() int { return 2 }
func (*listener) Rank() int  { return 0 }

func (l *listener) Agree(numbers ...float64) ([][]float64, error) {
	l.calls, l.ill = append(l.calls, "agree"), l.ill || numbers[0] != 0
	return [][]float64{numbers, make([]float64, len(numbers))}, nil
}

func (l *listener) Gather(*torch.Scope, *torch.Tensor) (*torch.Tensor, error) {
	l.calls = append(l.calls, "gather")
	return nil, errors.New("the test ends here")
}

// A process that can't prepare its features tells the others in place of the exchange at which they would wait for it.
func TestAFailureBeforeAnExchangeIsTold(t *testing.T) {
	m := modeltest.NewTiny(t, modeltest.Unchanged)
	b := modeltest.Pairs(m.Config, 2, 0)
	at := Others{counts: []int{2, 2}, all: 4}
	for _, c := range []struct {
		name  string
		width int // of the second row
		want  []string
		fails bool
	}{{"fine", 3, []string{"agree", "gather"}, false}, {"broken", 4, []string{"agree"}, true}} {
		l := &listener{Group: dist.Alone}
		o := &Objective{Model: m, Loss: InfoNCE{losses.Smoothing{Form: losses.Others}}, Group: l}
		err := torch.DoGrad(t.Context(), func(s *torch.Scope) error {
			rows := []*torch.Tensor{torch.Zeros(s, torch.Float32, torch.CPU, 1, 3), torch.Zeros(s, torch.Float32, torch.CPU, 1, c.width)}
			_, err := o.LossTogether(s, rows, rows, b, at, 1)
			return err
		})
		agreed := errors.As(err, new(*dist.Failure))
		if err == nil || !slices.Equal(l.calls, c.want) || agreed != c.fails || l.ill != c.fails {
			t.Errorf("%s: %v after %v, failed: %t", c.name, err, l.calls, l.ill)
		}
	}
}
