package datasets

import (
	"path"
	"strings"

	"clipgo/internal/fault"
)

// defaultExcludes are folders of systems and programs, whose pictures are nobody's photos. Case doesn't matter.
var defaultExcludes = []string{"@eaDir", "node_modules", ".git", "System Volume Information", "lost+found", "$RECYCLE.BIN"}

// excluder decides which files and folders a folder walk leaves out.
type excluder struct{ globs []string }

// excludes checks the patterns of Exclude.
func (o Options) excludes() (excluder, error) {
	var e excluder
	for _, glob := range o.Exclude {
		trimmed := strings.TrimSuffix(strings.TrimPrefix(glob, "./"), "/")
		if _, err := path.Match(trimmed, ""); err != nil || trimmed == "" {
			return e, fault.Setting("exclude", "%q is not a pattern such as '*.tmp.jpg', 'thumbs' or 'raw/*'", glob)
		}
		e.globs = append(e.globs, trimmed)
	}
	return e, nil
}

// match returns the pattern that excludes a file or folder; empty if none does. name is relative to the source, with slashes. A pattern
// with a slash is compared with name, others with its last element.
func (e excluder) match(name string, folder bool) string {
	base := path.Base(name)
	for _, known := range defaultExcludes {
		if folder && strings.EqualFold(base, known) {
			return known
		}
	}
	for _, glob := range e.globs {
		subject := base
		if strings.Contains(glob, "/") {
			subject = name
		}
		if ok, err := path.Match(glob, subject); ok && err == nil {
			return glob
		}
	}
	return ""
}
