package datasets

import (
	"cmp"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strings"

	"clipgo/internal/paths"
)

// Ignored counts the files and folders that a source passes over, by the reason: the extension of a file of another kind, such as .svg, or
// words.
type Ignored map[string]int

// The reasons other than an extension.
const (
	ignoredHidden      = "hidden"
	ignoredNoExtension = "without extension"
	ignoredNoCaption   = "without caption"
	ignoredExcluded    = "excluded by %s"
	ignoredLoop        = "links to a folder above them"
	ignoredPictures    = "pictures beside shards"
	ignoredFolders     = "folders beside shards"
	ignoredSpecial     = "pipes, devices or sockets"
)

// ignoredKinds is the number of reasons that a line names.
const ignoredKinds = 12

func (g *Ignored) add(reason string, n int) {
	if n == 0 {
		return
	}
	if *g == nil {
		*g = Ignored{}
	}
	(*g)[reason] += n
}

func (g *Ignored) addAll(other Ignored) {
	for reason, n := range other {
		g.add(reason, n)
	}
}

// addFile counts a file of a kind that isn't read.
func (g *Ignored) addFile(name string) {
	extension := strings.ToLower(strings.ToValidUTF8(filepath.Ext(name), "\uFFFD"))
	if len(extension) < 2 {
		extension = ignoredNoExtension
	}
	g.add(extension, 1)
}

// Total is the number of all files and folders.
func (g Ignored) Total() (n int) {
	for _, count := range g {
		n += count
	}
	return n
}

// String is one line, such as "ignored 24 files: 9 .svg, 3 .heic, 12 hidden; pictures are read from .jpg .png". It is empty without any.
func (g Ignored) String() string {
	if len(g) == 0 {
		return ""
	}
	reasons := slices.SortedFunc(maps.Keys(g), func(a, b string) int { return cmp.Or(cmp.Compare(g[b], g[a]), cmp.Compare(a, b)) })
	var named []string
	rest, kinds := 0, false
	for i, reason := range reasons {
		kinds = kinds || strings.HasPrefix(reason, ".") || reason == ignoredNoExtension
		if i >= ignoredKinds {
			rest += g[reason]
			continue
		}
		named = append(named, fmt.Sprintf("%d %.40s", g[reason], reason))
	}
	if rest > 0 {
		named = append(named, fmt.Sprintf("%d others", rest))
	}
	line := fmt.Sprintf("ignored %d %s: %s", g.Total(), filesOr(g), strings.Join(named, ", "))
	if kinds {
		line += "; pictures are read from " + pictureList()
	}
	return line
}

// filesOr is what is counted: folders too if they may be excluded or hidden.
func filesOr(g Ignored) string {
	for reason := range g {
		if reason == ignoredHidden || reason == ignoredFolders || strings.HasPrefix(reason, "excluded") {
			return "files and folders"
		}
	}
	if g.Total() == 1 {
		return "file"
	}
	return "files"
}

// pictureList lists the extensions of pictures.
func pictureList() string { return strings.Join(paths.PictureExtensions(), " ") }
