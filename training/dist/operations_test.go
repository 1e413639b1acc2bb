package dist_test

import (
	"bytes"
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"slices"
	"testing"
	"time"

	"clipgo/internal/torch"
	"clipgo/training/dist"
)

var parts = map[string]part{
	"operations": operations,
	"delayed":    delayed,
	"killed":     exchanges(killed),
	"stopped":    exchanges(stopped),
	"left":       exchanges(left),
	"late":       late,
	"barrier":    func(g dist.Group, _ *bytes.Buffer) error { return g.Barrier() },
	"cards":      exchangeOnCards,
	"one card":   aloneOnACard,

	"lost on a card":        lostOnACard,
	"cards without kernels": withoutKernels,
}

func TestOperationsAreThoseOfSumsInGo(t *testing.T) {
	t.Parallel()
	worlds := []int{2, 3}
	if os.Getenv("CLIPGO_SOAK") != "" {
		worlds = append(worlds, 4)
	}
	for _, world := range worlds {
		t.Run(fmt.Sprint(world), func(t *testing.T) {
			out := played(t, "operations", world)
			for rank := range out {
				if out[rank] == "" || out[rank] != out[0] {
					t.Errorf("rank %d has other sums than rank 0:\n%s\n%s", rank, out[rank], out[0])
				}
			}
		})
	}
}

// TestProcessesThatComeAtTheEndOfAWait: a group waits in slices of 250 ms, and what ends at the end of one has not failed.
func TestProcessesThatComeAtTheEndOfAWait(t *testing.T) {
	t.Parallel()
	played(t, "delayed", 2)
}

// delayed lets the process 1 come to each exchange about when a wait of process 0 ends.
func delayed(g dist.Group, _ *bytes.Buffer) error {
	rounds := 12
	if os.Getenv("CLIPGO_SOAK") != "" {
		rounds = 200
	}
	for i := range rounds {
		if g.Rank() == 1 {
			time.Sleep(250*time.Millisecond + time.Duration(i%40-10)*25*time.Microsecond)
		}
		if err := g.Barrier(); err != nil {
			return fmt.Errorf("exchange %d: %w", i, err)
		}
	}
	return nil
}

// values are the numbers of one rank, the same in each process that asks.
func values(rank, n int) []float32 {
	r := rand.New(rand.NewPCG(uint64(rank), 7))
	out := make([]float32, n)
	for i := range out {
		out[i] = float32(r.NormFloat64())
	}
	return out
}

// operations checks every operation against Go, and prints what is the same in all processes.
func operations(g dist.Group, out *bytes.Buffer) error {
	checks := []func(*torch.Scope, dist.Group, *bytes.Buffer) error{gathers, sumsRows, reduces, broadcasts, agrees}
	for range 5 {
		for i, check := range checks {
			err := torch.Do(context.Background(), func(s *torch.Scope) error { return check(s, g, out) })
			if err != nil {
				return fmt.Errorf("check %d: %w", i, err)
			}
		}
		if err := agrees(nil, g, out); err != nil { // outside of libtorch's thread
			return err
		}
	}
	return g.Barrier()
}

func gathers(s *torch.Scope, g dist.Group, _ *bytes.Buffer) error {
	got, err := g.Gather(s, torch.From(s, values(g.Rank(), 6), 2, 3))
	if err != nil {
		return err
	}
	var want []float32
	for r := range g.World() {
		want = append(want, values(r, 6)...)
	}
	if !slices.Equal(got.Float32s(), want) || !slices.Equal(got.Shape(), []int{2 * g.World(), 3}) {
		return fmt.Errorf("gathered %v %v, not %v", got.Shape(), got.Float32s(), want)
	}
	return nil
}

func sumsRows(s *torch.Scope, g dist.Group, _ *bytes.Buffer) error {
	n := 1000 * g.World()
	got, err := g.SumRows(s, torch.From(s, values(g.Rank(), n), n/4, 4))
	if err != nil {
		return err
	}
	want := make([]float32, 1000)
	for r := range g.World() {
		for i, x := range values(r, n)[1000*g.Rank() : 1000*(g.Rank()+1)] {
			want[i] += x
		}
	}
	if !slices.Equal(got.Float32s(), want) {
		return fmt.Errorf("rows differ from sums in the order of the ranks")
	}
	return nil
}

func reduces(s *torch.Scope, g dist.Group, out *bytes.Buffer) error {
	r := float64(g.Rank())
	a := torch.From(s, values(g.Rank(), 10_000), 100, 100)
	b := torch.From(s, []float64{r, 1}, 2)
	c := torch.From(s, values(g.Rank(), 7), 7).To(torch.BFloat16)
	d := torch.From(s, values(g.Rank()+100, 33), 33)
	one, err := g.Reduce(a, b, c, d)
	if err != nil {
		return err
	}
	e := torch.From(s, values(g.Rank(), 10_000), 10_000)
	two, err := g.Reduce(e)
	if err != nil {
		return err
	}
	for _, w := range []dist.Work{two, one, one} {
		if err := w.Wait(); err != nil {
			return err
		}
	}
	world := float64(g.World())
	if got := b.Float64s(); got[0] != world*(world-1)/2 || got[1] != world {
		return fmt.Errorf("sums are %v", got)
	}
	if err := closeTo(a.Float32s(), g.World(), 0, 1e-5); err != nil {
		return err
	}
	if err := closeTo(c.Float32s(), g.World(), 0, 0.05); err != nil {
		return err
	}
	if err := closeTo(d.Float32s(), g.World(), 100, 1e-5); err != nil {
		return err
	}
	fmt.Fprintf(out, "%x %x\n", a.Float32s()[:50], e.Float32s()[:50])
	return nil
}

// closeTo compares with the sum over all ranks.
func closeTo(got []float32, world, seed int, limit float64) error {
	want := make([]float64, len(got))
	for r := range world {
		for i, x := range values(r+seed, len(got)) {
			want[i] += float64(x)
		}
	}
	for i := range got {
		if math.Abs(float64(got[i])-want[i]) > limit {
			return fmt.Errorf("sum %d is %v, not %v", i, got[i], want[i])
		}
	}
	return nil
}

func broadcasts(s *torch.Scope, g dist.Group, _ *bytes.Buffer) error {
	for root := range g.World() {
		a, b := torch.From(s, values(g.Rank(), 12), 3, 4), torch.From(s, []int64{int64(g.Rank())}, 1)
		turned := a.Transpose(0, 1)
		if err := g.Broadcast(root, turned, b); err != nil {
			return err
		}
		if !slices.Equal(a.Float32s(), values(root, 12)) || b.Item() != float64(root) {
			return fmt.Errorf("of root %d came %v and %v", root, a.Float32s(), b.Item())
		}
	}
	return nil
}

func agrees(_ *torch.Scope, g dist.Group, _ *bytes.Buffer) error {
	all, err := g.Agree(float64(g.Rank()), math.Inf(1))
	if err != nil {
		return err
	}
	lines, err := g.Tell(bytes.Repeat([]byte{'a'}, 3*g.Rank()))
	if err != nil {
		return err
	}
	for r := range g.World() {
		if all[r][0] != float64(r) || !math.IsInf(all[r][1], 1) || len(lines[r]) != 3*r {
			return fmt.Errorf("rank %d agreed %v and sent %q", r, all[r], lines[r])
		}
	}
	return nil
}
