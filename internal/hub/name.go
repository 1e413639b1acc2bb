package hub

import (
	"fmt"
	"path/filepath"
	"regexp"
	"strings"
)

// Scheme is the prefix of the names of models on the hub.
const Scheme = "hf-hub:"

// DefaultRevision is the branch of a name without a revision.
const DefaultRevision = "main"

// Parse reads hf-hub:ORG/REPO[@REVISION].
func Parse(name string) (repo, rev string, err error) {
	rest, ok := strings.CutPrefix(name, Scheme)
	if !ok {
		return "", "", fmt.Errorf("%q is not %sORG/REPO[@REVISION]", name, Scheme)
	}
	repo, rev, found := strings.Cut(rest, "@")
	if !found {
		rev = DefaultRevision
	}
	return repo, rev, checkName(repo, rev)
}

var (
	repoPattern     = regexp.MustCompile(`^([A-Za-z0-9_][\w.-]{0,95}/)?[A-Za-z0-9_]([\w.-]{0,94}\w)?$`)
	revisionPattern = regexp.MustCompile(`^\w[\w.+-]*(/\w[\w.+-]*)*$`)
	commitPattern   = regexp.MustCompile(`^[0-9a-f]{40}$`)
	etagPattern     = regexp.MustCompile(`^[\w+=-][\w.+=-]{0,199}$`)
)

// checkName accepts only names that are valid on the hub and safe as parts of a path.
func checkName(repo, rev string) error {
	if !repoPattern.MatchString(repo) || strings.Contains(repo, "--") || strings.Contains(repo, "..") || strings.HasSuffix(repo, ".git") {
		return fmt.Errorf("%q is no repository of the hub: %sORG/REPO[@REVISION] is wanted", repo, Scheme)
	}
	if !revisionPattern.MatchString(rev) || len(rev) > 200 {
		return fmt.Errorf("%q is no revision: a branch, a tag or a commit is wanted", rev)
	}
	return nil
}

func isCommit(rev string) bool { return commitPattern.MatchString(rev) }

// safeFile reports whether a file's name stays inside its directory.
func safeFile(name string) bool {
	return filepath.IsLocal(name) && filepath.ToSlash(filepath.Clean(name)) == name && !strings.ContainsAny(name, "\\\x00:")
}
