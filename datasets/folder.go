package datasets

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"

	"clipgo/internal/bounded"
)

// folder is a source of pictures, each in a file of its own.
type folder struct {
	ownNames bool // classes have no built-in names
	files    []file
	info     Info
	need     Need

	renamed bool // the names of the classes are not those of their folders
}

func (f *folder) Len() int     { return len(f.files) }
func (f *folder) Info() Info   { return f.info }
func (f *folder) Close() error { return nil }

// Entry implements Source.
func (f *folder) Entry(_ context.Context, i int) (Entry, error) { return f.entry(i), nil }

func (f *folder) entry(i int) Entry {
	p := &f.files[i]
	e := Entry{Key: p.path, File: p.path, Captions: p.captions, Weights: p.weights, Label: p.label, Bad: p.bad}
	e.Size, e.ModTime = p.size, p.modified
	if f.need == NeedCaptions && f.info.Classes != nil && len(e.Captions) == 0 {
		e.Captions = []string{f.info.Classes[p.label]}
	}
	return e
}

// pictureLimit is the size of a file, in bytes, above which it isn't read.
var pictureLimit = bounded.Picture.Limit

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
		return Picture{}, tooLarge(p.size)
	}
	data, err := bounded.ReadFile(p.path, bounded.Picture)
	if refused := (*bounded.Error)(nil); errors.As(err, &refused) { // another file has its path now
		return Picture{}, errors.New(refused.Reason)
	}
	if err != nil {
		return Picture{}, fmt.Errorf("read: %w", cause(err))
	}
	return Picture{File: data}, nil
}

func tooLarge(size int64) error {
	return fmt.Errorf("%d bytes, more than the %d that a picture may have", size, pictureLimit)
}

// openFolder opens a folder. It is a set of classes if all pictures are in subfolders and most have no captions, else a set of pictures
// at any depth. Where captions are needed, pictures without one are left out of the latter.
func openFolder(ctx context.Context, root string, o Options) (Source, error) {
	var repairs captionRepairs
	skip, err := o.excludes()
	if err == nil {
		repairs.keys, err = o.jsonKeys(root)
	}
	if err != nil {
		return nil, err
	}
	there, err := findPictures(ctx, root, skip, &repairs)
	if err != nil {
		return nil, err
	}
	f := &folder{need: o.Need, ownNames: o.ownNames(), info: Info{Name: root, Kind: "folder"}}
	f.take(there)
	if len(f.files) == 0 {
		if packed, err := tarsIn(root); err == nil && len(packed) > 0 {
			return openShards(ctx, root, o)
		}
		return nil, f.empty("the folder holds no pictures")
	}
	captioned := 0
	for i := range f.files {
		captioned += min(1, len(f.files[i].captions))
	}
	if 2*captioned < len(f.files) || o.Need == NeedLabels {
		if err := f.classify(root); err != nil {
			return nil, err
		}
	}
	if o.Need == NeedCaptions && captioned == 0 && len(f.info.Classes) < 2 {
		return nil, &DataError{
			Source: root,
			Reason: "no picture has a caption: expected a.txt beside a.jpg, one caption a line, or a subfolder for each class",
		}
	}
	if missing := len(f.files) - captioned; captioned > 0 && missing > 0 && f.info.Classes == nil {
		f.captionless(missing)
	}
	f.finish(&repairs)
	return f, nil
}

// take adds what a folder holds.
func (f *folder) take(there found) {
	f.files = append(f.files, there.files...)
	f.info.Ignored.addAll(there.ignored)
	f.info.Unread = append(f.info.Unread, there.unread...)
}

// empty is the error of a folder without pictures.
func (f *folder) empty(what string) error {
	reason := what + " (" + pictureList() + ")"
	if len(f.info.Ignored) > 0 {
		reason += "; " + f.info.Ignored.String()
	}
	for _, u := range f.info.Unread {
		reason += "; " + u.Key + ": " + u.Reason
	}
	return &DataError{Source: f.info.Name, Reason: reason}
}

// captionless leaves out pictures without a caption if captions are needed, else it notes how many there are.
func (f *folder) captionless(missing int) {
	if f.need != NeedCaptions {
		f.info.Notes = append(f.info.Notes, fmt.Sprintf("%d of %d pictures have no caption", missing, len(f.files)))
		return
	}
	all := len(f.files)
	f.files = slices.DeleteFunc(f.files, func(p file) bool { return len(p.captions) == 0 && p.bad == "" })
	f.info.Ignored.add(ignoredNoCaption, all-len(f.files))
}

// classify gives each picture the class of its topmost subfolder, unless the folder itself holds pictures. A classnames.txt in the folder,
// or beside it, gives the classes their names.
func (f *folder) classify(root string) error {
	var folders, names []string
	for _, p := range f.files {
		name, _, below := strings.Cut(p.name, "/")
		if !below {
			return nil
		}
		folders = append(folders, name)
	}
	number := map[string]int{} // by class name; two folders may have the same
	for _, name := range slices.Compact(slices.Sorted(slices.Values(folders))) {
		class := className(name)
		if first, again := number[class]; again {
			f.info.Notes = append(f.info.Notes, fmt.Sprintf("folder %s is of the same class as an earlier one: %s", name, names[first]))
			continue
		}
		number[class] = len(names)
		names = append(names, class)
	}
	for i, name := range folders {
		f.files[i].label = number[className(name)]
	}
	f.info.Classes, f.info.Kind = names, "classes"
	return f.nameClasses(root)
}

// nameClasses reads classnames.txt, in the folder or beside it. Without one, folders may have built-in names.
func (f *folder) nameClasses(root string) error {
	lines, err := linesBeside(root, "classnames.txt")
	if err != nil {
		return err
	}
	if lines == nil {
		if !f.ownNames {
			f.nameBuiltin(root)
		}
		return nil
	}
	if named, wrong := NameClasses(f.info.Classes, lines); wrong != nil {
		f.info.Notes = append(f.info.Notes, fmt.Sprintf("classnames.txt doesn't fit and is not used: %v", wrong))
	} else if !slices.Equal(named, f.info.Classes) {
		f.info.Classes, f.renamed = named, true
		f.info.Notes = append(f.info.Notes, fmt.Sprintf("classnames.txt names the %d class folders", len(named)))
	}
	return nil
}

// className is the name of a folder's class.
func className(folder string) string {
	return strings.ToValidUTF8(strings.ReplaceAll(folder, "_", " "), "\uFFFD")
}

// finish completes the description of the set.
func (f *folder) finish(repairs *captionRepairs) {
	f.info.Notes = append(f.info.Notes, repairs.notes()...)
	f.info.Fingerprint = fmt.Sprintf("%s n=%d %s", f.info.Kind, len(f.files), fingerprint(len(f.files), func(i int) (string, Entry) {
		p := &f.files[i]
		return p.name, Entry{Size: p.size, Label: p.label, Captions: p.captions}
	}))
	if f.renamed {
		f.info.Fingerprint += fmt.Sprintf(" %x", sha256.Sum256([]byte(strings.Join(f.info.Classes, "\n"))))[:9]
	}
}

// cause is an error without its path, for callers that name the path themselves.
func cause(err error) error {
	if p := (*fs.PathError)(nil); errors.As(err, &p) {
		return p.Err
	}
	if refused := (*bounded.Error)(nil); errors.As(err, &refused) {
		return errors.New(refused.Reason)
	}
	return err
}
