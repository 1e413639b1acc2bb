package run

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"strings"

	"clipgo/internal/config"
	"clipgo/internal/fault"
	"clipgo/pretrained"
	"clipgo/training/dist"
	"clipgo/training/dist/launch"
)

// Processes are those that a launcher has started for one command that embeds and doesn't train. Process 0 does the command, and the others
// embed shares of its data.
type Processes struct {
	voices *voices
	close  func() error
	local  int // this process's number on its machine
}

// Started is the number of processes that a launcher has started, by the environment variables that get reads, and the variable with the
// number of this one: 1 and "" for a process that is alone.
func Started(get func(string) string) (world int, variable string) { return launch.Started(get) }

// Find joins the processes that a launcher's variables speak of. It returns nil for a process that is alone.
func Find(ctx context.Context, version string) (*Processes, error) {
	at, err := launch.Here()
	if err != nil || at.Alone() {
		return nil, err
	}
	g, err := dist.Join(ctx, at, dist.Options{Version: version})
	if err != nil {
		return nil, err
	}
	return &Processes{newVoices(ctx, g, dist.DefaultTimeout), g.Close, at.LocalRank}, nil
}

// Close leaves the others.
func (p *Processes) Close() error { return p.close() }

// Leads reports whether this is process 0.
func (p *Processes) Leads() bool { return p.voices.leads() }

// World is the number of processes.
func (p *Processes) World() int { return p.voices.group.World() }

// Takes gives this process a GPU of its own, where the processes compute on such, and returns the type that it computes in, as --precision
// has it. Devices that don't fit the processes are an error of kind Usage in all of them.
func (p *Processes) Takes(m pretrained.Machine) (string, error) {
	if !m.Int8() {
		if err := takeCard(p.voices.group, m, p.local); err != nil {
			return "", err
		}
	}
	return m.Arithmetic()
}

// Same refuses processes of different command lines, or that compute in different types: precision auto is a choice of each machine.
// Options are a struct as for config.Of.
func (p *Processes) Same(command string, args []string, options any, precision string) error {
	own := map[string]string{"arguments": command + " " + strings.Join(args, " "), "precision": precision}
	for key, v := range config.Of(config.Default, options) {
		if key != "precision" && !slices.Contains(ofTheProcess, key) {
			own[key] = v.String()
		}
	}
	return p.voices.compare(own, func(rank int, key, first, other string) error {
		return fault.Usagef("%s: process %d has %s, and process 0 has %s; the processes that a launcher starts do one command together",
			key, rank, other, first)
	})
}

// Lead does a command in process 0. Work of its Crew is shared with the other processes, which Help. An error or a signal ends all of them.
func (p *Processes) Lead(f func(ctx context.Context) error) error {
	return p.end(p.voices.whileBusy(f))
}

// Help is the part of the other processes: it does shares until process 0 has ended.
func (p *Processes) Help(help Helper) error {
	p.voices.help = p.voices.helping(help)
	return p.end(nil)
}

// end waits until all processes have ended.
func (p *Processes) end(own error) error {
	v := p.voices
	v.parting = true
	state := finished
	switch {
	case errors.Is(own, context.Canceled):
		state = stopping
	case own != nil:
		state = failing
	}
	failed := own
	if state == stopping {
		failed = nil // the round says why
	}
	_, err := v.conclude(state, failed)
	v.left = true
	return cmp.Or(err, own)
}

// Crew shares the work of an embedder with the other processes, within Lead. They are given about.
func (p *Processes) Crew(about string) pretrained.Crew { return p.voices.crew(about) }

// Begin tells the others about work that is to come, by an empty piece, so that they get ready for it.
func (p *Processes) Begin(ctx context.Context, about string) error {
	_, err := p.Crew(about)(ctx, pretrained.Piece{Batch: 1}, func(context.Context, pretrained.Piece) (*pretrained.Share, error) {
		return &pretrained.Share{}, nil
	})
	return err
}
