package durable

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"

	"clipgo/internal/bounded"
)

// Manifest is the name of the file that lists a directory's other files. It is written last.
const Manifest = "MANIFEST"

// manifest is the content of that file: each file's size and hash, by its path with slashes.
type manifest struct {
	Files map[string]entry `json:"files"`
}

type entry struct {
	Size   int64  `json:"size"`
	SHA256 string `json:"sha256"`
}

// Problem is a difference between a file and the manifest.
type Problem string

// The ways in which a directory can differ from its manifest.
const (
	Missing   Problem = "missing"
	WrongSize Problem = "wrong size"
	WrongHash Problem = "wrong SHA-256"
	Unlisted  Problem = "not in the manifest"
	Malformed Problem = "not a manifest"
)

// DamageError reports that a directory differs from its manifest.
type DamageError struct {
	Dir, File string
	Problem   Problem
}

func (e *DamageError) Error() string {
	return fmt.Sprintf("%s: %s", filepath.Join(e.Dir, filepath.FromSlash(e.File)), e.Problem)
}

// Verify reads a whole directory and compares it with its manifest. A difference is a *DamageError. Sizes are compared before any file is
// hashed.
func Verify(dir string) error {
	want, err := readManifest(dir)
	if err != nil {
		return err
	}
	have, err := sizes(dir)
	if err != nil {
		return fmt.Errorf("verify %s: %w", dir, err)
	}
	names := slices.Sorted(maps.Keys(want.Files)) // reproducible errors
	for _, name := range names {
		switch size, ok := have[name]; {
		case !ok:
			return &DamageError{dir, name, Missing}
		case size != want.Files[name].Size:
			return &DamageError{dir, name, WrongSize}
		}
		delete(have, name)
	}
	for _, name := range slices.Sorted(maps.Keys(have)) {
		return &DamageError{dir, name, Unlisted}
	}
	for _, name := range names {
		if err := compare(dir, name, want.Files[name]); err != nil {
			return err
		}
	}
	return nil
}

// VerifyListed compares the files that a manifest lists with it, except those that skip names: all sizes, and the hashes of files of at
// most limit bytes. Other files may be there, such as what a user adds to a folder. A difference is a *DamageError.
func VerifyListed(dir string, limit int64, skip func(name string) bool) error {
	want, err := readManifest(dir)
	if err != nil {
		return err
	}
	for _, name := range slices.Sorted(maps.Keys(want.Files)) {
		if skip(name) {
			continue
		}
		if !filepath.IsLocal(filepath.FromSlash(name)) {
			return &DamageError{dir, Manifest, Malformed}
		}
		info, err := os.Stat(filepath.Join(dir, filepath.FromSlash(name)))
		switch {
		case errors.Is(err, fs.ErrNotExist):
			return &DamageError{dir, name, Missing}
		case err != nil:
			return fmt.Errorf("verify: %w", err)
		case !info.Mode().IsRegular() || info.Size() != want.Files[name].Size:
			return &DamageError{dir, name, WrongSize}
		case info.Size() > limit:
			continue
		}
		if err := compare(dir, name, want.Files[name]); err != nil {
			return err
		}
	}
	return nil
}

func compare(dir, name string, want entry) error {
	f, err := os.Open(filepath.Join(dir, filepath.FromSlash(name))) // regular, of the listed size; only its hash is kept
	if err != nil {
		return fmt.Errorf("verify: %w", err)
	}
	defer f.Close()
	got, err := describe(f)
	if err != nil {
		return fmt.Errorf("verify: %w", err)
	}
	if got != want {
		return &DamageError{dir, name, WrongHash}
	}
	return nil
}

func readManifest(dir string) (m manifest, err error) {
	if _, err := os.Stat(dir); err != nil {
		return m, fmt.Errorf("verify: %w", err)
	}
	data, err := bounded.ReadFile(filepath.Join(dir, Manifest), bounded.Manifest)
	if errors.Is(err, fs.ErrNotExist) {
		return m, &DamageError{dir, Manifest, Missing}
	}
	if _, ok := errors.AsType[*bounded.Error](err); ok {
		return m, &DamageError{dir, Manifest, Malformed}
	}
	if err != nil {
		return m, fmt.Errorf("verify: %w", err)
	}
	if err := json.Unmarshal(data, &m); err != nil || m.Files == nil {
		return m, &DamageError{dir, Manifest, Malformed}
	}
	return m, nil
}

// sizes lists all files below a directory except the manifest, with their sizes; -1 for one that is not a regular file.
func sizes(dir string) (map[string]int64, error) {
	out := map[string]int64{}
	dir, err := filepath.EvalSymlinks(dir) // WalkDir doesn't follow a link
	if err != nil {
		return nil, err
	}
	err = filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		name, err := filepath.Rel(dir, path)
		if err != nil || name == Manifest {
			return err
		}
		info, err := e.Info()
		if err != nil {
			return err
		}
		size := info.Size()
		if !info.Mode().IsRegular() {
			size = -1
		}
		out[filepath.ToSlash(name)] = size
		return nil
	})
	return out, err
}

// describe reads a file and returns its size and hash.
func describe(r io.Reader) (entry, error) {
	h := sha256.New()
	n, err := io.Copy(h, r)
	return entry{n, hex.EncodeToString(h.Sum(nil))}, err
}
