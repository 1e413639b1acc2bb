package hub

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/gofrs/flock"

	"clipgo/internal/bounded"
	"clipgo/internal/durable"
	"clipgo/internal/sbert"
)

// store is a repository's part of the cache, with the layout of huggingface_hub:
//
//	models--ORG--REPO/refs/REVISION            the commit that a branch or a tag had when it was last asked for
//	models--ORG--REPO/blobs/ETAG               contents
//	models--ORG--REPO/blobs/ETAG.incomplete    contents so far
//	models--ORG--REPO/snapshots/COMMIT/FILE -> ../../blobs/ETAG
//	.locks/models--ORG--REPO/ETAG.lock
type store struct {
	cache, folder string
}

func newStore(cache, repo string) store {
	return store{cache, "models--" + strings.ReplaceAll(repo, "/", "--")}
}

func (s store) path(parts ...string) string {
	return filepath.Join(append([]string{s.cache, s.folder}, parts...)...)
}

func (s store) blob(etag string) string       { return s.path("blobs", etag) }
func (s store) snapshot(commit string) string { return s.path("snapshots", commit) }
func (s store) pointer(commit, f string) string {
	return filepath.Join(s.snapshot(commit), filepath.FromSlash(f))
}

// cached finds a complete revision: weights, all of their shards, and a config.
func (s store) cached(rev string) (string, bool) {
	dir, ok := s.find(rev)
	return dir, ok && s.missingIn(dir) == ""
}

// find resolves a revision to its directory.
func (s store) find(rev string) (string, bool) {
	commit := rev
	if data, err := bounded.ReadFile(s.path("refs", filepath.FromSlash(rev)), bounded.CacheEntry); err == nil {
		commit = strings.TrimSpace(string(data))
	}
	if !isCommit(commit) {
		return "", false
	}
	dir := s.snapshot(commit)
	return dir, isDir(dir)
}

// missing returns an error that names what the cache lacks of a revision.
func (s store) missing(rev string) string {
	dir, ok := s.find(rev)
	if !ok {
		return fmt.Sprintf("no revision %s in %s", rev, s.path())
	}
	return s.missingIn(dir) + " in " + dir
}

// missingIn names a required file that a model's directory lacks; empty: none. A directory may be incomplete, since other tools
// download single files.
func (s store) missingIn(dir string) string {
	files := map[string]entry{}
	found, err := os.ReadDir(dir)
	if err != nil {
		return "no list of files"
	}
	for _, f := range found {
		if isFile(filepath.Join(dir, f.Name())) {
			files[f.Name()] = entry{name: f.Name()}
		}
	}
	wanted, index := choose(files)
	if len(wanted) == 0 {
		if folder, err := readModules(filepath.Join(dir, sbert.File)); err == nil && folder != "." {
			return s.missingIn(filepath.Join(dir, filepath.FromSlash(folder)))
		}
		return "no weights"
	}
	if index == "" {
		return ""
	}
	shards, err := readShards(filepath.Join(dir, index))
	if err != nil {
		return "no readable " + index
	}
	for _, name := range shards {
		if !isFile(filepath.Join(dir, filepath.FromSlash(name))) {
			return "no " + name
		}
	}
	return ""
}

func isFile(path string) bool {
	st, err := os.Stat(path)
	return err == nil && st.Mode().IsRegular()
}

func isDir(path string) bool {
	st, err := os.Stat(path)
	return err == nil && st.IsDir()
}

// point records the commit of a branch or a tag.
func (s store) point(rev, commit string) error {
	path := s.path("refs", filepath.FromSlash(rev))
	if rev == commit {
		return nil
	}
	if old, err := bounded.ReadFile(path, bounded.CacheEntry); err == nil && string(old) == commit {
		return nil
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
		return err
	}
	return durable.WriteFile(path, 0o666, func(w io.Writer) error {
		_, err := io.WriteString(w, commit)
		return err
	})
}

// link puts a blob into a snapshot, as a relative symbolic link so that the cache can be moved.
func (s store) link(etag, commit, file string) error {
	pointer := s.pointer(commit, file)
	dir := filepath.Dir(pointer)
	if err := os.MkdirAll(dir, 0o777); err != nil {
		return err
	}
	target, err := filepath.Rel(dir, s.blob(etag))
	if err != nil {
		return err
	}
	err = os.Symlink(target, pointer)
	if errors.Is(err, fs.ErrExist) {
		if isFile(pointer) {
			return nil
		}
		if err = os.Remove(pointer); err == nil { // its blob is gone
			err = os.Symlink(target, pointer)
		}
	}
	if errors.Is(err, fs.ErrPermission) || errors.Is(err, errors.ErrUnsupported) {
		return os.Rename(s.blob(etag), pointer) // no links on this file system; huggingface_hub does the same
	}
	return err
}

// lock waits until no other process, clipgo or Python, downloads the blob. It calls waiting if it has to wait. The returned function
// releases the lock.
func (s store) lock(ctx context.Context, etag string, waiting func()) (unlock func(), err error) {
	path := filepath.Join(s.cache, ".locks", s.folder, etag+".lock")
	if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
		return nil, err
	}
	for {
		l := flock.New(path, flock.SetPermissions(0o664))
		held, err := l.TryLock()
		if err == nil && !held {
			waiting()
			_, err = l.TryLockContext(ctx, 100*time.Millisecond)
		}
		if err != nil {
			return nil, fmt.Errorf("lock %s: %w", path, err)
		}
		if sameFile(l, path) {
			return func() { _ = l.Close() }, nil
		}
		_ = l.Close() // Python removes the file on release; the lock of a removed file excludes nobody
	}
}

func sameFile(l *flock.Flock, path string) bool {
	held, err := l.Stat()
	if err != nil {
		return false
	}
	named, err := os.Stat(path)
	return err == nil && os.SameFile(held, named)
}

// tag marks the cache for backup programs, as huggingface_hub does (bford.info/cachedir).
func (s store) tag() error {
	path := filepath.Join(s.cache, "CACHEDIR.TAG")
	if isFile(path) {
		return nil
	}
	return os.WriteFile(path, []byte("Signature: 8a477f597d28d172789f06886806bc55\n# Downloads of the Hugging Face hub\n"), 0o666)
}
