package datasets

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"clipgo/datasets/store"
	"clipgo/internal/bounded"
	"clipgo/internal/fault"
	"clipgo/internal/paths"
)

// addRemote adds an object, those that match a pattern, or the archives of a folder. An object that can't be reached is an archive that
// can't be read, since a set may have many others. One that doesn't exist is an error, as it is for files.
func (s *shardSet) addRemote(ctx context.Context, name string, _ Need) error {
	if !strings.HasSuffix(name, "/") {
		found, err := s.store.Find(ctx, name)
		var changed *store.ChangedError
		switch {
		case err == nil:
			s.addObjects(found)
			return nil
		case ctx.Err() != nil || fault.Of(err) == fault.Usage || errors.As(err, &changed):
			return err
		case !errors.Is(err, fs.ErrNotExist):
			s.files = append(s.files, newShardFile(store.Object{Name: name, Size: -1}, err))
			return nil
		case isTar(name) || isPackedTar(name):
			return err
		}
	}
	objects, err := s.store.List(ctx, strings.TrimSuffix(name, "/"))
	if err != nil {
		return err
	}
	slices.SortStableFunc(objects, func(a, b store.Object) int { return compareNumbered(a.Name, b.Name) })
	for _, o := range objects {
		switch base := path.Base(o.Name); {
		case s.skip.match(base, false) != "":
			s.ignored.add("excluded by "+s.skip.match(base, false), 1)
		case isTar(base) || isPackedTar(base):
			s.addObjects([]store.Object{o})
		case paths.IsPicture(base):
			s.ignored.add(ignoredPictures, 1)
		case !slices.Contains(besideShards, base):
			s.ignored.addFile(base)
		}
	}
	return nil
}

// readBeside reads the class names, templates and kind of task from files in the folder of a shard or in its parent.
func (s *shardSet) readBeside(ctx context.Context, shard store.Object) error {
	kind, err := s.beside(ctx, shard, "dataset_type.txt")
	if err != nil {
		return err
	}
	if len(kind) > 0 {
		s.kind = strings.ToLower(kind[0])
	}
	s.captionLines, s.severalClasses = s.kind == RetrievalType, s.kind == MultiLabelType
	if s.classes, err = s.beside(ctx, shard, "classnames.txt"); err != nil {
		return err
	}
	templates, err := s.beside(ctx, shard, "zeroshot_classification_templates.txt")
	if s.templates = templates; !s.evaluation {
		s.templates = slices.DeleteFunc(templates, func(line string) bool { return line == "" })
	}
	return err
}

// beside are the lines of a file in the folder of a shard or in its parent.
func (s *shardSet) beside(ctx context.Context, shard store.Object, name string) ([]string, error) {
	var text string
	var err error
	if store.IsRemote(shard.Name) {
		text, err = s.remoteText(ctx, shard, name), ctx.Err()
	} else {
		text, err = textBeside(filepath.Dir(shard.Name), name)
	}
	if err != nil || text == "" {
		return nil, err
	}
	out := lines(text)
	if more := len(pythonLines(text)) - len(out); s.evaluation && more > 0 {
		s.notes = append(s.notes, fmt.Sprintf("%s ends with %d blank lines, which are left out", name, more))
	}
	return out, nil
}

// linesBeside are the trimmed lines of a file in the folder or, if it isn't there, in the folder's parent.
func linesBeside(folder, name string) ([]string, error) {
	text, err := textBeside(folder, name)
	if err != nil || text == "" {
		return nil, err
	}
	return lines(text), nil
}

// textBeside is the content of such a file; empty without one.
func textBeside(folder, name string) (string, error) {
	for _, path := range []string{filepath.Join(folder, name), filepath.Join(folder, "..", name)} {
		if _, err := os.Stat(path); err != nil {
			continue
		}
		text, err := readStart(path, textLimit)
		if err != nil {
			return "", notFound(path, err)
		}
		return text, nil
	}
	return "", nil
}

// lines are the trimmed lines of a text.
func lines(text string) (out []string) {
	text = strings.TrimRight(strings.TrimPrefix(text, byteOrderMark), "\r\n\t ")
	for _, line := range pythonLines(text) {
		out = append(out, strings.ToValidUTF8(strings.TrimSpace(line), "\uFFFD"))
	}
	return out
}

// remoteText is the content of an object in the folder of a shard or in its parent; empty if there is none. A server may refuse to say
// what doesn't exist, or give a page in its place.
func (s *shardSet) remoteText(ctx context.Context, shard store.Object, name string) string {
	for _, up := range []bool{false, true} {
		place := shard.Beside(name, up)
		if place == "" {
			continue
		}
		found, err := s.store.Find(ctx, place)
		if err != nil || len(found) != 1 {
			continue
		}
		text, err := s.store.ReadAll(ctx, found[0], bounded.List)
		if err == nil && !strings.HasPrefix(strings.TrimSpace(string(text)), "<") {
			return string(text)
		}
	}
	return ""
}
