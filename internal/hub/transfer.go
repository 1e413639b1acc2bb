package hub

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"

	"clipgo/internal/remote"
)

// transfer fills one file.
type transfer struct {
	*snapshot
	entry
	identity
	address string
	file    *os.File
	at      int64 // bytes in the file
	highest int64 // largest value of at: a server that restarts from 0 each time makes no progress
}

// run downloads the rest of the file.
func (t *transfer) run(ctx context.Context) error {
	st, err := t.file.Stat()
	if err != nil {
		return err
	}
	t.at = st.Size()
	if t.identity.size >= 0 && t.at > t.identity.size {
		t.at = 0
		if err := t.file.Truncate(0); err != nil {
			return err
		}
	}
	t.highest = t.at
	if err := t.room(); err != nil {
		return err
	}
	if t.at == t.identity.size && t.at > 0 {
		return nil
	}
	return t.persist(ctx, attempts, func() (bool, error) {
		before := t.highest
		err := t.attempt(ctx)
		return t.highest > before, err
	})
}

// room returns an error if the disk has not enough free space.
func (t *transfer) room() error {
	free, err := freeSpace(t.store.path("blobs"))
	if need := t.identity.size - t.at; err == nil && need > 0 && need > free {
		return fmt.Errorf("%s: %s needs %d MB more, the disk of %s has %d MB", t.repo, t.name, need>>20, t.store.cache, free>>20)
	}
	return nil
}

// attempt makes one request. The file keeps the received bytes even after an error.
func (t *transfer) attempt(ctx context.Context) error {
	r, err := t.ask(ctx, request{method: http.MethodGet, address: t.address, from: t.at, accept: remote.IsFinal})
	if err != nil {
		return err
	}
	defer r.Body.Close()
	if r.StatusCode == http.StatusRequestedRangeNotSatisfiable {
		t.at = 0
		return errors.Join(t.file.Truncate(0), &remote.AwayError{Reason: t.name + ": the server has no such part of it"})
	}
	if err := t.judge(r.Response, t.name); err != nil {
		return err
	}
	if now := r.identity.etag; now != "" && now != t.etag {
		return errChanged
	}
	if err := t.place(r.Response); err != nil {
		return err
	}
	return t.copy(r.Body)
}

// place truncates the file to the offset of the answer's body.
func (t *transfer) place(r *http.Response) error {
	from := int64(0)
	if r.StatusCode == http.StatusPartialContent {
		var total int64
		from, _, total = remote.ContentRange(r.Header.Get("Content-Range"))
		if from != t.at || total >= 0 && t.identity.size >= 0 && total != t.identity.size {
			t.at = 0
			return errors.Join(t.file.Truncate(0),
				&remote.AwayError{Reason: fmt.Sprintf("%s: the server answers with another part of it (%q)", t.name,
					r.Header.Get("Content-Range"))})
		}
	}
	if from != t.at {
		t.at = from
		if err := t.file.Truncate(from); err != nil {
			return err
		}
	}
	_, err := t.file.Seek(from, io.SeekStart)
	return err
}

// copy appends the body, up to the announced size.
func (t *transfer) copy(body io.Reader) error {
	limit := t.identity.size
	if limit < 0 {
		limit = t.limit()
	}
	buffer := make([]byte, 1<<18)
	for {
		n, err := body.Read(buffer)
		if t.at+int64(n) > limit {
			return errors.Join(&wrongError{fmt.Sprintf("more came than the %d bytes that were promised", limit)}, t.file.Truncate(0))
		}
		if _, err := t.file.Write(buffer[:n]); err != nil {
			return err
		}
		t.at += int64(n)
		t.highest = max(t.highest, t.at)
		if t.Progress != nil && n > 0 {
			t.Progress(t.name, t.at, t.identity.size)
		}
		switch {
		case err == io.EOF && t.identity.size >= 0 && t.at < t.identity.size:
			return &remote.AwayError{Reason: fmt.Sprintf("%s broke off after %d of %d bytes", t.name, t.at, t.identity.size)}
		case err == io.EOF:
			return nil
		case err != nil:
			return &remote.AwayError{Reason: fmt.Sprintf("%s broke off after %d bytes", t.name, t.at), Cause: err}
		}
	}
}
