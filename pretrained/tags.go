package pretrained

import (
	_ "embed"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"clipgo/internal/config"
	"clipgo/internal/fault"
	"clipgo/internal/hub"
	"clipgo/model"
)

// open_clip's pretrained tags and the hub's repositories that hold their weights, for the models that are known here: MODEL TAG REPOSITORY.
//
//go:embed tags.txt
var tagList string

// Tags lists open_clip's pretrained tags of a model, sorted, with the name of each tag's model on the hub.
func Tags(name string) (tags []string, models map[string]string) {
	models = map[string]string{}
	for line := range strings.Lines(tagList) {
		if f := strings.Fields(line); len(f) == 3 && f[0] == name {
			tags, models[f[1]] = append(tags, f[1]), hub.Scheme+f[2]
		}
	}
	slices.Sort(tags)
	return tags, models
}

// tagged returns the hub's model for a config's name and one of open_clip's tags. It returns "" if pretrained is a path, or there is no
// such config, and an error that lists the tags if it is neither a path nor a tag.
func tagged(name, pretrained string) (string, error) {
	if pretrained == "" || isPath(pretrained) || !slices.Contains(model.Configs(), name) {
		return "", nil
	}
	tags, models := Tags(name)
	switch {
	case models[pretrained] != "":
		return models[pretrained], nil
	case len(tags) == 0:
		return "", fault.Setting("pretrained", "there is no file %s, and open_clip publishes no weights for %s", fault.Short(pretrained),
			name)
	}
	hint := "its tags are " + strings.Join(tags, ", ")
	if near := config.Nearest(pretrained, tags); near != "" {
		hint = "did you mean " + near + "?"
	}
	return "", fault.Setting("pretrained", "%s is neither a file nor one of open_clip's tags for %s; %s", fault.Short(pretrained), name,
		hint)
}

// isPath reports whether a name is a file's: it is there, or looks like one.
func isPath(name string) bool {
	_, err := os.Stat(name)
	return err == nil || strings.ContainsRune(name, filepath.Separator) || filepath.Ext(name) != "" || strings.HasPrefix(name, hub.Scheme)
}

var repository = regexp.MustCompile(`^[\w.-]+/[\w.-]+$`)

// missing is the error for a path that isn't there. One of the form ORG/REPO may be a model of the hub, if there is no folder ORG.
func missing(name string, err error) error {
	_, none := os.Stat(filepath.Dir(name))
	if none == nil || !repository.MatchString(name) || strings.HasPrefix(name, ".") {
		return fault.Setting("model", "%w", err)
	}
	return fault.Setting("model", "%w", fmt.Errorf("%w; did you mean %s%s?", err, hub.Scheme, name))
}
