package dist

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"slices"
	"strings"
	"time"

	"clipgo/internal/fault"
	"clipgo/internal/machine"
	"clipgo/internal/torch"
)

// member is what a process says of itself when it joins.
type member struct {
	Protocol int    `json:"protocol"`
	Version  string `json:"version"`
	World    int    `json:"world"`
	Host     string `json:"host"`
	Network  string `json:"network"` // the same for two processes that reach each other by the loopback address
	Address  string `json:"address"` // from which this process reaches the master
}

// meet announces this process, waits for all others, and compares what they say of themselves.
func (b *board) meet(ctx context.Context, o Options) error {
	err := b.gather(ctx, o)
	if err != nil && ctx.Err() == nil {
		b.asking(func() {
			_, _ = b.add("know", 1)
			b.linger()
		})
	}
	return err
}

func (b *board) gather(ctx context.Context, o Options) error {
	n, err := b.add(fmt.Sprintf("taken/%d", b.at.Rank), 1)
	switch {
	case err != nil:
		return b.lost(err)
	case n > 1:
		return b.refuse(fmt.Sprintf("two processes have rank %d of %d: each needs its own RANK", b.at.Rank, b.at.World))
	}
	self, err := json.Marshal(b.self(o))
	if err != nil {
		return err
	}
	if err := b.set(fmt.Sprintf("member/%d", b.at.Rank), self); err != nil {
		return b.lost(err)
	}
	for until := time.Now().Add(o.JoinTimeout); ; {
		if err := b.admit(); err != nil {
			return b.lost(err)
		}
		missing, err := b.look()
		if err != nil {
			return err
		}
		if why := b.differ(); why != "" {
			return b.refuse(why)
		}
		if len(missing) == 0 {
			return b.leaveTogether(ctx)
		}
		if time.Now().After(until) {
			return b.refuse(fmt.Sprintf("rank %d waited %v for %s of %d, which didn't join %s", b.at.Rank, o.JoinTimeout, ranks(missing),
				b.at.World, b.master))
		}
		if err := pause(ctx, 20*time.Millisecond); err != nil {
			return err
		}
	}
}

// leaveTogether waits until each process has seen all others: a process that ended before, because of what it saw, would take the store
// with it. It gives up in silence, since the engine waits for the others anyway.
func (b *board) leaveTogether(ctx context.Context) error {
	_, err := b.add("met", 1)
	for range 100 {
		if err != nil {
			return b.lost(err)
		}
		if n, err := b.add("met", 0); err != nil || n >= int64(b.at.World) {
			return nil
		}
		if _, err := b.look(); err != nil {
			return err
		}
		if err = pause(ctx, 10*time.Millisecond); err != nil {
			return err
		}
	}
	return nil
}

func (b *board) self(o Options) member {
	host, _ := os.Hostname()                     // for messages alone
	space, _ := os.Readlink("/proc/self/ns/net") // two containers of one machine differ in it
	network := machine.Identity() + "/" + space
	return member{protocol, o.Version, b.at.World, host, network, towards(b.at.Master)}
}

// look reads who has come, and whether the group was refused. It returns who is missing.
func (b *board) look() (missing []int, err error) {
	if why, err := b.get("refused"); err != nil || why != nil {
		if err != nil {
			return nil, b.lost(err)
		}
		return nil, fault.Usagef("%s", why)
	}
	b.all = make([]member, b.at.World)
	for r := range b.all {
		text, err := b.get(fmt.Sprintf("member/%d", r))
		if err != nil {
			return nil, b.lost(err)
		}
		if text == nil {
			missing = append(missing, r)
		} else if err := json.Unmarshal(text, &b.all[r]); err != nil {
			return nil, fault.Usagef("rank %d said what this version doesn't understand: all processes need one version of clipgo", r)
		}
	}
	return missing, nil
}

// differ says in which way two of the processes that have come differ.
func (b *board) differ() string {
	self := b.all[b.at.Rank]
	for r, m := range b.all {
		switch {
		case m.World == 0 || m == self:
		case m.World != self.World:
			return fmt.Sprintf("rank %d has a WORLD_SIZE of %d, and rank %d of %d", b.at.Rank, self.World, r, m.World)
		case m.Version != self.Version || m.Protocol != self.Protocol:
			return fmt.Sprintf("rank %d is clipgo %s on %s, and rank %d is clipgo %s on %s: all processes need one version", b.at.Rank,
				cmp.Or(self.Version, "unknown"), self.Host, r, cmp.Or(m.Version, "unknown"), m.Host)
		}
	}
	return ""
}

// refuse tells all processes why they can't join, unless one has done so before.
func (b *board) refuse(why string) error {
	if n, err := b.add("refusals", 1); err == nil && n == 1 {
		_ = b.set("refused", []byte(why)) // the others find out by themselves
	} else if first, err := b.get("refused"); err == nil && first != nil {
		why = string(first)
	}
	return fault.Usagef("%s", why)
}

// linger waits until all processes that have come know why they can't join, where the store ends with this process.
func (b *board) linger() {
	b.lingers(func() (bool, error) {
		come := int64(0)
		for r := range b.at.World {
			n, err := b.add(fmt.Sprintf("taken/%d", r), 0)
			if err != nil {
				return true, err
			}
			come += n
		}
		know, err := b.add("know", 0)
		return know >= come, err
	})
}

// lost is the error of a store that doesn't answer.
func (b *board) lost(err error) error {
	return fault.Usagef("the master at %s has ended while rank %d was joining (%v)", b.master, b.at.Rank, err)
}

// ranks is a list of ranks for people.
func ranks(list []int) string {
	if len(list) == 1 {
		return fmt.Sprintf("rank %d", list[0])
	}
	return "ranks " + strings.Trim(strings.ReplaceAll(fmt.Sprint(list), " ", ", "), "[]")
}

func pause(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}

// interfaceVariable names the network interface to use, as in PyTorch.
const interfaceVariable = "GLOO_SOCKET_IFNAME"

// reach says where others reach this process: at the loopback address if all are on one machine; else at the address from which it
// reaches a machine other than its own.
func (b *board) reach() torch.Reach {
	self := b.all[b.at.Rank]
	if name := os.Getenv(interfaceVariable); name != "" {
		return torch.Reach{Interface: name}
	}
	if !slices.ContainsFunc(b.all, func(m member) bool { return m.Network != self.Network }) {
		return torch.Reach{Address: "127.0.0.1"}
	}
	if !loopback(self.Address) {
		return torch.Reach{Address: self.Address}
	}
	for _, m := range b.all { // the master is on this machine: a name of it may lead to a loopback address
		if m.Network != self.Network && !loopback(m.Address) {
			return torch.Reach{Address: cmp.Or(towards(m.Address), self.Host)}
		}
	}
	return torch.Reach{Address: self.Host}
}

func loopback(address string) bool {
	ip := net.ParseIP(address)
	return ip == nil || ip.IsLoopback()
}

// towards is the address from which this machine reaches another one, "" if that isn't known. It sends nothing.
func towards(host string) string {
	c, err := net.Dial("udp", net.JoinHostPort(host, "9"))
	if err != nil {
		return ""
	}
	defer func() { err = errors.Join(err, c.Close()) }()
	if a, ok := c.LocalAddr().(*net.UDPAddr); ok {
		return a.IP.String()
	}
	return ""
}
