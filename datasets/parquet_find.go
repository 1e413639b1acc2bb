package datasets

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"clipgo/datasets/store"
	"clipgo/internal/paths"
)

const parquetExtension = ".parquet"

// isParquet reports whether a name is that of Parquet files: a path, a pattern, or a URL.
func isParquet(src string) bool {
	if st, err := os.Stat(src); err == nil && st.IsDir() {
		return false
	}
	return !isCommand(src) && len(Parts(src)) == 1 && extensionOf(src) == parquetExtension
}

// holdsParquet reports whether a folder is a set of Parquet files: it has some, or its folder data does, as those of the Hugging Face hub.
// A folder of pictures or shards isn't one: img2dataset writes Parquet beside both.
func holdsParquet(root string) bool {
	there, _ := parquetIn(root)
	if len(there) == 0 || holdsShards(root) {
		return false
	}
	entries, err := os.ReadDir(root)
	return err == nil && !slices.ContainsFunc(entries, func(e os.DirEntry) bool {
		if !e.IsDir() {
			return paths.IsPicture(e.Name())
		}
		inside, err := os.ReadDir(filepath.Join(root, e.Name()))
		return err == nil && slices.ContainsFunc(inside, func(e os.DirEntry) bool { return paths.IsPicture(e.Name()) })
	})
}

// parquetIn lists the Parquet files of a folder or, if it has none, those of its folder data. other are the names beside them.
func parquetIn(root string) (files, other []string) {
	for _, folder := range []string{root, filepath.Join(root, "data")} {
		entries, err := os.ReadDir(folder)
		if err != nil {
			continue
		}
		other = nil
		for _, e := range entries {
			if name := e.Name(); !e.IsDir() && extensionOf(name) == parquetExtension && !hidden(name) && name[0] != '_' {
				files = append(files, filepath.Join(folder, name))
			} else {
				other = append(other, name)
			}
		}
		if len(files) > 0 {
			slices.SortFunc(files, compareNumbered)
			return files, other
		}
	}
	return nil, nil
}

// parquetFiles are Parquet files in their order.
type parquetFiles struct {
	objects []store.Object
	folder  string // that relative paths are relative to, if they aren't in different ones
	ignored Ignored
}

// findParquet finds the files that a name stands for.
func findParquet(ctx context.Context, s *store.Store, src string, o Options) (f parquetFiles, err error) {
	f.folder = folderOf(src)
	if st, err := os.Stat(src); err == nil && st.IsDir() {
		return f, f.inFolder(ctx, s, src, o)
	}
	f.objects, err = s.Find(ctx, src)
	switch {
	case errors.Is(err, fs.ErrNotExist) && !store.IsRemote(src):
		return f, notFound(store.Public(src), fs.ErrNotExist)
	case err != nil:
		return f, err
	}
	slices.SortStableFunc(f.objects, func(a, b store.Object) int { return compareNumbered(a.Name, b.Name) })
	if len(f.objects) > 1 {
		f.folder = folderOf(f.objects[0].Name)
	}
	return f, nil
}

// split is the part of a name that says which share of a data set is in a file, as in train-00000-of-00005.parquet.
var split = regexp.MustCompile(`(?i)^(.*[-_.])?(train|test|val|valid|validation|dev)([-_.0-9].*)?\.parquet$`)

// inFolder finds the files of a folder. Files of several splits aren't read as one set.
func (f *parquetFiles) inFolder(ctx context.Context, s *store.Store, root string, o Options) error {
	skip, err := o.excludes()
	if err != nil {
		return err
	}
	files, other := parquetIn(root)
	for _, name := range other {
		if hidden(name) {
			f.ignored.add(ignoredHidden, 1)
		} else {
			f.ignored.addFile(name)
		}
	}
	splits := map[string]string{} // a file of each
	for _, file := range files {
		if glob := skip.match(filepath.Base(file), false); glob != "" {
			f.ignored.add(fmt.Sprintf(ignoredExcluded, glob), 1)
			continue
		}
		found, err := s.Find(ctx, file)
		if err != nil {
			return err
		}
		f.objects = append(f.objects, found...)
		if m := split.FindStringSubmatch(path.Base(filepath.ToSlash(file))); m != nil {
			splits[strings.ToLower(m[2])] = file
		}
	}
	if len(f.objects) == 0 {
		return &DataError{Source: root, Reason: "all its Parquet files are excluded"}
	}
	f.folder = filepath.Dir(f.objects[0].Name)
	if len(splits) > 1 {
		one := cmp.Or(splits["train"], f.objects[0].Name)
		name, _, _ := strings.Cut(filepath.Base(one), "-")
		return &DataError{Source: root, Reason: fmt.Sprintf("it holds several splits; name the files of one, such as %s",
			filepath.Join(filepath.Dir(one), strings.TrimSuffix(name, parquetExtension)+"*"+parquetExtension))}
	}
	return nil
}
