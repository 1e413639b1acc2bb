package store

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"sync"

	"clipgo/internal/bounded"
)

// filePool reads files of this machine and keeps the most recently used ones open.
type filePool struct {
	mu     sync.Mutex
	closed bool
	open   []*openFile // the most recently used one is the last
}

// maxOpenFiles is the number of files that stay open between reads.
const maxOpenFiles = 64

type openFile struct {
	object Object
	file   *os.File
	users  int
	retire bool // the last reader closes it
}

func (p *filePool) find(_ context.Context, name string) ([]Object, error) {
	st, err := os.Stat(name)
	if err == nil {
		return []Object{fileObject(name, st)}, nil
	}
	matches, bad := filepath.Glob(name)
	switch {
	case len(matches) > 0:
	case bad == nil && errors.Is(err, fs.ErrNotExist):
		return nil, missingFile(name)
	default:
		return nil, cause(name, err)
	}
	var out []Object
	for _, m := range matches {
		st, err := os.Stat(m)
		if err != nil {
			return nil, cause(m, err)
		}
		out = append(out, fileObject(m, st))
	}
	return out, nil
}

// missingFile is the error of a name without a file, with the nearest one of its folder.
func missingFile(name string) *MissingError {
	missing := &MissingError{Name: name}
	if !isPattern(name) {
		missing.Reason = "no such file or directory"
	}
	dir := filepath.Dir(literalPrefix(name) + "x") // a name that ends with a slash is a folder
	entries, _ := os.ReadDir(dir)                  // without one there is no name to suggest
	for _, e := range entries {
		missing.Nearest = nearer(name, missing.Nearest, filepath.Join(dir, e.Name()))
	}
	return missing
}

func (p *filePool) list(_ context.Context, folder string) ([]Object, error) {
	entries, err := os.ReadDir(folder)
	if err != nil {
		return nil, cause(folder, err)
	}
	var out []Object
	for _, e := range entries {
		name := filepath.Join(folder, e.Name())
		if st, err := os.Stat(name); err == nil && st.Mode().IsRegular() {
			out = append(out, fileObject(name, st))
		}
	}
	return out, nil
}

func fileObject(name string, st fs.FileInfo) Object {
	return Object{Name: name, Size: st.Size(), Version: fmt.Sprintf("%d-%d", st.Size(), st.ModTime().UnixNano()), ModTime: st.ModTime()}
}

func (p *filePool) readAt(_ context.Context, o Object, b []byte, at int64) (int, error) {
	f, err := p.acquire(o)
	if err != nil {
		return 0, err
	}
	defer p.release(f)
	n, err := f.file.ReadAt(b, at)
	if st, failed := f.file.Stat(); failed == nil && (st.Size() != o.Size || !st.ModTime().Equal(o.ModTime)) {
		return 0, &ChangedError{o.Name} // written in place while it was open
	}
	if err != nil && !errors.Is(err, io.EOF) {
		err = cause(o.Name, err)
	}
	return n, err
}

func (p *filePool) stream(_ context.Context, o Object, at int64) (io.ReadCloser, error) {
	f, err := openUnchanged(o)
	if err != nil {
		return nil, err
	}
	if _, err := f.Seek(at, io.SeekStart); err != nil {
		return nil, errors.Join(cause(o.Name, err), f.Close())
	}
	return f, nil
}

func (p *filePool) acquire(o Object) (*openFile, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		return nil, cause(o.Name, os.ErrClosed)
	}
	for i, f := range p.open {
		if f.object == o {
			p.open = append(append(p.open[:i], p.open[i+1:]...), f)
			f.users++
			return f, nil
		}
	}
	file, err := openUnchanged(o)
	if err != nil {
		return nil, err
	}
	if len(p.open) == maxOpenFiles {
		oldest := p.open[0]
		p.open = append(p.open[:0], p.open[1:]...)
		oldest.close()
	}
	f := &openFile{object: o, file: file, users: 1}
	p.open = append(p.open, f)
	return f, nil
}

// openUnchanged opens a file. A file that isn't the one that was found is a *ChangedError.
func openUnchanged(o Object) (*os.File, error) {
	file, err := bounded.Open(o.Name, bounded.Any)
	if err != nil {
		return nil, cause(o.Name, err)
	}
	st, err := file.Stat()
	if err == nil && o.Version != fileObject(o.Name, st).Version {
		err = &ChangedError{o.Name}
	}
	if err != nil {
		return nil, errors.Join(err, file.Close())
	}
	return file, nil
}

func (p *filePool) release(f *openFile) {
	p.mu.Lock()
	defer p.mu.Unlock()
	f.users--
	if f.retire {
		f.close()
	}
}

// close closes a file that was removed from the pool, as soon as nobody reads it. The pool is locked.
func (f *openFile) close() {
	f.retire = true
	if f.users == 0 {
		_ = f.file.Close() // it was only read
	}
}

func (p *filePool) close() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.closed = true
	for _, f := range p.open {
		f.close()
	}
	p.open = nil
	return nil
}

// cause is an error of a file as one line that begins with its name once.
func cause(name string, err error) error {
	var bad *bounded.Error
	if errors.As(err, &bad) {
		return err
	}
	var path *fs.PathError
	if errors.As(err, &path) {
		err = path.Err
	}
	return fmt.Errorf("%s: %w", name, err)
}
