package hub

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
)

// transfer fills one file.
type transfer struct {
	*snapshot
	entry
	identity
	address string
	file    *os.File
	at      int64 // bytes in the file
	highest int64 // that there ever were: a server that starts from 0 each time brings nothing new
}

// run goes on from what the file has until all is there.
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

// room refuses early what the disk can't hold.
func (t *transfer) room() error {
	free, err := freeSpace(t.store.path("blobs"))
	if need := t.identity.size - t.at; err == nil && need > 0 && need > free {
		return fmt.Errorf("%s: %s needs %d MB more, the disk of %s has %d MB", t.repo, t.name, need>>20, t.store.cache, free>>20)
	}
	return nil
}

// attempt is one request. It leaves in the file whatever came.
func (t *transfer) attempt(ctx context.Context) error {
	r, err := t.ask(ctx, request{method: http.MethodGet, address: t.address, from: t.at, accept: isFinal})
	if err != nil {
		return err
	}
	defer r.Body.Close()
	if r.StatusCode == http.StatusRequestedRangeNotSatisfiable {
		t.at = 0
		return errors.Join(t.file.Truncate(0), &awayError{reason: t.name + ": the server has no such part of it"})
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

// place puts the file's end where the answer's body goes.
func (t *transfer) place(r *http.Response) error {
	from := int64(0)
	if r.StatusCode == http.StatusPartialContent {
		var total int64
		from, total = rangeStart(r.Header.Get("Content-Range"))
		if from != t.at || total >= 0 && t.identity.size >= 0 && total != t.identity.size {
			t.at = 0
			return errors.Join(t.file.Truncate(0),
				&awayError{reason: fmt.Sprintf("%s: the server answers with another part of it (%q)", t.name,
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

// copy takes the body, and no byte more than was promised.
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
			return &awayError{reason: fmt.Sprintf("%s broke off after %d of %d bytes", t.name, t.at, t.identity.size)}
		case err == io.EOF:
			return nil
		case err != nil:
			return &awayError{reason: fmt.Sprintf("%s broke off after %d bytes", t.name, t.at), cause: err}
		}
	}
}
