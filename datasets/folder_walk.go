package datasets

import (
	"cmp"
	"context"
	"errors"
	"io"
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
	label    int    // -1 without classes
	bad      string // why it can't be read
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

// findPictures lists the pictures at any depth below root with their captions, sorted bytewise by name. Hidden files and folders are left
// out. Links are followed, except to a folder that contains the link.
func findPictures(ctx context.Context, root string, repairs *captionRepairs) ([]file, error) {
	st, err := os.Stat(root)
	if err != nil {
		return nil, notFound(root, err)
	}
	f := finder{root: root, texts: map[string]string{}}
	if err := f.folder(ctx, "", []fs.FileInfo{st}); err != nil {
		return nil, err
	}
	slices.SortFunc(f.files, func(a, b file) int { return cmp.Compare(a.name, b.name) })
	return f.files, f.complete(ctx, repairs)
}

// finder collects the pictures and captions of a folder.
type finder struct {
	root  string
	files []file
	texts map[string]string // paths of the caption files by their names without extension
}

// folder adds the content of the folder name and of those below. above are the folders on the path to it, including itself.
func (f *finder) folder(ctx context.Context, name string, above []fs.FileInfo) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	entries, err := os.ReadDir(filepath.Join(f.root, name))
	if errors.Is(err, fs.ErrNotExist) && name != "" {
		return nil // removed in the meantime
	}
	if err != nil {
		return notFound(filepath.Join(f.root, name), err)
	}
	for _, e := range entries {
		if hidden(e.Name()) {
			continue
		}
		if err := f.entry(ctx, join(name, e.Name()), e, above); err != nil {
			return err
		}
	}
	return nil
}

func join(folder, name string) string {
	if folder == "" {
		return name
	}
	return folder + "/" + name
}

func (f *finder) entry(ctx context.Context, name string, e fs.DirEntry, above []fs.FileInfo) error {
	switch isLink := e.Type()&fs.ModeSymlink != 0; {
	case e.IsDir() || isLink && f.isFolder(name):
		return f.below(ctx, name, above)
	case strings.EqualFold(filepath.Ext(name), ".txt"):
		f.texts[stem(name)] = filepath.Join(f.root, name)
	case paths.IsPicture(name):
		f.files = append(f.files, file{path: filepath.Join(f.root, name), name: name, label: -1})
	}
	return nil
}

func (f *finder) isFolder(name string) bool {
	st, err := os.Stat(filepath.Join(f.root, name))
	return err == nil && st.IsDir()
}

// below reads a folder unless it is one of those above, which would be a cycle.
func (f *finder) below(ctx context.Context, name string, above []fs.FileInfo) error {
	st, err := os.Stat(filepath.Join(f.root, name))
	if err != nil || slices.ContainsFunc(above, func(a fs.FileInfo) bool { return os.SameFile(a, st) }) {
		return nil
	}
	return f.folder(ctx, name, append(slices.Clip(above), st))
}

// complete adds sizes, times and captions. It reads several files at a time.
func (f *finder) complete(ctx context.Context, repairs *captionRepairs) error {
	return eachFile(ctx, len(f.files), func(i int) {
		p := &f.files[i]
		p.stat()
		if path, ok := f.texts[stem(p.name)]; ok {
			p.readCaptions(path, repairs)
		}
	})
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

// textLimit is how much of a caption file is read, in bytes.
const textLimit = 16 << 20

// readCaptions reads the captions from a text file, one a line. Without a file there are none. A file that can't be read makes the picture
// unusable.
func (p *file) readCaptions(path string, repairs *captionRepairs) {
	text, err := readStart(path, textLimit)
	if errors.Is(err, fs.ErrNotExist) {
		return
	}
	if err != nil {
		p.bad = "its caption " + path + ": " + cause(err).Error()
		return
	}
	for line := range strings.Lines(strings.TrimPrefix(text, "\ufeff")) {
		if line = strings.TrimSpace(line); line != "" {
			p.captions = append(p.captions, repairs.clean(line))
		}
	}
}

func readStart(path string, limit int64) (string, error) {
	st, err := os.Stat(path)
	if err != nil {
		return "", err
	}
	if !st.Mode().IsRegular() {
		return "", errors.New("not a regular file")
	}
	f, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, limit))
	return string(data), err
}
