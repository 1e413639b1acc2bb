package search

import (
	"errors"
	"slices"
)

// RemoveBelow removes the rows of pictures in or below the paths, and of tables among them; it returns how many.
func (w *Writer) RemoveBelow(paths []string) int {
	scope := Scope{Roots: paths, Lists: paths}
	return w.removeWhere(scope.covers)
}

// Prune removes the rows whose files are gone, and returns how many: all of them, or those that RemoveBelow would remove where there
// are paths. A drive that isn't mounted looks like one whose files are gone.
func (w *Writer) Prune(paths []string) int {
	scope := Scope{Roots: paths, Lists: paths}
	return w.removeWhere(func(d details) bool { return (len(paths) == 0 || scope.covers(d)) && vanished(d.Path) })
}

// CountBelow is how many live rows are of pictures in or below the paths, or of tables among them.
func (ix *Folder) CountBelow(paths []string) (n int, err error) {
	scope := Scope{Roots: paths, Lists: paths}
	for _, p := range ix.parts {
		err = errors.Join(err, p.eachDetails(func(row int, d details) error {
			if !p.dead[row] && scope.covers(d) {
				n++
			}
			return nil
		}))
	}
	return n, err
}

func (w *Writer) removeWhere(match func(details) bool) int {
	paths := w.where(match)
	for _, path := range paths {
		w.Remove(path)
	}
	return len(paths)
}

// where lists the rows as they were when the index was opened, in order, without those that are removed since.
func (w *Writer) where(match func(details) bool) (paths []string) {
	for path, d := range w.known {
		if w.Has(path) && match(d) {
			paths = append(paths, path)
		}
	}
	slices.Sort(paths)
	return paths
}
