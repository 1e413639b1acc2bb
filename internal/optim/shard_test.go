package optim

import (
	"bytes"
	"errors"
	"fmt"
	"testing"

	"clipgo/internal/nn"
	"clipgo/internal/torch"
)

// divided is an optimizer in several parts, each with parameters of its own, as several processes have them. The test copies what they
// broadcast.
type divided struct {
	sets  []*nn.Params
	parts []*AdamW
	sent  [][][]*torch.Tensor // by rank and root
}

func divide(t *testing.T, world int, c Config, set func(*testing.T) *nn.Params) *divided {
	d := &divided{sent: make([][][]*torch.Tensor, world)}
	for rank := range world {
		p := set(t)
		d.sets = append(d.sets, p)
		record := func(root int, ts ...*torch.Tensor) error {
			if root != len(d.sent[rank]) {
				return fmt.Errorf("root %d after %d others", root, len(d.sent[rank]))
			}
			d.sent[rank] = append(d.sent[rank], ts)
			return nil
		}
		do(t, func(*torch.Scope) { d.parts = append(d.parts, NewSharded(p.All(), c, Shard{rank, world, record})) })
		t.Cleanup(d.parts[rank].Free)
	}
	return d
}

// step makes a step in all parts, and copies what each root has sent.
func (d *divided) step(t *testing.T, factor float64) {
	for rank, o := range d.parts {
		d.sent[rank] = nil
		do(t, func(s *torch.Scope) {
			pull(s, d.sets[rank], factor)
			if err := o.Step(0.1, o.GradNorm()); err != nil {
				t.Error(err)
			}
			o.DropGradients()
		})
	}
	do(t, func(*torch.Scope) {
		for root := range d.parts {
			for rank := range d.parts {
				for i, to := range d.sent[rank][root] {
					to.OverwriteInPlace(d.sent[root][root][i].Bytes())
				}
			}
		}
	})
}

// state is what rank 0 writes.
func (d *divided) state(t *testing.T) []byte {
	t.Helper()
	o := d.parts[0]
	i := 0
	o.shard.Broadcast = func(root int, ts ...*torch.Tensor) error {
		ts[0].OverwriteInPlace(d.parts[root].moments.Mean[i].Bytes())
		ts[1].OverwriteInPlace(d.parts[root].moments.Variance[i].Bytes())
		i++
		return nil
	}
	var b bytes.Buffer
	if err := o.WriteState(&b); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// The steps and the file of a divided state are those of a whole one, to the bit, also after a whole file was read in parts.
func TestADividedStateIsTheWholeOne(t *testing.T) {
	c := Config{LR: 0.1, Beta1: 0.9, Beta2: 0.98, Eps: 1e-6, WD: 0.2, GradClipNorm: 1}
	dividesAs(t, c, toy)
	c.Opt = OptMuon
	dividesAs(t, c, block)
}

func dividesAs(t *testing.T, c Config, set func(*testing.T) *nn.Params) {
	for _, world := range []int{2, 3} {
		p := set(t)
		var whole *AdamW
		do(t, func(*torch.Scope) { whole = New(p.All(), c) })
		t.Cleanup(whole.Free)
		d := divide(t, world, c, set)
		compare := func(when string) {
			t.Helper()
			var b bytes.Buffer
			if err := whole.WriteState(&b); err != nil {
				t.Fatal(err)
			}
			if !bytes.Equal(b.Bytes(), d.state(t)) {
				t.Errorf("%d parts, %s: another file", world, when)
			}
			do(t, func(*torch.Scope) {
				for i, want := range p.Tensors() {
					for rank := range d.sets {
						if !bytes.Equal(d.sets[rank].Tensors()[i].Bytes(), want.Bytes()) {
							t.Errorf("%d parts, %s: other parameters in part %d", world, when, rank)
						}
					}
				}
			})
		}
		steps := func(from, to int) {
			for step := from; step < to; step++ {
				do(t, func(s *torch.Scope) {
					pull(s, p, float64(step+1))
					_ = whole.Step(0.1, whole.GradNorm())
					whole.DropGradients()
				})
				d.step(t, float64(step+1))
			}
		}
		steps(0, 4)
		saved := d.parts[0].shard
		compare("at first")
		d.parts[0].shard = saved
		file := openState(t, d.state(t))
		defer file.Close()
		do(t, func(*torch.Scope) {
			for _, o := range d.parts {
				if err := o.ReadState(file); err != nil {
					t.Error(err)
				}
			}
		})
		d.parts[0].shard = saved
		steps(4, 7)
		compare("resumed")
		n := 0
		for _, o := range d.parts {
			n += o.StateLen()
		}
		if n != whole.StateLen() || d.parts[0].StateLen() >= n {
			t.Errorf("%d parts have %d values, the first one %d, and the whole has %d", world, n, d.parts[0].StateLen(), whole.StateLen())
		}
	}
}

func TestAFailedExchangeIsAnErrorOfTheStep(t *testing.T) {
	p := toy(t)
	gone := errors.New("gone")
	do(t, func(s *torch.Scope) {
		o := NewSharded(p.All(), Default(), Shard{0, 2, func(int, ...*torch.Tensor) error { return gone }})
		defer o.Free()
		pull(s, p, 1)
		if err := o.Step(0.1, 1); !errors.Is(err, gone) {
			t.Error(err)
		}
		o.DropGradients()
	})
}
