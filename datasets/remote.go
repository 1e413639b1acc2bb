package datasets

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"path/filepath"
	"strings"

	"clipgo/datasets/store"
	"clipgo/internal/bounded"
)

// IsRemote reports whether a name is one of data that is not on this machine, or of a command.
func IsRemote(src string) bool { return store.IsRemote(src) }

// withoutQuery is a name without the query of a URL.
func withoutQuery(name string) string {
	if store.IsRemote(name) {
		name, _, _ = strings.Cut(name, "?")
	}
	return name
}

// extensionOf is the extension of a path or URL, in lower case.
func extensionOf(name string) string {
	return strings.ToLower(path.Ext(filepath.ToSlash(withoutQuery(name))))
}

// folderOf is the folder of a path or URL. A URL's query, which may be a signature, is for the file alone.
func folderOf(name string) string {
	if !store.IsRemote(name) {
		return filepath.Dir(name)
	}
	name = withoutQuery(name)
	return name[:strings.LastIndexByte(name, '/')+1]
}

// resolveIn is the path or URL of a file that a list names, relative to a folder. What is in a list from elsewhere can't name files of this
// machine.
func resolveIn(folder, name string) string {
	switch {
	case name == "":
		return ""
	case store.IsRemote(name):
		return name
	case store.IsRemote(folder):
		return strings.TrimSuffix(folder, "/") + path.Join("/", name)
	case filepath.IsAbs(filepath.FromSlash(name)):
		return filepath.Clean(filepath.FromSlash(name))
	}
	return filepath.Join(folder, filepath.FromSlash(name))
}

// isCommand reports whether a name stands for the output of a command. Users may name one, lists of pictures may not.
func isCommand(name string) bool { return len(name) >= 5 && strings.EqualFold(name[:5], "pipe:") }

// findOne finds the file that a name stands for.
func findOne(ctx context.Context, s *store.Store, name string) (store.Object, error) {
	found, err := s.Find(ctx, name)
	switch {
	case errors.Is(err, fs.ErrNotExist) && !store.IsRemote(name): // of others the store knows the nearest name
		return store.Object{}, notFound(store.Public(name), fs.ErrNotExist)
	case err != nil:
		return store.Object{}, err
	case len(found) != 1:
		return store.Object{}, &UsageError{Source: store.Public(name), Reason: fmt.Sprintf("it stands for %d files; name one", len(found))}
	}
	return found[0], nil
}

// readPicture reads the picture at a path or URL.
func readPicture(ctx context.Context, s *store.Store, name string) (Picture, error) {
	o, err := findOne(ctx, s, name)
	if err == nil && o.Size > pictureLimit {
		err = tooLarge(o.Size)
	}
	if err != nil {
		return Picture{}, refusedByStore(err)
	}
	data, err := s.ReadAll(ctx, o, bounded.Picture)
	return Picture{File: data}, refusedByStore(err)
}

// refusedByStore makes a *DataError of what is no fault of a sample: an object that has changed.
func refusedByStore(err error) error {
	if changed := (*store.ChangedError)(nil); errors.As(err, &changed) {
		_, reason, _ := strings.Cut(changed.Error(), changed.Name+" ")
		return &DataError{Source: changed.Name, Reason: "it " + reason}
	}
	return err
}
