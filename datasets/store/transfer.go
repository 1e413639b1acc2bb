package store

import (
	"context"
	"errors"
	"fmt"
	"hash/maphash"
	"io"

	"clipgo/internal/remote"
)

// fill reads len(p) bytes of an object from an offset. A transfer that breaks off is resumed.
func (f *far) fill(ctx context.Context, from origin, o Object, p []byte, at int64) (n int, err error) {
	release, err := f.slot(ctx)
	if err != nil {
		return 0, readError(o, at, err)
	}
	defer release()
	err = f.retry("", o.Name, readAttempts).Do(ctx, func() (bool, error) {
		f.requests.Add(1)
		body, err := from.open(ctx, o, at+int64(n), at+int64(len(p)))
		if err != nil {
			return false, err
		}
		defer body.Close()
		m, err := io.ReadFull(body, p[n:])
		n += m
		f.bytes.Add(int64(m))
		if err != nil {
			return m > 0, brokeOff(err)
		}
		return true, nil
	})
	if err != nil {
		return n, readError(o, at+int64(n), err)
	}
	return n, nil
}

func brokeOff(err error) error {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return &remote.AwayError{Reason: "the transfer broke off"}
	}
	return &remote.AwayError{Reason: "the transfer broke off", Cause: err}
}

// readError is an error of a read as one line with the object and the offset.
func readError(o Object, at int64, err error) error {
	var changed *ChangedError
	if errors.As(err, &changed) {
		return changed
	}
	return fmt.Errorf("%s: at byte %d: %w", o.Name, at, err)
}

// stream is an object from an offset to its end over one connection, which is made again where it breaks.
type stream struct {
	ctx    context.Context
	far    *far
	from   origin
	object Object
	at     int64
	body   io.ReadCloser
	err    error // of the last Read; later ones return it too

	// An object that can only be read from its beginning is read again up to the place where it broke. seen is the hash of what was
	// read before.
	seen maphash.Hash
}

// newStream opens a stream, so that an object that can't be read is an error here.
func newStream(ctx context.Context, f *far, from origin, o Object, at int64) (*stream, error) {
	s := &stream{ctx: ctx, far: f, from: from, object: o, at: at}
	if at == o.Size {
		return s, nil
	}
	err := f.retry("", o.Name, readAttempts).Do(ctx, func() (bool, error) { return false, s.open() })
	if err != nil {
		return nil, readError(o, at, err)
	}
	return s, nil
}

func (s *stream) open() error {
	s.far.requests.Add(1)
	if !s.object.Sequential {
		body, err := s.from.open(s.ctx, s.object, s.at, -1)
		s.body = body
		return err
	}
	body, err := s.from.open(s.ctx, s.object, 0, -1)
	if err != nil {
		return err
	}
	if err := s.again(body); err != nil {
		_ = body.Close()
		return err
	}
	s.body = body
	return nil
}

// again reads what was read before the connection broke, which has to be the same.
func (s *stream) again(body io.Reader) error {
	var again maphash.Hash
	again.SetSeed(s.seen.Seed())
	n, err := io.CopyN(&again, body, s.at)
	s.far.bytes.Add(n)
	if err != nil {
		return brokeOff(err)
	}
	if again.Sum64() != s.seen.Sum64() {
		return &ChangedError{s.object.Name}
	}
	return nil
}

func (s *stream) Read(p []byte) (n int, err error) {
	if s.err != nil || len(p) == 0 {
		return 0, s.err
	}
	if s.at == s.object.Size {
		s.err = io.EOF
		_ = s.Close() // everything was read
		return 0, io.EOF
	}
	if rest := s.object.Size - s.at; rest > 0 && int64(len(p)) > rest {
		p = p[:rest]
	}
	err = s.far.retry("", s.object.Name, readAttempts).Do(s.ctx, func() (bool, error) {
		n, err = s.attempt(p)
		return n > 0, err
	})
	if s.err == nil && err != nil {
		s.err = readError(s.object, s.at, err)
	}
	return n, s.err
}

// attempt reads once, and makes the connection if there is none.
func (s *stream) attempt(p []byte) (int, error) {
	if s.body == nil {
		if err := s.open(); err != nil {
			return 0, err
		}
	}
	n, err := s.body.Read(p)
	s.at += int64(n)
	s.far.bytes.Add(int64(n))
	if s.object.Sequential {
		_, _ = s.seen.Write(p[:n]) // it never fails
	}
	switch {
	case err == nil || n > 0 && !errors.Is(err, io.EOF):
		if err != nil {
			s.drop()
		}
		return n, nil
	case errors.Is(err, io.EOF) && (s.object.Size < 0 || s.at == s.object.Size):
		s.err = io.EOF
		return n, nil
	case n > 0:
		s.drop()
		return n, nil
	}
	s.drop()
	return 0, brokeOff(err)
}

// drop closes a connection that has failed.
func (s *stream) drop() {
	_ = s.body.Close() // it has failed already
	s.body = nil
}

func (s *stream) Close() error {
	if s.body == nil {
		return nil
	}
	err := s.body.Close()
	s.body = nil
	if s.err == nil {
		s.err = fmt.Errorf("%s: the stream is closed", s.object.Name)
	}
	return err
}
