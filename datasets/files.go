package datasets

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"clipgo/internal/paths"
)

// OpenFiles opens pictures by their paths as one source without classes. A folder among the paths gives the pictures below it, and a
// picture given twice counts once. A path that doesn't exist is fs.ErrNotExist, and a file that isn't a picture a *UsageError.
func OpenFiles(ctx context.Context, names []string, o Options) (Source, error) {
	f := &folder{info: Info{Name: strings.Join(names, " "), Kind: "folder"}}
	skip, err := o.excludes()
	if err != nil {
		return nil, err
	}
	var repairs captionRepairs
	if repairs.keys, err = o.jsonKeys(strings.Join(names, " ")); err != nil {
		return nil, err
	}
	seen := map[string]bool{}
	for _, path := range names {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		there, err := findPath(ctx, path, skip, &repairs)
		if err != nil {
			return nil, err
		}
		there.files = slices.DeleteFunc(there.files, func(p file) bool {
			at := paths.Absolute(p.path)
			again := seen[at]
			seen[at] = true
			return again
		})
		for i := range there.files {
			there.files[i].name = filepath.ToSlash(there.files[i].path)
		}
		f.take(there)
	}
	if len(f.files) == 0 {
		return nil, f.empty("no pictures")
	}
	f.finish(&repairs)
	return f, nil
}

func findPath(ctx context.Context, path string, skip excluder, repairs *captionRepairs) (found, error) {
	st, err := os.Stat(path)
	if err != nil {
		return found{}, notFound(path, err)
	}
	if st.IsDir() {
		return findPictures(ctx, path, skip, repairs)
	}
	if !paths.IsPicture(path) {
		return found{}, &UsageError{Source: path, Reason: "neither a picture (" + pictureList() + ") nor a folder"}
	}
	p := newFile(filepath.Clean(path), filepath.Base(path), st)
	p.readCaptions(stem(path)+".txt", repairs)
	if repairs.wantJSON(p.captions) {
		p.readJSON(stem(path)+".json", repairs)
	}
	return found{files: []file{p}}, nil
}
