package run

import (
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"syscall"
)

// openRecords opens the files that a sitting adds lines to.
func (s *session) openRecords() error {
	for _, r := range []struct {
		name string
		to   **ledger
	}{{MetricsFile, &s.dir.metrics}, {EvaluationsFile, &s.dir.evaluations}, {SkippedFile, &s.dir.skipped}} {
		l, err := openLedger(filepath.Join(s.Out, r.name), s.unwritten)
		if err != nil {
			return err
		}
		*r.to = l
		s.onClose(l.Close)
	}
	log, err := openRegular(filepath.Join(s.Out, LogFile), os.O_APPEND)
	if err != nil {
		return err
	}
	s.dir.log = log
	s.onClose(log.Close)
	s.console.Log = slog.New(slog.NewMultiHandler(s.console.Log.Handler(), fileHandler(log)))
	return nil
}

// unwritten tells that a file of the run directory can't be written.
func (s *session) unwritten(path string, err error) {
	s.console.Log.Warn("can't write to a file of the run directory: its lines are kept and written later", "path", path, "error", err)
}

// openRegular opens a file for writing, creating it if it is missing. A link is not followed, and what is not a regular file is refused.
func openRegular(path string, flag int) (*os.File, error) {
	f, err := os.OpenFile(path, flag|os.O_CREATE|os.O_WRONLY|syscall.O_NOFOLLOW|syscall.O_NONBLOCK, 0o644)
	notRegular := fmt.Errorf("%s: it is not a regular file; remove it", path)
	if errors.Is(err, syscall.ELOOP) || errors.Is(err, syscall.ENXIO) {
		return nil, notRegular
	}
	if err != nil {
		return nil, err
	}
	info, err := f.Stat()
	if err == nil && !info.Mode().IsRegular() {
		err = notRegular
	}
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return f, nil
}

// ledger adds lines to a file. Lines that can't be written wait for the next ones, so that a full disk doesn't end a training, and
// a line that was written in part is taken back.
type ledger struct {
	file    *os.File // nil: another process of the run writes the lines
	end     int64    // of the last whole line
	waiting []byte   // lines after it
	failing bool
	failed  func(path string, err error) // receives the first of several failures
}

// mostWaiting is how many bytes of lines may wait.
const mostWaiting = 64 << 20

func openLedger(path string, failed func(string, error)) (*ledger, error) {
	f, err := openRegular(path, 0)
	if err != nil {
		return nil, err
	}
	info, err := f.Stat()
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return &ledger{file: f, end: info.Size(), failed: failed}, nil
}

// Write adds whole lines. It fails only when too many wait.
func (l *ledger) Write(lines []byte) (int, error) {
	if l.file == nil {
		return len(lines), nil
	}
	l.waiting = append(l.waiting, lines...)
	err := l.flush()
	if err != nil && !l.failing && l.failed != nil {
		l.failed(l.file.Name(), err)
	}
	if l.failing = err != nil; l.failing && len(l.waiting) > mostWaiting {
		return 0, err
	}
	return len(lines), nil
}

func (l *ledger) flush() error {
	n, err := l.file.WriteAt(l.waiting, l.end)
	if err != nil {
		_ = l.file.Truncate(l.end) // the part of a line; where this fails, too, it is overwritten later
		return err
	}
	l.end += int64(n)
	l.waiting = l.waiting[:0]
	return nil
}

// Close writes what waits, and closes the file.
func (l *ledger) Close() error {
	var err error
	if len(l.waiting) > 0 {
		err = l.flush()
	}
	err = errors.Join(err, l.file.Close())
	if gone, ok := errors.AsType[*fs.PathError](err); ok {
		return fmt.Errorf("the last lines of %s are lost: %w", l.file.Name(), gone)
	}
	return err
}
