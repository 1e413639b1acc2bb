// Command peers measures clipgo against open_clip: the same work on the same machine, alternating, so that both run under the same load. It
// prints a table of ratios and writes all measurements as JSON. `make bench-peers` runs it.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"time"
)

func main() {
	var s settings
	var names string
	flag.StringVar(&s.program, "clipgo", "build/clipgo", "clipgo's `program`")
	flag.StringVar(&s.python, "python", "python3", "`interpreter` that has open_clip")
	flag.StringVar(&s.dir, "dir", "build/peers", "`folder` of libtorchs (NAME/libtch.so), and for pictures and weights")
	flag.StringVar(&s.results, "results", "bench/results", "`folder` that the result is written to")
	flag.IntVar(&s.repetitions, "repetitions", 3, "measurements of each program")
	flag.DurationVar(&s.limit, "limit", 20*time.Minute, "begin no row and no repetition after this long")
	flag.StringVar(&names, "rows", "", "names of the `rows` to measure (default all)")
	flag.Parse()
	s.rows = strings.Fields(strings.ReplaceAll(names, ",", " "))
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, s); err != nil {
		fmt.Fprintln(os.Stderr, "peers:", err)
		defer os.Exit(1)
	}
}

// settings are the flags.
type settings struct {
	program, python, dir, results string
	repetitions                   int
	limit                         time.Duration
	rows                          []string // empty: all
}

func run(ctx context.Context, s settings) error {
	rows, err := choose(allRows(), s.rows)
	if err != nil {
		return err
	}
	w, err := openWorkshop(ctx, s)
	if err != nil {
		return err
	}
	result := newResult(w)
	failed := 0
	for _, r := range rows {
		measured, err := r.measure(ctx, w)
		if ctx.Err() != nil {
			break // keep the measurements so far
		}
		if err != nil { // the other rows don't depend on it
			say("  %v", err)
			measured.LeftOut = err.Error()
		}
		if err != nil && !errors.Is(err, errNoBF16) && !errors.Is(err, errTimeOver) {
			failed++
		}
		result.Rows = append(result.Rows, measured)
	}
	_, _ = io.WriteString(os.Stdout, result.table())
	path, err := result.write(s.results)
	if err != nil {
		return err
	}
	say("written to %s", path)
	if failed > 0 {
		return fmt.Errorf("%d rows failed", failed)
	}
	return ctx.Err()
}

// errTimeOver leaves a row out.
var errTimeOver = errors.New("the time was over")

func say(format string, args ...any) { fmt.Fprintf(os.Stderr, format+"\n", args...) }
