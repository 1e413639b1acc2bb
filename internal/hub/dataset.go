package hub

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"clipgo/internal/fault"
)

// DatasetScheme is the prefix of the names of files in data sets on the hub.
const DatasetScheme = "hf-hub:datasets/"

// Dataset is a repository of data at one commit.
type Dataset struct {
	Repo   string // datasets/ORG/REPO
	Commit string
	Files  []DatasetFile // sorted by name
}

// DatasetFile is a file of a data set.
type DatasetFile struct {
	Name string // path in the repository
	Size int64  // bytes; -1: unknown
	ETag string // of its content: SHA-256 of a file in LFS, git's id of another; empty: unknown
}

const maxDatasetListing = 512 << 20 // bytes

// ParseDataset reads hf-hub:datasets/ORG/REPO[@REVISION]/PATH. PATH may be empty, and a revision has no slash.
func ParseDataset(name string) (repo, rev, path string, err error) {
	if len(name) < len(DatasetScheme) || !strings.EqualFold(name[:len(DatasetScheme)], DatasetScheme) {
		return "", "", "", fmt.Errorf("%q is not %sORG/REPO[@REVISION]/PATH", name, DatasetScheme)
	}
	org, rest, _ := strings.Cut(name[len(DatasetScheme):], "/")
	repo, path, _ = strings.Cut(rest, "/")
	repo, rev, found := strings.Cut(repo, "@")
	if !found {
		rev = DefaultRevision
	}
	if err := checkName(org+"/"+repo, rev); err != nil {
		return "", "", "", fmt.Errorf("%w: %sORG/REPO[@REVISION]/PATH is expected", err, DatasetScheme)
	}
	return "datasets/" + org + "/" + repo, rev, path, nil
}

// Dataset lists the files that a data set, datasets/ORG/REPO, has at a revision.
func (c *Client) Dataset(ctx context.Context, repo, rev string) (*Dataset, error) {
	if c.Offline {
		return nil, fault.Usagef("HF_HUB_OFFLINE forbids to read it")
	}
	s := &snapshot{Client: c, repo: repo, web: c.newWeb()}
	defer s.web.Close()
	data, err := s.get(ctx, "api/"+repo+"/revision/", rev, attempts, maxDatasetListing)
	var a answer
	switch refused := (*RefusedError)(nil); {
	case errors.As(err, &refused):
		return nil, fault.Usagef("%s", refused.Reason)
	case err != nil:
		return nil, err
	case len(data) > maxDatasetListing:
		return nil, fault.Dataf("the hub's list of files has more than %d MB", maxDatasetListing>>20)
	}
	if err := json.Unmarshal(data, &a); err != nil || !isCommit(a.Commit) {
		return nil, fault.Usagef("the hub's list of files isn't one; is HF_ENDPOINT a hub?")
	}
	d := &Dataset{Repo: repo, Commit: a.Commit}
	for _, f := range a.Siblings {
		e := f.entry()
		one := DatasetFile{Name: e.name, Size: e.size, ETag: e.sha256}
		if one.ETag == "" {
			one.ETag = f.BlobID
		}
		d.Files = append(d.Files, one)
	}
	slices.SortFunc(d.Files, func(a, b DatasetFile) int { return strings.Compare(a.Name, b.Name) })
	return d, nil
}

// Address is the URL of a file of the data set.
func (c *Client) Address(d *Dataset, name string) string { return c.address(d.Repo, d.Commit, name) }
