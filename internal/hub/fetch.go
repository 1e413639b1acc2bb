package hub

import (
	"context"
	"crypto/sha1"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"net/http"
	"net/url"
	"os"
	"strings"
	"syscall"

	"clipgo/internal/remote"
)

// errChanged reports that a file has changed on the hub during the download.
var errChanged = errors.New("the file changed while it was downloaded")

// wrongError reports content that doesn't have the hash or size that the hub announced.
type wrongError struct{ reason string }

func (e *wrongError) Error() string { return e.reason }

// fetch downloads one file into the snapshot. A file that changes meanwhile or has wrong content is downloaded once more from the start.
func (s *snapshot) fetch(ctx context.Context, commit string, f entry) error {
	if isFile(s.store.pointer(commit, f.name)) {
		return nil
	}
	for try := 1; ; try++ {
		err := s.fetchOnce(ctx, commit, f)
		var wrong *wrongError
		if !errors.Is(err, errChanged) && !errors.As(err, &wrong) {
			return err
		}
		if try == 2 {
			return s.refuse("%s: %v", f.name, err)
		}
		s.warn("the download starts again", "file", f.name, "reason", err)
	}
}

func (s *snapshot) fetchOnce(ctx context.Context, commit string, f entry) error {
	id, err := s.identify(ctx, commit, f)
	if err != nil {
		return err
	}
	for _, dir := range []string{s.store.path("blobs"), s.store.snapshot(commit)} {
		if err := os.MkdirAll(dir, 0o777); err != nil {
			return fmt.Errorf("hub cache: %w", err)
		}
	}
	if err := s.store.tag(); err != nil {
		s.warn("the cache directory is not tagged", "error", err)
	}
	unlock, err := s.store.lock(ctx, id.etag, func() {
		s.warn("another process downloads the file; this one waits for it", "repo", s.repo, "file", f.name)
	})
	if err != nil {
		return err
	}
	defer unlock()
	if st, err := os.Stat(s.store.blob(id.etag)); err != nil || id.size >= 0 && st.Size() != id.size {
		if err := s.complete(ctx, commit, f, id); err != nil {
			return err
		}
	}
	if err := s.store.link(id.etag, commit, f.name); err != nil {
		return fmt.Errorf("hub cache: %w", err)
	}
	return nil
}

func (s *snapshot) address(commit, name string) string { return s.Client.address(s.repo, commit, name) }

// address is the URL of a file of a repository.
func (c *Client) address(repo, commit, name string) string {
	parts := strings.Split(name, "/")
	for i := range parts {
		parts[i] = url.PathEscape(parts[i])
	}
	return c.endpoint() + "/" + repo + "/resolve/" + commit + "/" + strings.Join(parts, "/")
}

// identify asks the hub for a file's identity and size, and checks that they are plausible.
func (s *snapshot) identify(ctx context.Context, commit string, f entry) (id identity, err error) {
	err = s.persist(ctx, attempts, func() (bool, error) {
		r, err := s.ask(ctx, request{method: http.MethodHead, address: s.address(commit, f.name), accept: isDescribed})
		if err != nil {
			return false, err
		}
		_ = r.Body.Close()
		id = r.identity
		if !remote.IsFinal(r.Response) {
			return false, nil
		}
		return false, s.judge(r.Response, f.name)
	})
	if err != nil {
		return id, err
	}
	if id.size < 0 {
		id.size = f.size
	}
	switch {
	case !etagPattern.MatchString(id.etag):
		return id, s.refuse("%s: the hub gives no usable ETag (%q); is HF_ENDPOINT a hub?", f.name, id.etag)
	case id.commit != "" && id.commit != commit:
		return id, s.refuse("%s: commit %.40q was answered for %s", f.name, id.commit, commit)
	case f.sha256 != "" && isSHA256(id.etag) && f.sha256 != id.etag:
		return id, s.refuse("%s: the hub's list says SHA-256 %.64s, its answer %s", f.name, f.sha256, id.etag)
	case id.size > f.limit():
		return id, s.refuse("%s: %d bytes are more than the %d that such a file may have", f.name, id.size, f.limit())
	}
	return id, nil
}

// complete downloads a blob and resumes an earlier download. The caller holds the blob's lock.
func (s *snapshot) complete(ctx context.Context, commit string, f entry, id identity) (err error) {
	part := s.store.blob(id.etag) + ".incomplete"
	file, err := os.OpenFile(part, os.O_RDWR|os.O_CREATE, 0o666)
	if err != nil {
		return fmt.Errorf("hub cache: %w", err)
	}
	t := &transfer{snapshot: s, file: file, entry: f, identity: id, address: s.address(commit, f.name)}
	err = t.run(ctx)
	if err == nil {
		err = file.Sync()
	}
	if err = errors.Join(err, file.Close()); err != nil {
		return s.explain(err, part)
	}
	if err := verify(part, f, id); err != nil {
		return errors.Join(err, os.Remove(part))
	}
	if err := os.Rename(part, s.store.blob(id.etag)); err != nil {
		return fmt.Errorf("hub cache: %w", err)
	}
	return nil
}

// explain adds advice to the error of a full disk; other errors are returned unchanged.
func (s *snapshot) explain(err error, part string) error {
	if errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT) {
		return fmt.Errorf("%s: the disk of %s is full; make room, and the same command goes on from what is there: %w", s.repo, part, err)
	}
	return err
}

// verify compares a complete file with the size and hash that the hub announced.
func verify(path string, f entry, id identity) error {
	st, err := os.Stat(path)
	if err != nil {
		return err
	}
	if id.size >= 0 && st.Size() != id.size {
		return &wrongError{fmt.Sprintf("%d bytes came, %d were promised", st.Size(), id.size)}
	}
	want := f.sha256
	if isSHA256(id.etag) {
		want = id.etag
	}
	if want == "" && !isCommit(id.etag) { // a mirror's own ETag doesn't depend on the content
		return nil
	}
	sum, blob, plain := sha256.New(), sha1.New(), sha1.New()
	fmt.Fprintf(blob, "blob %d\x00", st.Size()) // git's id of a file
	sums := []io.Writer{sum}
	if want == "" {
		sums = []io.Writer{blob, plain}
	}
	if err := readInto(io.MultiWriter(sums...), path); err != nil {
		return err
	}
	switch {
	case want != "" && hexOf(sum) != want:
		return &wrongError{fmt.Sprintf("SHA-256 is %s, promised was %s", hexOf(sum), want)}
	case want == "" && hexOf(blob) != id.etag && hexOf(plain) != id.etag: // plain: some mirrors
		return &wrongError{fmt.Sprintf("git's id is %s, promised was %s", hexOf(blob), id.etag)}
	}
	return nil
}

func isSHA256(etag string) bool {
	_, err := hex.DecodeString(etag)
	return err == nil && len(etag) == 2*sha256.Size
}

func hexOf(h hash.Hash) string { return hex.EncodeToString(h.Sum(nil)) }

func readInto(w io.Writer, path string) error {
	file, err := os.Open(path) // what this program has downloaded so far, as large as the hub said
	if err != nil {
		return err
	}
	defer file.Close()
	_, err = io.CopyBuffer(w, file, make([]byte, 1<<20))
	return err
}
