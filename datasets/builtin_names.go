package datasets

import (
	"fmt"
	"path"
	"path/filepath"
	"strings"

	"clipgo/datasets/names"
)

// splitNames are folders that hold a split of a data set.
var splitNames = []string{"train", "training", "val", "valid", "validation", "test", "testing", "dev", "eval"}

// dataName is the name of the data set that a folder is, or is a split of.
func dataName(folder string) string {
	folder = strings.TrimSuffix(filepath.ToSlash(folder), "/")
	name := func(folder string) string {
		name, _, _ := strings.Cut(path.Base(folder), "@") // the revision of a folder of the hub
		return name
	}
	base := name(folder)
	for _, split := range splitNames {
		if strings.EqualFold(base, split) {
			return name(path.Dir(folder))
		}
	}
	return base
}

// ownNames reports whether classes have no built-in names.
func (o Options) ownNames() bool { return o.OwnNames || o.Classes != nil }

// nameBuiltin gives built-in names to class folders that are called by WordNet ids, or by numbers in a set that is known by its name.
func (f *folder) nameBuiltin(root string) {
	if at, err := filepath.Abs(root); err == nil {
		root = at
	}
	classes, from, ok := names.Of(dataName(root), f.info.Classes)
	if !ok {
		return
	}
	f.info.Notes = append(f.info.Notes, fmt.Sprintf("the %d class folders have the built-in names of %s: %s = %s", len(classes), from,
		f.info.Classes[0], classes[0]))
	f.info.Classes, f.renamed = classes, true
}

// nameBuiltin gives built-in names, and templates if there are none, to classes that have only numbers, in a set that is known by its name.
func (s *shards) nameBuiltin() {
	if s.info.Classes != nil || s.captionLines || len(s.files) == 0 {
		return
	}
	folder := path.Dir(filepath.ToSlash(s.files[0].object.Name))
	known, ok := names.Find(dataName(folder))
	if !ok {
		return
	}
	highest := -1
	for i := range s.Len() {
		highest = max(highest, s.entry(i).Label)
	}
	switch {
	case highest < 0:
		return
	case highest >= len(known.Classes):
		s.note("the built-in names of %s are not used: it has %d classes, a sample has class number %d", known.Name,
			len(known.Classes), highest)
		return
	}
	s.info.Classes = known.Classes
	s.note("there is no classnames.txt: the %d classes have the built-in names of %s", len(known.Classes), known.Name)
	if len(s.info.Templates) == 0 {
		s.info.Templates = known.Templates
		s.note("there are no templates: the %d built-in templates of %s are used", len(known.Templates), known.Name)
	}
}
