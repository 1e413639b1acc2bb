package benchmark

import (
	"context"
	"errors"
	"fmt"
	"os"

	"clipgo/datasets"
	"clipgo/eval/clipbenchmark"
	"clipgo/internal/fault"
	"clipgo/internal/share"
	"clipgo/pretrained"
	"clipgo/probe"
)

// Suite is a set of models, data sets and tasks.
type Suite struct {
	Models   []string // as pretrained.Settings.Model; MODEL@TAG gives --pretrained
	Data     []*Data
	Tasks    []string // empty: those that each data set is meant for
	Out      string   // folder of the results
	Settings pretrained.Settings
	Recalls  []int          // the K of recall at K
	Probe    probe.Protocol // of linear probes
	Prompts  Prompting      // class names and prompts
	Split    string         // that is measured; empty: test
	Shots    []int          // training samples per class of linear probes, one study for all of them; empty: those of Probe
	Seeds    []uint64       // of linear probes; empty: that of Probe
	KNN      probe.KNN      // without a number of neighbours: DINOs
	Share    share.Share    // of the cells, which this process computes; the zero value is all

	// Report is called with each cell when it is done, was done before, or failed. May be nil.
	Report func(Event)
	// Progress is called while samples are embedded. May be nil.
	Progress func(c Cell, split string, done, all int64)
	// Skipped is called with each sample that can't be used. May be nil.
	Skipped func(datasets.Skip)
	// Opened is called with the description of each split that is read. May be nil.
	Opened func(datasets.Info)
	// Captions are the settings of captioning; nil: the default ones.
	Captions *CaptionSettings
	// Ready is called with each model that was opened, by its name. May be nil.
	Ready func(name string, m *pretrained.Embedder) error
	// Errors is the number of mistakes in a cell's details, the most confident ones; 0: 20.
	Errors int
}

// NoErrors is Suite.Errors for none.
const NoErrors = -1

// Event is what happened to a cell.
type Event struct {
	Cell
	Result *clipbenchmark.Result // nil if it failed
	Kept   bool                  // it was done before
	Err    error
	Notes  []string // what is odd about the data
}

// Run computes the cells that are missing. A failed cell doesn't stop the others; the error has those of all cells. Once ctx is done
// its error is returned, and cells that were complete stay.
func (s *Suite) Run(ctx context.Context) error {
	if err := s.check(); err != nil {
		return err
	}
	if err := s.Prompts.check(len(s.Models), len(s.Data)); err != nil {
		return err
	}
	if err := s.name(); err != nil {
		return err
	}
	if err := os.MkdirAll(s.Out, 0o777); err != nil {
		return err
	}
	lock, err := s.lock()
	if err != nil {
		return err
	}
	defer func() { _ = lock.Release() }() // the process keeps nothing there
	var errs []error
	for _, name := range s.Models {
		m := &candidate{suite: s, name: name}
		for _, d := range s.Data {
			if err := s.pair(ctx, m, d); err != nil {
				errs = append(errs, err)
			}
			if ctx.Err() != nil {
				m.free()
				return ctx.Err()
			}
		}
		m.free()
	}
	return failures(s.Out, errs)
}

// name gives the data sets the class names and prompts of the user's files.
func (s *Suite) name() error {
	custom, err := s.Prompts.read()
	if err != nil {
		return err
	}
	for _, d := range s.Data {
		d.custom = custom
	}
	return nil
}

func (s *Suite) check() error {
	if len(s.Models) == 0 || len(s.Data) == 0 {
		return fault.Usagef("a benchmark needs models and data sets")
	}
	for _, t := range s.Tasks {
		if _, ok := tasks[t]; !ok {
			return fault.Usagef("there is no task %s; tasks are %s", t, TaskNames())
		}
	}
	study := probe.Study{Protocol: s.Probe, Shots: s.Shots, Seeds: s.Seeds}
	if err := study.Check(); err != nil {
		return err
	}
	if len(s.KNN.K) > 0 {
		if err := s.KNN.Check(); err != nil {
			return err
		}
	}
	names := map[string]string{}
	for _, d := range s.Data {
		if other := names[d.Name]; other != "" {
			place := datasets.Public(d.Place)
			return fault.Usagef("%s and %s have the same name %s; give one another: NAME=%s", datasets.Public(other), place, d.Name, place)
		}
		names[d.Name] = d.Place
		for _, t := range s.Tasks {
			if err := d.trains(t); err != nil {
				return err
			}
		}
	}
	files := map[string]Cell{}
	for _, name := range s.Models {
		for _, d := range s.Data {
			model, tag := (&candidate{name: name}).split()
			c := Cell{Model: model, Pretrained: tag, Data: d.Name}
			if other, ok := files[c.name()]; ok {
				return fault.Usagef("%s on %s and %s on %s would have the same files; give the data another name: NAME=PLACE",
					other.Model, other.Data, c.Model, c.Data)
			}
			files[c.name()] = c
		}
	}
	return nil
}

// pair computes the tasks of one model on one data set.
func (s *Suite) pair(ctx context.Context, m *candidate, d *Data) error {
	names := s.Tasks
	if len(names) == 0 {
		var err error
		model, tag := m.split()
		unknown := Cell{Model: model, Pretrained: tag, Data: d.Name, Task: autoTask, Language: languageOf(s.Prompts.Language)}
		if names, err = d.Tasks(ctx); err != nil {
			return s.failed(ctx, unknown, err)
		}
		if err := unknown.succeed(s.Out); err != nil {
			return err
		}
	}
	var errs []error
	sh := &shared{data: d}
	for _, task := range names {
		model, tag := m.split()
		c := Cell{Model: model, Pretrained: tag, Data: d.Name, Task: task, Language: languageOf(s.Prompts.Language)}
		if !s.mine(c) {
			continue
		}
		if err := s.cell(ctx, c, m, d, sh); err != nil {
			errs = append(errs, s.failed(ctx, c, err))
		}
	}
	return errors.Join(errs...)
}

func (s *Suite) failed(ctx context.Context, c Cell, err error) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if s.Report != nil {
		s.Report(Event{Cell: c, Err: err})
	}
	return errors.Join(fmt.Errorf("%s: %w", c, err), c.fail(s.Out, err))
}

// mine reports whether a cell belongs to this part.
func (s *Suite) mine(c Cell) bool {
	return s.Share.Has(c.Model + "\x00" + c.Data) // the tasks of a pair share features
}

// cell computes a cell unless it is there.
func (s *Suite) cell(ctx context.Context, c Cell, m *candidate, d *Data, sh *shared) error {
	t := tasks[c.Task]
	print, test, err := s.fingerprint(ctx, c, m, d)
	if err != nil {
		return err
	}
	if done, err := s.kept(c, print); done || err != nil {
		return err
	}
	embedder, err := m.open(ctx)
	if err != nil {
		return err
	}
	f := sh.view(embedder, t.need)
	got, err := s.measure(ctx, c, f)
	if err != nil {
		return err
	}
	if err := f.picture(ctx, s.Out, got.outcome); err != nil {
		return err
	}
	got.Details.Fingerprint, got.Details.DataDigest = print, test
	if err := c.keep(s.Out, got.Result, got.Details, got.outcome.samples); err != nil {
		return err
	}
	if s.Report != nil {
		s.Report(Event{Cell: c, Result: got.Result, Notes: got.Details.Notes})
	}
	return nil
}

// Parse reads the lists of models, data sets and tasks as Expand does, and checks the suite. The task auto stands for those that each data
// set is meant for.
func (s *Suite) Parse(models, sets, names string) (err error) {
	if s.Models, err = Expand(models); err != nil {
		return err
	}
	places, err := Expand(sets)
	if err != nil {
		return err
	}
	for _, place := range places {
		all, err := OpenAll(place, s.Settings.Data)
		if err != nil {
			return err
		}
		for _, d := range all {
			if s.Split != "" {
				if err := d.Measure(s.Split); err != nil {
					return err
				}
			}
			s.Data = append(s.Data, d)
		}
	}
	if names != "auto" {
		if s.Tasks, err = Expand(names); err != nil {
			return err
		}
	}
	return s.check()
}

// Line is the event as a line of text.
func (e Event) Line() string {
	switch {
	case e.Err != nil:
		return fmt.Sprintf("%s: failed: %v", e.Cell, e.Err)
	case e.Kept:
		return e.String() + ": done before"
	}
	return fmt.Sprintf("%s: %.4f", e.Cell, Entry{Result: e.Result}.Main())
}
