package main

import (
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"os"
	"sync"
	"time"

	"github.com/lmittmann/tint"
	"github.com/schollz/progressbar/v3"
	"golang.org/x/term"

	"clipgo/datasets"
	"clipgo/internal/paths"
	"clipgo/internal/visible"
)

// streams are where a command writes.
type streams struct{ out, err io.Writer }

// console is how a command talks: results to stdout, everything else to stderr, around a progress bar where there is
// one.
type console struct {
	streams
	json     bool
	quiet    bool
	jsonLog  bool // lines on stderr are JSON, all of them
	terminal bool // stderr is one: bars and colours make sense
	log      *slog.Logger

	mu  sync.Mutex
	bar *progressbar.ProgressBar
}

// output are the flags that every command has.
type output struct {
	json, quiet bool
	logFormat   string
}

func newConsole(s streams, o output) (*console, error) {
	c := &console{streams: s, json: o.json, quiet: o.quiet, terminal: isTerminal(s.err)}
	level := slog.LevelInfo
	if o.quiet {
		level = slog.LevelWarn
	}
	switch o.logFormat {
	case "json":
		c.terminal, c.jsonLog = false, true
		c.log = slog.New(slog.NewJSONHandler(c, &slog.HandlerOptions{Level: level}))
	case "text":
		c.log = slog.New(textHandler(c, level, c.terminal && os.Getenv("NO_COLOR") == ""))
	default:
		return nil, usagef("--log-format: %q is neither text nor json", o.logFormat)
	}
	return c, nil
}

func textHandler(w io.Writer, level slog.Level, color bool) slog.Handler {
	return visible.Log{Handler: tint.NewTextHandler(w, &tint.Options{Level: level, TimeFormat: time.TimeOnly, NoColor: !color})}
}

func isTerminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}

// Write puts log lines above the bar.
func (c *console) Write(p []byte) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.bar == nil {
		return c.err.Write(p)
	}
	_ = c.bar.Clear()
	n, err := c.err.Write(p)
	_ = c.bar.RenderBlank()
	return n, err
}

// say writes a line for people to stderr.
func (c *console) say(format string, args ...any) {
	switch {
	case c.quiet:
	case c.jsonLog:
		c.log.Info(fmt.Sprintf(format, args...))
	default:
		fmt.Fprintf(c, format+"\n", visible.Args(args)...)
	}
}

// print writes a line of the result to stdout, for people.
func (c *console) print(format string, args ...any) {
	fmt.Fprintf(c.out, format+"\n", visible.Args(args)...)
}

// result writes one JSON object, a line, to stdout.
func (c *console) result(v any) error {
	e := json.NewEncoder(c.out)
	e.SetEscapeHTML(false)
	return e.Encode(v)
}

// show prints a result: as JSON, or its lines for people.
func (c *console) show(result any, lines func() []string) error {
	if c.json {
		return c.result(result)
	}
	for _, line := range lines() {
		c.print("%s", line)
	}
	return nil
}

// tellNotes says what opening the data had to guess or mend.
func tellNotes(c *console, info datasets.Info) {
	for _, line := range info.Lines() {
		c.log.Info(line, "data", info.Name)
	}
	for _, folder := range info.Unread {
		c.tellSkip(folder)
	}
}

// tellSkip warns of a sample that could not be used.
func (c *console) tellSkip(s datasets.Skip) {
	if c.jsonLog {
		s.Key = paths.Text(s.Key)
	}
	c.log.Warn("skipped", "sample", s.Key, "reason", s.Reason)
}

// progress shows how far n of total is: a bar, or without a terminal a log line each interval. done takes it away.
func (c *console) progress(what string, total int64) *progress {
	p := c.barOnly(what, total)
	p.interval = logInterval
	return p
}

// laterProgress is progress that begins at its first set, when the total is known.
func (c *console) laterProgress(what string) *laterProgress {
	return &laterProgress{console: c, what: what}
}

type laterProgress struct {
	console *console
	what    string
	bar     *progress
}

func (p *laterProgress) set(at, total int64) {
	if p.bar == nil {
		p.bar = p.console.progress(p.what, total)
	}
	p.bar.set(at)
}

func (p *laterProgress) done() {
	if p.bar != nil {
		p.bar.done()
	}
}

// barOnly is progress for work that logs lines of its own.
func (c *console) barOnly(what string, total int64) *progress {
	p := &progress{console: c, what: what, total: total, begun: time.Now(), logged: time.Now()}
	if c.terminal && !c.quiet {
		c.bar = c.newBar(what, total, progressbar.OptionShowCount(), progressbar.OptionShowIts())
	}
	return p
}

func (c *console) newBar(what string, total int64, unit ...progressbar.Option) *progressbar.ProgressBar {
	return progressbar.NewOptions64(total, append(unit, progressbar.OptionSetWriter(c.err), progressbar.OptionFullWidth(),
		progressbar.OptionSetDescription(visible.Text(what)), progressbar.OptionUseANSICodes(true), progressbar.OptionClearOnFinish(),
		progressbar.OptionThrottle(100*time.Millisecond), progressbar.OptionSetPredictTime(true))...)
}

// progress is a bar on a terminal, else a log line each interval.
type progress struct {
	*console
	what   string
	total  int64
	at     int64
	begun  time.Time
	logged time.Time

	interval time.Duration // between log lines; 0: none
}

const logInterval = 15 * time.Second

func (p *progress) set(at int64) {
	p.at = at
	if p.hasBar() {
		p.mu.Lock()
		defer p.mu.Unlock()
		_ = p.bar.Set64(at)
		return
	}
	if p.interval > 0 && time.Since(p.logged) >= p.interval {
		p.logged = time.Now()
		p.log.Info(p.what, "done", p.at, "of", p.total, "per_second", rate(p.at, p.begun))
	}
}

// hasBar says whether progress is a bar, so that no lines are needed.
func (p *progress) hasBar() bool { return p.terminal && !p.quiet }

func (p *progress) describe(text string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.bar != nil {
		p.bar.Describe(visible.Text(text))
	}
}

func (p *progress) done() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.bar != nil {
		_ = p.bar.Clear()
		p.bar = nil
	}
}

func rate(n int64, since time.Time) float64 {
	return float64(int64(float64(n)/max(time.Since(since).Seconds(), 1e-9)*10)) / 10
}
