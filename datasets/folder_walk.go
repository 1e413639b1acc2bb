package datasets

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"iter"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"time"

	"clipgo/internal/parallel"
	"clipgo/internal/paths"
)

// file is a picture of a folder.
type file struct {
	path     string // the user's folder joined with name
	name     string // relative to the folder, with slashes
	size     int64
	modified time.Time
	captions []string
	weights  []float32 // of the captions; nil: equal
	label    int       // -1 without classes
	bad      string    // why it can't be read
}

func newFile(path, name string, st fs.FileInfo) file {
	p := file{path: path, name: name, size: st.Size(), modified: st.ModTime(), label: -1}
	if !st.Mode().IsRegular() {
		p.size, p.bad = 0, "not a regular file"
	}
	return p
}

// stem is a path without its extension.
func stem(path string) string { return strings.TrimSuffix(path, filepath.Ext(path)) }

func hidden(name string) bool { return strings.HasPrefix(name, ".") }

// found is what a folder holds.
type found struct {
	files   []file // sorted bytewise by name
	ignored Ignored
	unread  []Skip // folders that can't be read
}

// findPictures lists the pictures at any depth below root with their captions. Hidden files and folders, and those that skip matches, are
// left out. Links are followed, except to a folder that contains the link.
func findPictures(ctx context.Context, root string, skip excluder, repairs *captionRepairs) (found, error) {
	st, err := os.Stat(root)
	if err != nil {
		return found{}, notFound(root, err)
	}
	f := finder{root: root, skip: skip, texts: map[string]string{}, jsons: map[string]string{}}
	if err := f.folder(ctx, "", []fs.FileInfo{st}); err != nil {
		return found{}, err
	}
	slices.SortFunc(f.files, func(a, b file) int { return cmp.Compare(a.name, b.name) })
	err = f.complete(ctx, repairs)
	return f.found, err
}

// finder collects the pictures and captions of a folder.
type finder struct {
	found
	root         string
	skip         excluder
	texts, jsons map[string]string // paths of .txt and .json files by their names without extension
}

// folder adds the content of the folder name and of those below. above are the folders on the path to it, including itself.
func (f *finder) folder(ctx context.Context, name string, above []fs.FileInfo) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	entries, err := os.ReadDir(filepath.Join(f.root, name))
	switch {
	case err == nil:
	case name == "":
		return notFound(f.root, err)
	default:
		f.unreadable(name, err)
	}
	for _, e := range entries {
		if err := f.entry(ctx, join(name, e.Name()), e, above); err != nil {
			return err
		}
	}
	return nil
}

// unreadable notes a folder that can't be read, unless it was removed in the meantime.
func (f *finder) unreadable(name string, err error) {
	if !errors.Is(err, fs.ErrNotExist) {
		path := filepath.Join(f.root, name)
		f.unread = append(f.unread, Skip{Source: f.root, Key: path, Reason: "the folder can't be read: " + cause(err).Error()})
	}
}

func join(folder, name string) string {
	if folder == "" {
		return name
	}
	return folder + "/" + name
}

func (f *finder) entry(ctx context.Context, name string, e fs.DirEntry, above []fs.FileInfo) error {
	if hidden(e.Name()) {
		f.ignored.add(ignoredHidden, 1)
		return nil
	}
	isFolder := e.IsDir() || e.Type()&fs.ModeSymlink != 0 && f.isFolder(name)
	if glob := f.skip.match(name, isFolder); glob != "" {
		f.ignored.add(fmt.Sprintf(ignoredExcluded, glob), 1)
		return nil
	}
	if isFolder {
		return f.below(ctx, name, above)
	}
	f.file(name, e)
	return nil
}

// file adds a file by its extension.
func (f *finder) file(name string, e fs.DirEntry) {
	switch extension := strings.ToLower(filepath.Ext(name)); {
	case extension == ".txt":
		f.texts[stem(name)] = filepath.Join(f.root, name)
	case extension == ".json":
		f.jsons[stem(name)] = filepath.Join(f.root, name)
	case paths.IsPicture(name):
		f.files = append(f.files, file{path: filepath.Join(f.root, name), name: name, label: -1})
	case e.Type()&(fs.ModeNamedPipe|fs.ModeDevice|fs.ModeSocket) != 0:
		f.ignored.add(ignoredSpecial, 1)
	default:
		f.ignored.addFile(name)
	}
}

func (f *finder) isFolder(name string) bool {
	st, err := os.Stat(filepath.Join(f.root, name))
	return err == nil && st.IsDir()
}

// below reads a folder unless it is one of those above, which would be a cycle.
func (f *finder) below(ctx context.Context, name string, above []fs.FileInfo) error {
	st, err := os.Stat(filepath.Join(f.root, name))
	if err != nil {
		f.unreadable(name, err)
		return nil
	}
	if slices.ContainsFunc(above, func(a fs.FileInfo) bool { return os.SameFile(a, st) }) {
		f.ignored.add(ignoredLoop, 1)
		return nil
	}
	return f.folder(ctx, name, append(slices.Clip(above), st))
}

// complete adds sizes, times and captions. It reads several files at a time.
func (f *finder) complete(ctx context.Context, repairs *captionRepairs) error {
	used := make([]bool, len(f.files)) // the .json has the caption
	err := eachFile(ctx, len(f.files), func(i int) {
		p := &f.files[i]
		p.stat()
		if path, ok := f.texts[stem(p.name)]; ok {
			p.readCaptions(path, repairs)
		}
		if path, ok := f.jsons[stem(p.name)]; ok && repairs.wantJSON(p.captions) {
			used[i] = p.readJSON(path, repairs)
		} else {
			p.captions = repairs.keys.beside(p.captions)
		}
	})
	for i := range f.files {
		name := stem(f.files[i].name)
		delete(f.texts, name)
		if used[i] {
			delete(f.jsons, name)
		}
	}
	f.ignored.add(".txt", len(f.texts))
	f.ignored.add(".json", len(f.jsons))
	return err
}

// eachFile calls f for each of n files on several goroutines, more than there are processors, since most of them wait for the disk. Once
// ctx is done, it starts no further call and returns ctx's error.
func eachFile(ctx context.Context, n int, f func(i int)) error {
	parallel.Workers(2*runtime.GOMAXPROCS(0), n, func(_ int, indices iter.Seq[int]) {
		for i := range indices {
			if ctx.Err() != nil {
				return
			}
			f(i)
		}
	})
	return ctx.Err()
}

// stat finds the size and modification time of the file at path.
func (p *file) stat() {
	st, err := os.Stat(p.path)
	if err != nil {
		p.bad = "read: " + cause(err).Error()
		return
	}
	*p = newFile(p.path, p.name, st)
}
