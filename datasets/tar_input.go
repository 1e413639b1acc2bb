package datasets

import (
	"errors"
	"fmt"
	"io"
)

// tarInput is an archive that is read forward. A seek is relative to the current position and never goes back.
type tarInput interface {
	io.ReadSeeker
	// at is the position.
	at() int64
	// length is the number of bytes; -1 if it isn't known.
	length() int64
	// peek reads at an offset in the last two blocks or behind them, and returns how many bytes are there. It may move the position.
	peek(p []byte, from int64) int
	// failed is the error of the medium, if there was one. What is wrong with the content is none.
	failed() error
}

// The windows of a cursor: a read of a file costs little, one of a server costs its latency.
const (
	nearWindow = 8 << 10
	farWindow  = 1 << 20
)

// cursor reads from a position in a file through a window. A header and the short members after it cost one read, and a member that is
// longer than the window costs none when it is skipped. No byte before the end is read twice.
type cursor struct {
	r         io.ReaderAt
	size, pos int64
	window    []byte
	begin     int64 // offset of the window in the file
	filled    int
	err       error
}

func newCursor(r io.ReaderAt, size int64, window int) *cursor {
	return &cursor{r: r, size: size, window: make([]byte, window)}
}

func (c *cursor) at() int64     { return c.pos }
func (c *cursor) length() int64 { return c.size }
func (c *cursor) failed() error { return c.err }

func (c *cursor) Read(p []byte) (int, error) {
	if c.pos >= c.size {
		return 0, io.EOF
	}
	if c.pos < c.begin || c.pos >= c.begin+int64(c.filled) {
		n, err := c.r.ReadAt(c.window[:min(int64(len(c.window)), c.size-c.pos)], c.pos)
		c.begin, c.filled = c.pos, n
		if n == 0 {
			return 0, c.note(err)
		}
	}
	n := copy(p, c.window[c.pos-c.begin:c.filled])
	c.pos += int64(n)
	return n, nil
}

// note keeps the error of the medium.
func (c *cursor) note(err error) error {
	if err != nil && !errors.Is(err, io.EOF) {
		c.err = err
	}
	return err
}

func (c *cursor) Seek(offset int64, whence int) (int64, error) {
	if whence != io.SeekCurrent || c.pos+offset < 0 {
		return 0, fmt.Errorf("seek by %d from %d", offset, c.pos)
	}
	c.pos += offset
	return c.pos, nil
}

func (c *cursor) peek(p []byte, from int64) int {
	p = p[:max(0, min(int64(len(p)), c.size-from))]
	if in := from - c.begin; in >= 0 && in+int64(len(p)) <= int64(c.filled) {
		return copy(p, c.window[in:])
	}
	n, err := c.r.ReadAt(p, from)
	_ = c.note(err) // a short answer is what the caller judges
	return n
}

// flow reads an archive that can't be read in any other order.
type flow struct {
	r      io.Reader
	medium *medium // that r reads
	pos    int64
	last   []byte // the bytes before the position: two blocks of them if there are as many
}

func (f *flow) at() int64     { return f.pos }
func (f *flow) length() int64 { return -1 }
func (f *flow) failed() error { return f.medium.err }

func (f *flow) Read(p []byte) (int, error) {
	n, err := f.r.Read(p)
	f.pos += int64(n)
	const keep = 2 * tarBlock
	if n >= keep {
		f.last = append(f.last[:0], p[n-keep:n]...)
	} else {
		f.last = append(f.last[:copy(f.last, f.last[max(0, len(f.last)+n-keep):])], p[:n]...)
	}
	return n, err
}

func (f *flow) Seek(offset int64, whence int) (int64, error) {
	if whence != io.SeekCurrent || offset < 0 {
		return 0, fmt.Errorf("seek by %d from %d in what is read in sequence", offset, f.pos)
	}
	_, err := io.CopyN(io.Discard, f, offset)
	return f.pos, err
}

func (f *flow) peek(p []byte, from int64) int {
	n := 0
	if begin := f.pos - int64(len(f.last)); from >= begin && from < f.pos {
		n = copy(p, f.last[from-begin:])
	} else if from > f.pos {
		if _, err := f.Seek(from-f.pos, io.SeekCurrent); err != nil {
			return 0
		}
	}
	more, err := io.ReadFull(f, p[n:])
	_ = err // a short answer is what the caller judges
	return n + more
}
