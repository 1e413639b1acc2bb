package datasets

import (
	"cmp"
	"context"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"clipgo/datasets/store"
	"clipgo/internal/paths"
)

// shardSet is a set of archives in their order, with the files that CLIP_benchmark stores beside them.
type shardSet struct {
	files              []shardFile
	classes, templates []string
	kind               string // what dataset_type.txt says, in lower case
	shardRules
	notes   []string
	skip    excluder
	ignored Ignored // files and folders beside the shards of a folder
	store   objects
}

// findShards resolves braces, patterns and folders.
func findShards(ctx context.Context, src string, o Options, st objects) (set *shardSet, err error) {
	set = &shardSet{store: st, shardRules: shardRules{evaluation: o.Evaluation}}
	if set.skip, err = o.excludes(); err != nil {
		return nil, err
	}
	if set.keys, err = o.jsonKeys(src); err != nil {
		return nil, err
	}
	if err := set.addPart(ctx, src, src, o.Need); err != nil {
		return nil, err
	}
	seen := map[string]bool{}
	for _, f := range set.files {
		if seen[f.object.Name] {
			set.notes = append(set.notes, f.public+" is named twice: its samples count twice")
		}
		seen[f.object.Name] = true
	}
	if len(set.files) == 0 {
		return nil, &DataError{Source: src, Reason: "there are no shards (.tar) in it"}
	}
	if err := set.readBeside(ctx, set.files[0].object); err != nil {
		return nil, err
	}
	if o.Classes != nil {
		set.classes = o.Classes
	}
	return set, nil
}

func (s *shardSet) addPart(ctx context.Context, src, part string, need Need) error {
	names := []string{part}
	if _, err := os.Stat(part); err != nil || store.IsRemote(part) {
		if names, err = store.ExpandBraces(part); err != nil {
			return &UsageError{Source: src, Reason: err.Error()}
		}
	}
	for _, name := range names {
		add := s.add
		if store.IsRemote(name) {
			add = s.addRemote
		}
		if err := add(ctx, name, need); err != nil {
			return err
		}
	}
	return nil
}

// add adds a file of this machine, the files that match a pattern, or those of a folder.
func (s *shardSet) add(ctx context.Context, name string, need Need) error {
	names := []string{name}
	if st, err := os.Stat(name); err == nil && st.IsDir() {
		if names, err = s.inFolder(name, need); err != nil {
			return err
		}
	}
	for _, name := range names {
		found, err := s.store.Find(ctx, name)
		if err != nil {
			return err
		}
		s.addObjects(found)
	}
	return nil
}

func (s *shardSet) addObjects(objects []store.Object) {
	for _, o := range objects {
		s.files = append(s.files, newShardFile(o, nil))
	}
}

// inFolder lists a folder's shards. If it has none, they are those of its test or train folder.
func (s *shardSet) inFolder(root string, need Need) ([]string, error) {
	paths, err := tarsIn(root)
	if err != nil {
		return nil, err
	}
	if len(paths) > 0 && s.evaluation { // a split of CLIP_benchmark may say how many it has
		if paths, err = s.counted(root); err != nil {
			return nil, err
		}
	}
	if len(paths) > 0 {
		return s.chosen(root, paths)
	}
	var splits []string
	for _, split := range []string{"test", "train"} {
		if inside, err := tarsIn(filepath.Join(root, split)); err == nil && len(inside) > 0 {
			splits = append(splits, split)
		}
	}
	switch {
	case len(splits) == 0:
		return nil, nil
	case len(splits) > 1 && need != NeedLabels:
		return nil, &DataError{Source: root, Reason: "holds a train and a test set; name the folder of one of them"}
	}
	folder := filepath.Join(root, splits[0])
	s.notes = append(s.notes, "reading the shards of "+folder)
	if paths, err = s.counted(folder); err != nil {
		return nil, err
	}
	return s.chosen(folder, paths)
}

// besideShards are the files that are read for a set of shards.
var besideShards = []string{"nshards.txt", "dataset_type.txt", "classnames.txt", "zeroshot_classification_templates.txt",
	"sizes.json", "pack.json", "skipped.jsonl"} // the last two are package pack's

// chosen leaves out the shards of a folder that are excluded, and counts what else is in the folder.
func (s *shardSet) chosen(folder string, shards []string) ([]string, error) {
	entries, err := os.ReadDir(folder)
	if err != nil {
		return nil, notFound(folder, err)
	}
	for _, e := range entries {
		switch name := e.Name(); {
		case hidden(name):
			s.ignored.add(ignoredHidden, 1)
		case e.IsDir():
			s.ignored.add(ignoredFolders, 1)
		case paths.IsPicture(name):
			s.ignored.add(ignoredPictures, 1)
		case !slices.Contains(shards, filepath.Join(folder, name)) && !slices.Contains(besideShards, name) && !isTar(name):
			s.ignored.addFile(name)
		}
	}
	return slices.DeleteFunc(shards, func(path string) bool {
		glob := s.skip.match(filepath.Base(path), false)
		if glob != "" {
			s.ignored.add(fmt.Sprintf(ignoredExcluded, glob), 1)
		}
		return glob != ""
	}), nil
}

// packedTars are the ends of the names of compressed archives.
var packedTars = []string{".tar.gz", ".tgz", ".tar.zst", ".tar.bz2"}

// isTar reports whether a name is that of an archive.
func isTar(name string) bool { return strings.EqualFold(filepath.Ext(name), ".tar") }

// isPackedTar reports whether a name is that of a compressed archive.
func isPackedTar(name string) bool {
	name = strings.ToLower(name)
	return slices.ContainsFunc(packedTars, func(end string) bool { return strings.HasSuffix(name, end) })
}

// holdsShards reports whether a folder, or its test or train folder, has shards that are not compressed.
func holdsShards(root string) bool {
	return slices.ContainsFunc([]string{"", "test", "train"}, func(split string) bool {
		paths, err := tarsIn(filepath.Join(root, split))
		return err == nil && len(paths) > 0 && isTar(paths[0])
	})
}

// tarsIn lists the archives of a folder in the order of compareNumbered, without hidden ones. Compressed ones count only if there are no
// others, which may hold the same.
func tarsIn(folder string) ([]string, error) {
	entries, err := os.ReadDir(folder)
	if err != nil {
		return nil, notFound(folder, err)
	}
	for _, fits := range []func(string) bool{isTar, isPackedTar} {
		var paths []string
		for _, e := range entries {
			if !e.IsDir() && !hidden(e.Name()) && fits(e.Name()) {
				paths = append(paths, filepath.Join(folder, e.Name()))
			}
		}
		if len(paths) > 0 {
			slices.SortFunc(paths, compareNumbered)
			return paths, nil
		}
	}
	return nil, nil
}

// compareNumbered compares bytewise, but runs of digits as numbers: 2.tar comes before 10.tar.
func compareNumbered(a, b string) int {
	for x, y := a, b; ; {
		i, j := digits(x), digits(y)
		if i > 0 && j > 0 {
			m, n := strings.TrimLeft(x[:i], "0"), strings.TrimLeft(y[:j], "0")
			if c := cmp.Or(cmp.Compare(len(m), len(n)), strings.Compare(m, n)); c != 0 {
				return c
			}
			x, y = x[i:], y[j:]
			continue
		}
		if x == "" || y == "" || x[0] != y[0] {
			return cmp.Or(strings.Compare(x, y), strings.Compare(a, b))
		}
		x, y = x[1:], y[1:]
	}
}

// digits is the number of digits that a text begins with.
func digits(s string) int { return len(s) - len(strings.TrimLeft(s, "0123456789")) }

// counted lists a split of CLIP_benchmark: the shards 0.tar, 1.tar, ..., as many as its nshards.txt says.
func (s *shardSet) counted(folder string) ([]string, error) {
	there, err := tarsIn(folder)
	if err != nil {
		return nil, err
	}
	path := filepath.Join(folder, "nshards.txt")
	text, err := readStart(path, textLimit)
	if err != nil {
		return there, nil
	}
	n, err := strconv.Atoi(strings.TrimSpace(text))
	if err != nil || n < 1 || n > store.MaxNames {
		return nil, &DataError{Source: path, Reason: "holds no number of shards"}
	}
	var paths []string
	for i := range n {
		p := filepath.Join(folder, strconv.Itoa(i)+".tar")
		if !slices.Contains(there, p) {
			return nil, fmt.Errorf("%s: %w, although nshards.txt counts %d shards", p, fs.ErrNotExist, n)
		}
		paths = append(paths, p)
	}
	if more := len(there) - n; more > 0 {
		s.notes = append(s.notes, fmt.Sprintf("%d shards of %s are left out: nshards.txt counts %d", more, folder, n))
	}
	return paths, nil
}
