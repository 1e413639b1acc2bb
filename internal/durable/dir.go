package durable

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"syscall"
)

// WriteDir replaces a directory as a whole: after an error or a crash dir is either the previous directory or the complete new one (see
// Sweep).
//
// fill writes regular files and folders to an empty temporary directory next to dir. They are listed in a manifest and synced, the
// directory is renamed to dir, and the previous one is removed. What killed writers of the same dir left there is removed first.
func WriteDir(dir string, fill func(tmp string) error) error {
	return writeDir(theDisk(), filepath.Clean(dir), fill)
}

func writeDir(d disk, dir string, fill func(tmp string) error) error {
	removeLeftovers(dir)
	tmp, release, err := scratch(d, dir)
	if err == nil {
		err = fill(tmp)
	}
	if err == nil {
		err = seal(d, tmp)
	}
	if err == nil {
		err = place(d, tmp, dir)
	}
	if err != nil {
		return giveUp(d, tmp, release, fmt.Errorf("write %s: %w", dir, err))
	}
	release()
	return nil
}

// seal syncs everything in a directory and writes its manifest.
func seal(d disk, dir string) error {
	m := manifest{Files: map[string]entry{}}
	folders := []string{}
	err := filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if e.IsDir() {
			folders = append(folders, path)
			return nil
		}
		name, err := filepath.Rel(dir, path)
		if err != nil {
			return err
		}
		if !e.Type().IsRegular() || name == Manifest {
			return fmt.Errorf("%s: a directory holds regular files and no %s of its own", name, Manifest)
		}
		m.Files[filepath.ToSlash(name)], err = syncFile(d, path)
		return err
	})
	if err != nil {
		return err
	}
	err = fill(d, filepath.Join(dir, Manifest), 0o644, func(w io.Writer) error { return EncodeJSON(w, m) })
	if err != nil {
		return err
	}
	for _, folder := range folders {
		if err := syncDir(d, folder); err != nil {
			return err
		}
	}
	return nil
}

// syncFile syncs a file and returns its manifest entry.
func syncFile(d disk, path string) (entry, error) {
	f, err := d.open(path)
	if err != nil {
		return entry{}, err
	}
	e, err := describe(f)
	if err == nil {
		err = f.Sync()
	}
	return e, errors.Join(err, f.Close())
}

// place moves tmp to dir. If dir exists the two are exchanged in one step. On a file system without exchange it makes two renames, and
// Sweep repairs the state after a crash between them.
func place(d disk, tmp, dir string) error {
	parent := filepath.Dir(dir)
	switch info, err := os.Lstat(dir); {
	case errors.Is(err, fs.ErrNotExist):
		if err := d.rename(tmp, dir); err != nil {
			return err
		}
		return syncDir(d, parent)
	case err != nil:
		return err
	case !info.IsDir():
		return fmt.Errorf("%s is not a directory", dir)
	}
	old := tmp
	if err := d.exchange(tmp, dir); err != nil {
		if old, err = twoRenames(d, tmp, dir); err != nil {
			return err
		}
	}
	if err := syncDir(d, parent); err != nil {
		return err
	}
	_ = d.removeAll(old) // the new directory is complete; Sweep removes the rest of the old one later
	return nil
}

func twoRenames(d disk, tmp, dir string) (old string, err error) {
	old = beside(dir, replaced)
	if err := d.rename(dir, old); err != nil {
		return "", err
	}
	if err := d.rename(tmp, dir); err != nil {
		return "", errors.Join(err, d.rename(old, dir))
	}
	return old, nil
}

var besideName = regexp.MustCompile(`^\.(.+)\.(tmp|old)-[0-9a-f]{16}$`)

// Sweep removes the leftovers of interrupted writes in a directory, and restores a directory whose replacement was interrupted. The caller
// must be the directory's only writer.
func Sweep(dir string) error {
	d := theDisk()
	entries, err := os.ReadDir(dir)
	if err != nil {
		return fmt.Errorf("sweep: %w", err)
	}
	for _, e := range entries {
		part := besideName.FindStringSubmatch(e.Name())
		if part == nil {
			continue
		}
		if err := sweep(d, filepath.Join(dir, e.Name()), filepath.Join(dir, part[1]), part[2]); err != nil {
			return fmt.Errorf("sweep %s: %w", dir, err)
		}
	}
	return syncDir(d, dir)
}

func sweep(d disk, left, name, kind string) error {
	if _, err := os.Lstat(name); kind == replaced && errors.Is(err, fs.ErrNotExist) {
		return d.rename(left, name)
	}
	return d.removeAll(left)
}

// RemoveAll removes a directory with all that is in it. A crash may leave a part of it.
func RemoveAll(dir string) error { return theDisk().removeAll(dir) }

// MkdirAll makes a directory and its missing parents. Unlike os.MkdirAll it syncs the directories that the new ones are in, so that what is
// written durably in a new directory isn't lost with it.
func MkdirAll(dir string) error {
	d := theDisk()
	dir = filepath.Clean(dir)
	info, err := os.Stat(dir)
	switch {
	case err == nil && info.IsDir():
		return nil
	case err == nil:
		return &fs.PathError{Op: "mkdir", Path: dir, Err: syscall.ENOTDIR}
	case !errors.Is(err, fs.ErrNotExist):
		return err
	}
	if err := MkdirAll(filepath.Dir(dir)); err != nil {
		return err
	}
	if err := d.mkdir(dir); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	return syncDir(d, filepath.Dir(dir))
}
