package datasets

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"clipgo/internal/paths"
)

// folder is a source of pictures, each in a file of its own.
type folder struct {
	files []file
	info  Info
	need  Need
}

func (f *folder) Len() int     { return len(f.files) }
func (f *folder) Info() Info   { return f.info }
func (f *folder) Close() error { return nil }

// Entry implements Source.
func (f *folder) Entry(_ context.Context, i int) (Entry, error) { return f.entry(i), nil }

func (f *folder) entry(i int) Entry {
	p := &f.files[i]
	e := Entry{Key: p.path, File: p.path, Captions: p.captions, Label: p.label, Size: p.size, ModTime: p.modified, Bad: p.bad}
	if f.need != NeedCaptions {
		return e
	}
	if f.info.Classes != nil && len(e.Captions) == 0 {
		e.Captions = []string{f.info.Classes[p.label]}
	}
	if e.Bad == "" && len(e.Captions) == 0 {
		e.Bad = "no caption"
	}
	return e
}

// pictureLimit is the size of a file, in bytes, above which it isn't read.
const pictureLimit = 64 << 20

func (f *folder) Picture(ctx context.Context, i int) (Picture, error) { return f.files[i].read(ctx) }

// read reads the picture's file.
func (p *file) read(ctx context.Context) (Picture, error) {
	if err := ctx.Err(); err != nil {
		return Picture{}, err
	}
	if p.bad != "" {
		return Picture{}, errors.New(p.bad)
	}
	if p.size > pictureLimit {
		return Picture{}, fmt.Errorf("%d bytes, more than the %d that a picture may have", p.size, pictureLimit)
	}
	data, err := os.ReadFile(p.path)
	if err != nil {
		return Picture{}, fmt.Errorf("read: %w", cause(err))
	}
	return Picture{File: data}, nil
}

// openFolder opens a folder. It is a set of classes if all pictures are in subfolders and most have no captions, else a set of pictures
// at any depth.
func openFolder(ctx context.Context, root string, o Options) (Source, error) {
	var repairs captionRepairs
	files, err := findPictures(ctx, root, &repairs)
	if err != nil {
		return nil, err
	}
	if len(files) == 0 {
		return nil, &DataError{Source: root, Reason: "the folder holds no pictures (" + paths.Pictures + ")"}
	}
	f := &folder{files: files, need: o.Need, info: Info{Name: root, Kind: "folder"}}
	captioned := 0
	for i := range files {
		captioned += min(1, len(files[i].captions))
	}
	if 2*captioned < len(files) || o.Need == NeedLabels {
		f.classify()
	}
	if o.Need == NeedCaptions && captioned == 0 && len(f.info.Classes) < 2 {
		return nil, &DataError{
			Source: root,
			Reason: "no picture has a caption: expected a.txt beside a.jpg, one caption a line, or a subfolder for each class",
		}
	}
	if missing := len(files) - captioned; captioned > 0 && missing > 0 && f.info.Classes == nil {
		f.info.Notes = append(f.info.Notes, fmt.Sprintf("%d of %d pictures have no caption", missing, len(files)))
	}
	f.finish(&repairs)
	return f, nil
}

// classify gives each picture the class of its topmost subfolder, unless the folder itself holds pictures.
func (f *folder) classify() {
	var names []string
	for _, p := range f.files {
		name, _, below := strings.Cut(p.name, "/")
		if !below {
			return
		}
		names = append(names, name)
	}
	folders := slices.Compact(slices.Sorted(slices.Values(names)))
	for i, name := range names {
		f.files[i].label, _ = slices.BinarySearch(folders, name)
	}
	for _, name := range folders {
		f.info.Classes = append(f.info.Classes, strings.ToValidUTF8(strings.ReplaceAll(name, "_", " "), "\uFFFD"))
	}
	f.info.Kind = "classes"
}

// finish completes the description of the set.
func (f *folder) finish(repairs *captionRepairs) {
	f.info.Notes = append(f.info.Notes, repairs.notes()...)
	f.info.Fingerprint = fmt.Sprintf("%s n=%d %s", f.info.Kind, len(f.files), fingerprint(len(f.files), func(i int) (string, Entry) {
		p := &f.files[i]
		return p.name, Entry{Size: p.size, Label: p.label, Captions: p.captions}
	}))
}

// OpenFiles opens pictures by their paths as one source without classes. A folder among the paths gives the pictures below it, and a
// picture given twice counts once. A path that doesn't exist is fs.ErrNotExist, and a file that isn't a picture a *UsageError.
func OpenFiles(ctx context.Context, names []string) (Source, error) {
	f := &folder{info: Info{Name: strings.Join(names, " "), Kind: "folder"}}
	var repairs captionRepairs
	seen := map[string]bool{}
	for _, path := range names {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		found, err := findPath(ctx, path, &repairs)
		if err != nil {
			return nil, err
		}
		for _, p := range found {
			if at := paths.Absolute(p.path); !seen[at] {
				seen[at] = true
				p.name = filepath.ToSlash(p.path)
				f.files = append(f.files, p)
			}
		}
	}
	if len(f.files) == 0 {
		return nil, &DataError{Source: f.info.Name, Reason: "no pictures (" + paths.Pictures + ")"}
	}
	f.finish(&repairs)
	return f, nil
}

func findPath(ctx context.Context, path string, repairs *captionRepairs) ([]file, error) {
	st, err := os.Stat(path)
	if err != nil {
		return nil, notFound(path, err)
	}
	if st.IsDir() {
		return findPictures(ctx, path, repairs)
	}
	if !paths.IsPicture(path) {
		return nil, &UsageError{Source: path, Reason: "neither a picture (" + paths.Pictures + ") nor a folder"}
	}
	p := newFile(filepath.Clean(path), filepath.Base(path), st)
	p.readCaptions(stem(path)+".txt", repairs)
	return []file{p}, nil
}

// cause is an error without its path, for callers that name the path themselves.
func cause(err error) error {
	if p := (*fs.PathError)(nil); errors.As(err, &p) {
		return p.Err
	}
	return err
}
