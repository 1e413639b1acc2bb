package dist_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"clipgo/internal/need"
	"clipgo/internal/torch"
	"clipgo/internal/torch/torchtest"
	"clipgo/training/dist"
)

// The tests named OnCUDA need devices (make test-cuda): two processes need two, since NCCL has no two processes on one.
func TestExchangesAreThoseOfSumsInGoOnCUDA(t *testing.T) {
	for _, world := range []int{2, 4} {
		if needTwoCards(t) < world {
			continue
		}
		t.Run(fmt.Sprint(world), func(t *testing.T) {
			first := played(t, "cards", world)
			again := played(t, "cards", world)
			for rank := range first {
				if first[rank] == "" || first[rank] != first[0] || again[rank] != first[0] {
					t.Errorf("rank %d has other sums than rank 0, or than in another group", rank)
				}
			}
		})
	}
}

// needTwoCards returns the number of CUDA devices, and skips the test where there are fewer than two.
func needTwoCards(t *testing.T) int {
	t.Helper()
	torchtest.NeedCUDA(t)
	if err := torch.LoadNCCL(); err != nil {
		need.Missing(t, need.CUDA, "%v", err)
	}
	info, err := torch.Probe()
	if err != nil {
		t.Fatal(err)
	}
	if info.CUDA < 2 {
		t.Skipf("two processes need two CUDA devices, and libtorch sees %d", info.CUDA)
	}
	return info.CUDA
}

// A world of one process needs one device: NCCL's engine is made, exchanges, and is left.
func TestAnExchangeWithItselfOnCUDA(t *testing.T) {
	torchtest.NeedCUDA(t)
	if err := torch.LoadNCCL(); err != nil {
		need.Missing(t, need.CUDA, "%v", err)
	}
	played(t, "one card", 1)
}

func aloneOnACard(dist.Group, *bytes.Buffer) error {
	var stores [2]*torch.Store
	var err error
	for i, port := range []int{0, 0} {
		if i == 1 {
			port = stores[0].Port()
		}
		if stores[i], err = torch.OpenStore("127.0.0.1", port, i == 0, time.Minute); err != nil {
			return err
		}
	}
	p, err := stores[0].Join("gloo", 0, 1, torch.Reach{Address: "127.0.0.1"}, time.Minute)
	if err != nil {
		return err
	}
	if err := p.JoinCards(stores[1], "nccl", 0, 0, time.Minute); err != nil {
		return err
	}
	err = torch.Do(context.Background(), func(s *torch.Scope) error {
		x := torch.From(s, values(0, 12), 3, 4).OnDevice(0)
		for _, prepare := range []func() (*torch.Collective, error){
			func() (*torch.Collective, error) { return p.Gather(x) },
			func() (*torch.Collective, error) { return p.SumRows(x) },
			func() (*torch.Collective, error) { return p.Sum([]*torch.Tensor{x}) },
			func() (*torch.Collective, error) { return p.Broadcast(0, []*torch.Tensor{x}) },
		} {
			if err := exchanged(s, x, prepare); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	p.Free()
	stores[1].Free()
	stores[0].Free()
	return nil
}

// exchanged makes a collective of x in a world of one process, whose result is x.
func exchanged(s *torch.Scope, x *torch.Tensor, prepare func() (*torch.Collective, error)) error {
	w, err := prepare()
	if err != nil {
		return err
	}
	defer w.Free()
	if err := w.Begin(); err != nil {
		return err
	}
	if done, err := w.Wait(time.Minute); err != nil || !done {
		return fmt.Errorf("%s: done: %t, %w", w.Op(), done, err)
	}
	got := x
	if w.Op() == "Gather" || w.Op() == "SumRows" {
		got = w.Result(s)
	}
	if !slices.Equal(got.Float32s(), values(0, 12)) {
		return fmt.Errorf("%s gives %v", w.Op(), got.Float32s())
	}
	return nil
}

// A process that ends within an exchange of NCCL, which doesn't notice it, is named by the others after the deadline, and they end as
// processes do that have an error, not by a signal.
func TestAProcessLostInAnExchangeIsNamedOnCUDA(t *testing.T) {
	needTwoCards(t)
	for victim := range 2 {
		all := launched(t, "lost on a card", 2, victimVariable+"="+strconv.Itoa(victim), timeoutVariable+"=8s")
		err, said := all[1-victim].Wait(), all[1-victim].err.String()
		if code := all[1-victim].ProcessState.ExitCode(); code != 1 || !strings.Contains(said, fmt.Sprintf("rank %d", victim)) {
			t.Errorf("without rank %d: exit %d, %v: %s", victim, code, err, said)
		}
		_ = all[victim].Wait()
	}
}

// lostOnACard gathers rows until the victim ends itself where the others have begun to wait for it.
func lostOnACard(g dist.Group, _ *bytes.Buffer) error {
	ctx, d := context.Background(), torch.Device(g.Rank())
	if err := dist.On(ctx, g, d); err != nil {
		return err
	}
	return torch.Do(ctx, func(s *torch.Scope) error {
		x := torch.From(s, values(g.Rank(), 4), 2, 2).OnDevice(d)
		for i := 0; ; i++ {
			if i == 20 && g.Rank() == number(victimVariable) {
				_, _ = g.Agree(0) // that it has the memory, as the others do in Gather
				return killed()
			}
			if _, err := g.Gather(s, x); err != nil {
				return errors.Join(err, unharmed(x, g))
			}
		}
	})
}

// unharmed reads what is on the device of a group that has failed: what is saved then.
func unharmed(x *torch.Tensor, g dist.Group) error {
	if got := x.Float32s(); !slices.Equal(got, values(g.Rank(), 4)) {
		return fmt.Errorf("the device has %v after the failure", got)
	}
	return nil
}

// exchangeOnCards is operations with tensors on the process's device, and with some beside them on the CPU.
func exchangeOnCards(g dist.Group, out *bytes.Buffer) error {
	ctx, d := context.Background(), torch.Device(g.Rank())
	if err := dist.On(ctx, g, d); err != nil {
		return err
	}
	for range 3 {
		err := torch.Do(ctx, func(s *torch.Scope) error {
			return errors.Join(gatherOnCards(s, g, d), rowsOnCards(s, g, d), sumOnCards(s, g, d), sumsOnCards(s, g, d, out),
				broadcastOnCards(s, g, d), agrees(s, g, out))
		})
		if err != nil {
			return err
		}
	}
	return g.Barrier()
}

func gatherOnCards(s *torch.Scope, g dist.Group, d torch.Device) error {
	all, err := g.Gather(s, torch.From(s, values(g.Rank(), 4), 2, 2).OnDevice(d))
	if err != nil {
		return err
	}
	var want []float32
	for r := range g.World() {
		want = append(want, values(r, 4)...)
	}
	if all.Device() != d || !slices.Equal(all.Float32s(), want) {
		return fmt.Errorf("gathered on %d: %v", all.Device(), all.Float32s())
	}
	return nil
}

func rowsOnCards(s *torch.Scope, g dist.Group, d torch.Device) error {
	sums, err := g.SumRows(s, torch.From(s, values(g.Rank(), 4*g.World()), 2*g.World(), 2).OnDevice(d))
	if err != nil {
		return err
	}
	want := make([]float32, 4)
	for r := range g.World() {
		for i, x := range values(r, 4*g.World())[4*g.Rank() : 4*(g.Rank()+1)] {
			want[i] += x // in the order of the ranks
		}
	}
	if sums.Device() != d || !slices.Equal(sums.Float32s(), want) {
		return fmt.Errorf("sums of rows on %d: %v, not %v", sums.Device(), sums.Float32s(), want)
	}
	return nil
}

// sumOnCards adds in place, together with a tensor on the CPU.
func sumOnCards(s *torch.Scope, g dist.Group, d torch.Device) error {
	there, here := torch.From(s, values(g.Rank(), 1000), 1000).OnDevice(d), torch.From(s, []int64{int64(g.Rank()), 1}, 2)
	w, err := g.Reduce(there, here)
	if err != nil {
		return err
	}
	if err := w.Wait(); err != nil {
		return err
	}
	want := []float64{float64(g.World() * (g.World() - 1) / 2), float64(g.World())}
	if got := here.Float64s(); !slices.Equal(got, want) {
		return fmt.Errorf("sums on the CPU are %v, not %v", got, want)
	}
	return closeTo(there.Float32s(), g.World(), 0, 1e-5)
}

// sumsOnCards adds what has to be converted, and prints what is to be the same in all processes.
func sumsOnCards(s *torch.Scope, g dist.Group, d torch.Device, out *bytes.Buffer) error {
	large := torch.From(s, values(g.Rank(), 1<<20), 1<<20).OnDevice(d)
	small := torch.From(s, values(g.Rank(), 7), 7).To(torch.BFloat16).OnDevice(d)
	w, err := g.Reduce(large, small)
	if err != nil {
		return err
	}
	if err := w.Wait(); err != nil {
		return err
	}
	fmt.Fprintf(out, "%x\n", large.Float32s()[:64])
	return errors.Join(closeTo(large.Float32s(), g.World(), 0, 1e-5), closeTo(small.Float32s(), g.World(), 0, 0.05))
}

func broadcastOnCards(s *torch.Scope, g dist.Group, d torch.Device) error {
	a := torch.From(s, values(g.Rank(), 12), 3, 4).OnDevice(d)
	if err := g.Broadcast(g.World()-1, a); err != nil {
		return err
	}
	if !slices.Equal(a.Float32s(), values(g.World()-1, 12)) {
		return fmt.Errorf("of the last rank came %v", a.Float32s())
	}
	return nil
}

// Where there is no device, processes that are to use one say so in all of them, and none ends by a signal.
func TestProcessesWithoutDevicesDoNotJoinOnThem(t *testing.T) {
	if info, err := torch.Probe(); err != nil || info.CUDA > 0 {
		t.Skip("there are CUDA devices here, or there is no libtorch")
	}
	for rank, p := range launched(t, "cards", 2) {
		err := p.Wait()
		if code := p.ProcessState.ExitCode(); err == nil || code != 1 && code != 2 || !bytes.Contains(p.err.Bytes(), []byte("NCCL")) {
			t.Errorf("rank %d: exit %d: %s", rank, code, &p.err)
		}
	}
}
