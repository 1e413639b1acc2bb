package run

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"time"

	"github.com/lmittmann/tint"

	"clipgo/datasets"
	"clipgo/pretrained"
	"clipgo/training"
	"clipgo/training/dist"
)

// Console is where a run reports to. Every field may be left out.
type Console struct {
	Log  *slog.Logger                       // warnings, evaluations, steps
	Say  func(format string, args ...any)   // a line about the run before it begins
	Bar  func(what string, total int64) Bar // progress in steps
	Find pretrained.Finder                  // looks models up by name
	Hook training.Hook                      // a further hook, after all others

	// Group is the processes of the run; nil: those that the launcher's variables say.
	Group   dist.Group
	Version string // of the program; processes of different versions don't train together
}

// Bar shows progress.
type Bar interface {
	Set(at int64)
	Describe(text string)
	Shown() bool // on a terminal; elsewhere steps are logged instead
	Done()
}

// noBar is progress that nobody looks at.
type noBar struct{}

func (noBar) Set(int64)       {}
func (noBar) Describe(string) {}
func (noBar) Shown() bool     { return false }
func (noBar) Done()           {}

// filled has a function in every field.
func (c Console) filled() *Console {
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	if c.Say == nil {
		c.Say = func(string, ...any) {}
	}
	if c.Bar == nil {
		c.Bar = func(string, int64) Bar { return noBar{} }
	}
	if c.Find == nil {
		c.Find = pretrained.Hub{Log: c.Log}.Find
	}
	return &c
}

// fileHandler writes log records as lines of text, for log.txt.
func fileHandler(w io.Writer) slog.Handler {
	return tint.NewTextHandler(w, &tint.Options{Level: slog.LevelDebug, TimeFormat: time.TimeOnly, NoColor: true})
}

// steps is a number of steps in words.
func steps(n int) string {
	if n == 1 {
		return "1 step"
	}
	return fmt.Sprintf("%d steps", n)
}

// notes logs what opening the data had to guess or mend.
func (c *Console) notes(info datasets.Info) {
	for _, line := range info.Lines() {
		c.Log.Info(line, "data", info.Name)
	}
	for _, folder := range info.Unread {
		c.skipped(folder)
	}
}

// skipped warns of a sample that could not be used.
func (c *Console) skipped(s datasets.Skip) {
	c.Log.Warn("skipped", "sample", s.Key, "reason", s.Reason)
}

// closeInto closes something and joins its error.
func closeInto(err *error, c io.Closer) { *err = errors.Join(*err, c.Close()) }
