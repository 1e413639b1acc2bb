// Package hub downloads models from the Hugging Face hub, or a mirror of it, into the cache of Python's huggingface_hub, so that each
// program finds the other's downloads.
package hub

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path"
	"time"

	"clipgo/internal/bounded"
	"clipgo/internal/remote"
	"clipgo/internal/sbert"
)

// Client downloads models. With only Cache set it downloads public models from huggingface.co.
type Client struct {
	Endpoint string // scheme and host of the hub; empty: DefaultEndpoint
	Token    string // sent only to the endpoint's own host; may be empty
	Cache    string // directory that holds models--ORG--REPO
	Offline  bool   // no network requests

	// Progress is called with the number of bytes of a file on disk; total is -1 if the hub doesn't report it. May be nil.
	Progress func(file string, done, total int64)
	Log      *slog.Logger // logs retries and the use of cached revisions when the hub can't be reached; nil: silent

	pause func(ctx context.Context, d time.Duration) error // between attempts; nil: a timer
	stall time.Duration                                    // time without progress that ends a transfer; 0: remote.StallLimit
}

// DefaultEndpoint is the Hugging Face hub.
const DefaultEndpoint = "https://huggingface.co"

const (
	attempts   = remote.Attempts // maximum number in a row without progress
	firstPause = remote.FirstPause
)

// RefusedError reports a model that can't be obtained from the hub or the cache; a retry would not help.
type RefusedError struct{ Repo, Reason string }

func (e *RefusedError) Error() string { return e.Repo + ": " + e.Reason }

// Snapshot returns the directory with a model's files at a revision (a branch, a tag or a commit), after downloading those that the cache
// lacks: configs, preprocessing, tokenizer, and one form of the weights, preferably safetensors.
//
// If the hub can't be reached, it returns the cached revision if that is complete. A *RefusedError is the reason why this user can't have
// the model. A cancelled download keeps its data, and the next one resumes it.
func (c *Client) Snapshot(ctx context.Context, repo, rev string) (string, error) {
	if err := checkName(repo, rev); err != nil {
		return "", err
	}
	if c.Cache == "" {
		return "", errors.New("the hub's client has no cache directory")
	}
	s := &snapshot{Client: c, repo: repo, store: newStore(c.Cache, repo), web: c.newWeb()}
	defer s.web.Close()
	cached, ok := s.store.cached(rev)
	if c.Offline {
		if !ok {
			return "", s.refuse("not in the cache (%s), and HF_HUB_OFFLINE forbids to download it", s.store.missing(rev))
		}
		return cached, nil
	}
	dir, err := s.download(ctx, rev, ok)
	var away *remote.AwayError
	if ok && errors.As(err, &away) && ctx.Err() == nil {
		s.warn("the hub does not answer; the cached files are used", "repo", repo, "error", err)
		return cached, nil
	}
	return dir, err
}

// snapshot is one download of a repository.
type snapshot struct {
	*Client
	repo  string
	store store
	web   *remote.Client
}

func (c *Client) newWeb() *remote.Client {
	web := remote.NewClient()
	web.Stall = c.stall
	return web
}

func (s *snapshot) refuse(format string, args ...any) error {
	return &RefusedError{s.repo, fmt.Sprintf(format, args...)}
}

// download lists the files, fetches the missing ones, and only then updates the revision's commit.
func (s *snapshot) download(ctx context.Context, rev string, cached bool) (string, error) {
	patience := attempts
	if cached {
		patience = 1
	}
	list, err := s.list(ctx, rev, patience)
	if err != nil {
		return "", err
	}
	if err := os.MkdirAll(s.store.snapshot(list.commit), 0o777); err != nil {
		return "", fmt.Errorf("hub cache: %w", err)
	}
	wanted, index := choose(list.files)
	if m, ok := list.files[sbert.File]; ok && len(wanted) == 0 {
		if wanted, index, err = s.modules(ctx, list, m); err != nil {
			return "", err
		}
	}
	if len(wanted) == 0 {
		return "", s.refuse("holds no weights in a form that clipgo reads (safetensors, .bin, .pt)")
	}
	for _, f := range wanted {
		if err := s.fetch(ctx, list.commit, f); err != nil {
			return "", err
		}
	}
	if index != "" {
		if err := s.fetchShards(ctx, list, index); err != nil {
			return "", err
		}
	}
	if err := s.store.point(rev, list.commit); err != nil {
		s.warn("the cache does not take the revision's name", "error", err)
	}
	return s.store.snapshot(list.commit), nil
}

// modules picks the files of a model of sentence-transformers, which are in a folder that a list names.
func (s *snapshot) modules(ctx context.Context, list listing, m entry) (wanted []entry, index string, err error) {
	if err := s.fetch(ctx, list.commit, m); err != nil {
		return nil, "", err
	}
	folder, err := readModules(s.store.pointer(list.commit, m.name))
	if err != nil {
		return nil, "", s.refuse("%s: %v", m.name, err)
	}
	wanted, index = choose(in(list.files, folder))
	if index != "" {
		index = path.Join(folder, index)
	}
	return wanted, index, nil
}

func readModules(file string) (folder string, err error) {
	data, err := bounded.ReadFile(file, bounded.CacheEntry)
	if err != nil {
		return "", err
	}
	return sbert.CLIPFolder(data)
}

func (s *snapshot) fetchShards(ctx context.Context, list listing, index string) error {
	names, err := readShards(s.store.pointer(list.commit, index))
	if err != nil {
		return s.refuse("%s: %v", index, err)
	}
	for _, name := range names {
		name = path.Join(path.Dir(index), name)
		f, ok := list.files[name]
		if !ok {
			return s.refuse("%s names %q, which the repository lacks", index, name)
		}
		if err := s.fetch(ctx, list.commit, f); err != nil {
			return err
		}
	}
	return nil
}

func (c *Client) warn(message string, args ...any) {
	if c.Log != nil {
		c.Log.Warn(message, args...)
	}
}
