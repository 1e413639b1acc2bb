// Package bounded reads files from outside: only regular ones, and only up to a limit.
//
// A path may lead to a pipe that nobody writes to, to a device without end, or to a file of terabytes that takes no space on the disk. A
// file is opened without waiting, and what it is and how large is asked of the open file, so that it can't be replaced in between.
package bounded

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"syscall"

	"clipgo/internal/fault"
)

// Error reports a file that is not read: it is not a regular file, or larger than its kind may be.
type Error struct {
	Path   string
	Reason string
	Kind   Kind
	cause  error
}

func (e *Error) Error() string { return e.Path + ": " + e.Reason }

// Fault is the error's kind.
func (e *Error) Fault() fault.Kind { return e.Kind.Fault }

func (e *Error) Unwrap() error { return e.cause }

// ErrNotRegular is wrapped by the error of a path that leads to something other than a regular file.
var ErrNotRegular = errors.New("not a regular file")

// Open opens a regular file of at most the kind's limit for reading. A missing file is the error of os.Open.
func Open(path string, kind Kind) (*os.File, error) {
	f, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil, err
	}
	if err := check(f, path, kind); err != nil {
		_ = f.Close() // nothing was written
		return nil, err
	}
	return f, nil
}

func check(f *os.File, path string, kind Kind) error {
	info, err := f.Stat()
	switch {
	case err != nil:
		return err
	case !info.Mode().IsRegular():
		return &Error{path, fmt.Sprintf("it is %s, %v", describe(info.Mode()), ErrNotRegular), kind, ErrNotRegular}
	case info.Size() > kind.Limit:
		return &Error{path, fmt.Sprintf("it has %s; %s has at most %s", size(info.Size()), kind.Name, size(kind.Limit)), kind, nil}
	}
	return nil
}

func describe(mode fs.FileMode) string {
	switch {
	case mode.IsDir():
		return "a folder"
	case mode&fs.ModeNamedPipe != 0:
		return "a pipe"
	case mode&fs.ModeSocket != 0:
		return "a socket"
	default:
		return "a device"
	}
}

// size is a number of bytes for people.
func size(n int64) string {
	switch {
	case n%gigabyte == 0 || n > 10*gigabyte:
		return fmt.Sprintf("%d GB", n/gigabyte)
	case n%megabyte == 0 || n > 10*megabyte:
		return fmt.Sprintf("%d MB", n/megabyte)
	}
	return fmt.Sprintf("%d bytes", n)
}

// ReadFile reads a whole file of a kind. A file that grows meanwhile is read up to the limit, and is an error above it.
func ReadFile(path string, kind Kind) ([]byte, error) {
	f, err := Open(path, kind)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	var b bytes.Buffer
	if info, err := f.Stat(); err == nil {
		b.Grow(int(min(info.Size(), kind.Limit)) + bytes.MinRead) // as os.ReadFile does: no copy while it grows
	}
	if _, err := b.ReadFrom(io.LimitReader(f, kind.Limit+1)); err != nil {
		return nil, err
	}
	if int64(b.Len()) > kind.Limit {
		return nil, &Error{path, fmt.Sprintf("it grows beyond %s, the limit of %s", size(kind.Limit), kind.Name), kind, nil}
	}
	return b.Bytes(), nil
}

// Lines calls f with each line of a file of a kind and with its number from 1, without the newline. The line is valid during the
// call. A line that is longer than the kind's Line is an error with its number. The last line counts without a newline too; whole is
// false for it then.
func Lines(path string, kind Kind, f func(n int, line []byte, whole bool) error) error {
	file, err := Open(path, kind)
	if err != nil {
		return err
	}
	defer file.Close()
	return Scan(file, path, kind, f)
}

// Scan is Lines for what is open already; name stands for it in errors.
func Scan(from io.Reader, name string, kind Kind, f func(n int, line []byte, whole bool) error) error {
	r := bufio.NewReaderSize(io.LimitReader(from, kind.Limit), 1<<16)
	for n := 1; ; n++ {
		line, err := readLine(r, kind.Line)
		switch {
		case errors.Is(err, errLong):
			reason := fmt.Sprintf("line %d has more than %s, the limit for a line of %s", n, size(kind.Line), kind.Name)
			return &Error{name, reason, kind, nil}
		case errors.Is(err, io.EOF) && len(line) == 0:
			return nil
		case err != nil && !errors.Is(err, io.EOF):
			return err
		}
		whole := err == nil
		if err := f(n, bytes.TrimSuffix(line, []byte("\n")), whole); err != nil || !whole {
			return err
		}
	}
}

var errLong = errors.New("a line is too long")

// readLine reads up to a newline, at most limit bytes.
func readLine(r *bufio.Reader, limit int64) ([]byte, error) {
	line, err := r.ReadSlice('\n')
	if !errors.Is(err, bufio.ErrBufferFull) {
		return line, over(line, limit, err)
	}
	long := bytes.Clone(line)
	for errors.Is(err, bufio.ErrBufferFull) {
		if int64(len(long)) > limit {
			return nil, errLong
		}
		line, err = r.ReadSlice('\n')
		long = append(long, line...)
	}
	return long, over(long, limit, err)
}

func over(line []byte, limit int64, err error) error {
	if int64(len(bytes.TrimSuffix(line, []byte("\n")))) > limit {
		return errLong
	}
	return err
}
