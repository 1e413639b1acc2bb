package serve

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"clipgo/internal/bounded"
	"clipgo/internal/fault"
	"clipgo/internal/paths"
	"clipgo/search"
)

// roots are the folders whose pictures may be read. An index says where pictures are, and anyone may have made it: what it names outside
// of the roots is not opened, and neither are links that lead out.
type roots struct{ list []root }

type root struct {
	dir string // as paths of the index begin
	at  *os.Root
}

func openRoots(dirs []string) (*roots, error) {
	r := &roots{}
	for _, dir := range dirs {
		dir = paths.Absolute(dir)
		at, err := os.OpenRoot(dir)
		if err != nil {
			r.close()
			return nil, fault.Setting("root", "%v", err)
		}
		r.list = append(r.list, root{dir, at})
	}
	return r, nil
}

func (r *roots) close() {
	for _, x := range r.list {
		_ = x.at.Close()
	}
}

func (r *roots) dirs() (out []string) {
	for _, x := range r.list {
		out = append(out, x.dir)
	}
	return out
}

// errOutside is a picture outside of the roots.
var errOutside = &statusError{403, "the picture is not below a folder that this server may show"}

// open opens a regular file below one of the roots.
func (r *roots) open(path string) (*os.File, fs.FileInfo, error) {
	for _, x := range r.list {
		name, ok := strings.CutPrefix(path, strings.TrimSuffix(x.dir, "/")+"/")
		if !ok || !filepath.IsLocal(name) {
			continue
		}
		f, err := x.at.OpenFile(name, os.O_RDONLY|syscall.O_NONBLOCK, 0) // a pipe without a writer doesn't block
		if errors.Is(err, syscall.ENOTDIR) {
			return nil, nil, &statusError{404, "the picture is inside another file"}
		} else if errors.Is(err, fs.ErrNotExist) {
			return nil, nil, &statusError{404, "the picture's file is gone"}
		} else if err != nil {
			return nil, nil, &statusError{403, "the picture's file can't be opened"} // also a link that leads out
		}
		st, err := f.Stat()
		if err == nil && !st.Mode().IsRegular() {
			err = &statusError{403, "the picture is no regular file"}
		}
		if err != nil {
			f.Close()
			return nil, nil, err
		}
		return f, st, nil
	}
	return nil, nil, errOutside
}

// original reads a row's picture. changed: it isn't the file any more that the index knows.
func (s *Server) original(ctx context.Context, snap *snapshot, d search.Detail) (file []byte, changed bool, err error) {
	if !filepath.IsAbs(d.Path) {
		if s.options.Picture == nil {
			return nil, false, &statusError{404, "the picture is no file"}
		}
		file, err = s.options.Picture(ctx, d.Path)
		return file, false, err
	}
	r, err := snap.roots()
	if err != nil {
		return nil, false, err
	}
	f, st, err := r.open(d.Path)
	if err != nil {
		return nil, false, err
	}
	defer f.Close()
	changed = st.Size() != d.Size || !sameTime(st.ModTime(), d)
	file, err = io.ReadAll(io.LimitReader(f, bounded.Picture.Limit+1))
	if err == nil && int64(len(file)) > bounded.Picture.Limit {
		err = &statusError{403, fmt.Sprintf("the picture has more than %d bytes", bounded.Picture.Limit)}
	}
	return file, changed, err
}
