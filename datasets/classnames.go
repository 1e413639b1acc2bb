package datasets

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

// NameClasses gives names to class folders from the lines of a list. The lines are either a folder and its name each, as in
// "n01440764 tench", or one name for each folder in the sorted order of the folders. Of a list with folders, names of folders that are
// not there are left out. folders are as in Info.Classes, where _ is read as a space.
func NameClasses(folders, lines []string) ([]string, error) {
	table := map[string]string{}
	for _, line := range lines {
		if folder, name := twoColumns(line); name != "" {
			table[folder] = name
		}
	}
	names := make([]string, len(folders))
	var found int
	var missing string
	for i, folder := range folders {
		if names[i] = table[folder]; names[i] != "" {
			found++
		} else {
			missing = folder
		}
	}
	switch {
	case found == len(folders) && found > 0:
		return names, nil
	case found > 0:
		return nil, fmt.Errorf("no name for the class folder %q", missing)
	case len(lines) != len(folders):
		return nil, fmt.Errorf("%d names for %d class folders", len(lines), len(folders))
	case slices.Contains(lines, ""):
		return nil, fmt.Errorf("name %d of %d is empty", slices.Index(lines, "")+1, len(lines))
	}
	return slices.Clone(lines), nil
}

// twoColumns splits a line into a folder and a class name, at a tab, or after an id, which has a digit and no space. Of several synonyms,
// as in "n01443537 goldfish, Carassius auratus", the first is the name.
func twoColumns(line string) (folder, name string) {
	folder, name, found := strings.Cut(line, "\t")
	if !found {
		at := strings.IndexAny(line, " ,")
		if at < 0 || !strings.ContainsAny(line[:at], "0123456789") {
			return "", ""
		}
		folder, name = line[:at], line[at+1:]
	}
	name, _, _ = strings.Cut(strings.Trim(name, " ,\t"), ",")
	return strings.ReplaceAll(strings.TrimSpace(folder), "_", " "), strings.TrimSpace(name)
}

// namedClasses is a source whose classes have other names.
type namedClasses struct {
	Source
	classes []string
}

// renamed gives the classes of a source other names. Shards have them already. A source without classes stays as it is.
func renamed(s Source, names []string) (Source, error) {
	info := s.Info()
	if names == nil || len(info.Classes) == 0 || info.Kind == shardsKind {
		return s, nil
	}
	classes, err := NameClasses(info.Classes, names)
	if err != nil {
		err = &DataError{Source: info.Name, Reason: "the class names that are given don't fit: " + err.Error()}
		return nil, errors.Join(err, s.Close())
	}
	return &namedClasses{s, classes}, nil
}

// Unwrap is the source of the pictures.
func (n *namedClasses) Unwrap() Source { return n.Source }

// Info has the other names.
func (n *namedClasses) Info() Info {
	info := n.Source.Info()
	info.Classes = n.classes
	return info
}
