package contrastive

import (
	"bytes"
	"errors"
	"strings"
	"testing"

	"clipgo/internal/torch"
	"clipgo/losses"
	"clipgo/model/modeltest"
	"clipgo/training"
	"clipgo/training/dist"
	"clipgo/training/dist/disttest"
)

// failing is a loss that fails in one process as long as micro-batches have more than most pairs.
type failing struct {
	Loss
	o    *Objective
	most int
	rank int
	text string
}

func (f *failing) Part(in LossInput, from, n int) LossGrads {
	if f.o.Group.Rank() == f.rank && (f.o.MicroBatch == 0 || f.o.MicroBatch > f.most) {
		panic(&torch.Error{Op: "Matmul", Text: f.text})
	}
	return f.Loss.Part(in, from, n)
}

const tooLittle = "CUDA out of memory. Tried to allocate 20.00 MiB"

// joined is a trainer of one of a group, whose process 1 fails.
func joined(t *testing.T, g dist.Group, most int, text string) (*training.Trainer, *Objective) {
	t.Helper()
	m := modeltest.NewTiny(t, modeltest.Unchanged)
	o := &Objective{Model: m}
	o.Loss = &failing{InfoNCE{losses.Smoothing{Form: losses.Others}}, o, most, 1, text}
	tr := trainerOf(t, m, 3, 1e-3)
	tr.Objective = o
	if err := tr.Join(g); err != nil {
		t.Fatal(err)
	}
	return tr, o
}

// What is too much for one process halves the micro-batch of all, and an error of one is one of all: none waits for it.
func TestProcessesFailTogether(t *testing.T) {
	g := disttest.Group(t)
	if g == nil {
		disttest.Run(t, 2)
		return
	}
	steps := func(most, known int) []byte {
		tr, o := joined(t, g, most, tooLittle)
		o.MicroBatch = known
		for step := range 3 {
			st, err := tr.Step(t.Context(), (spreadCase{}).batch(o.Model.Config, step, g))
			if err != nil {
				t.Fatal(err)
			}
			if want := map[bool]int{true: 2}[step == 0 && known == 0]; st.MicroBatch != want {
				t.Errorf("step %d tells of micro-batches of %d, want %d", step, st.MicroBatch, want)
			}
		}
		return disttest.Parameters(t, o.Params())
	}
	skipTogether(t, g)
	if !bytes.Equal(steps(2, 0), steps(2, 2)) {
		t.Error("the parameters are not those of a training that knew how much fits")
	}
	for _, c := range [][2]string{{"process 1 failed", "no such kernel"}, {"process 1 ran out of memory", tooLittle}} {
		tr, o := joined(t, g, 0, c[1])
		_, err := tr.Step(t.Context(), (spreadCase{}).batch(o.Model.Config, 0, g))
		want, agreed := c[g.Rank()], new(dist.Failure)
		if err == nil || !strings.Contains(err.Error(), want) || !errors.As(err, &agreed) || agreed.Rank != 1 {
			t.Errorf("process %d: %v, want %q", g.Rank(), err, want)
		}
	}
}

// skipTogether: a loss that is not finite in one process is skipped in all, and counted.
func skipTogether(t *testing.T, g dist.Group) {
	t.Helper()
	tr, o := joined(t, g, 1<<30, "")
	before := disttest.Parameters(t, o.Params())
	o.Loss = &spoiled{o.Loss.(*failing).Loss, g.Rank()}
	st, err := tr.Step(t.Context(), (spreadCase{}).batch(o.Model.Config, 0, g))
	if err != nil || !st.Skipped || tr.Progress.BadSteps != 1 || !bytes.Equal(before, disttest.Parameters(t, o.Params())) {
		t.Errorf("process %d: %v, skipped: %t", g.Rank(), err, st.Skipped)
	}
}

// spoiled is a loss that is infinite in process 1.
type spoiled struct {
	Loss
	rank int
}

func (l *spoiled) Part(in LossInput, from, n int) LossGrads {
	out := l.Loss.Part(in, from, n)
	if l.rank == 1 {
		out.Loss = out.Loss.Scale(1e300).Scale(1e300)
	}
	return out
}
