//go:build simulated

package dist_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"

	"clipgo/internal/torch"
	"clipgo/training/dist"
)

// simulatedPart makes onSimulated one of the parts, in builds that have the device.
var simulatedPart = func() string {
	parts["simulated"] = onSimulated
	return "simulated"
}()

// Results of tensors on a device are on the device, and there is no failure of one process in an exchange that the others wait for.
func TestExchangesOfASimulatedDevice(t *testing.T) {
	t.Parallel()
	played(t, simulatedPart, 2)
}

func onSimulated(g dist.Group, _ *bytes.Buffer) error {
	if err := dist.On(context.Background(), g, torch.Simulated); err != nil {
		return err
	}
	return torch.Do(context.Background(), func(s *torch.Scope) error {
		return errors.Join(exchangesThere(s, g), tooMuchThere(s, g), exchangesThere(s, g))
	})
}

func exchangesThere(s *torch.Scope, g dist.Group) error {
	own := torch.From(s, values(g.Rank(), 4*g.World()), 2*g.World(), 2).OnDevice(torch.Simulated)
	all, err := g.Gather(s, own)
	if err != nil {
		return err
	}
	sums, err := g.SumRows(s, own)
	if err != nil {
		return err
	}
	w, err := g.Reduce(own)
	if err != nil {
		return err
	}
	if err := errors.Join(w.Wait(), g.Broadcast(1, own)); err != nil {
		return err
	}
	for name, x := range map[string]*torch.Tensor{"gather": all, "sum of rows": sums, "sum": own} {
		if x.Device() != torch.Simulated {
			return fmt.Errorf("the %s is on %d", name, x.Device())
		}
	}
	part := all.Narrow(0, 0, 2*g.World()).OnDevice(torch.CPU).Float32s()
	if !slices.Equal(part, values(0, 4*g.World())) {
		return fmt.Errorf("gathered %v", part)
	}
	return nil
}

// tooMuchThere is a gather for which process 1 has no memory. Neither process waits, both know, and the group is as before.
func tooMuchThere(s *torch.Scope, g dist.Group) error {
	x := torch.From(s, values(0, 4), 2, 2).OnDevice(torch.Simulated)
	if g.Rank() == 1 {
		x = x.Narrow(0, 0, 1).Expand(1<<46, 2)
	}
	_, err := g.Gather(s, x)
	var agreed *dist.Failure
	if !errors.As(err, &agreed) || !agreed.OutOfMemory || agreed.Rank != 1 || (agreed.Own == nil) != (g.Rank() == 0) {
		return fmt.Errorf("a gather that is too much for process 1: %w", err)
	}
	return nil
}
